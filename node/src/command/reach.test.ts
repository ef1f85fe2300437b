import { createServer, type Server } from 'node:http';
import { createServer as createSocketServer } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { checkGateway, whyUnreachable } from './reach.ts';

let server: Server | ReturnType<typeof createSocketServer> | null = null;
afterEach(
  () => new Promise<void>((resolve) => (server === null ? resolve() : server.close(() => resolve()))),
);

async function serve(answer: (path: string) => [number, string]): Promise<string> {
  server = createServer((request, response) => {
    const [status, text] = answer(request.url ?? '');
    response.writeHead(status, { connection: 'close' }).end(text);
  });
  return listening();
}

async function listening(): Promise<string> {
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${Object(server?.address()).port}`;
}

it('a gateway is one that says it is alive', async () => {
  const host = await serve((path) => (path === '/health/live' ? [200, '{"status":"ok"}'] : [404, '']));
  await checkGateway(`http://${host}`);
});

it('another server is none', async () => {
  const host = await serve(() => [404, '<html>']);
  await expect(checkGateway(`http://${host}`)).rejects.toThrow('no ZeroGPU gateway (HTTP 404');
});

it('where nobody listens it says what may be missing', async () => {
  const host = await serve(() => [200, '']);
  await new Promise((resolve) => server?.close(resolve));
  server = null;
  await expect(checkGateway(`http://${host}`)).rejects.toThrow('started with HOST=0.0.0.0');
});

it('TLS where there is none says to use http', async () => {
  const host = await serve(() => [200, '']);
  await expect(checkGateway(`https://${host}`)).rejects.toThrow(`try http://${host}`);
});

it('a server that hangs up may want TLS', async () => {
  server = createSocketServer((socket) => socket.destroy());
  const host = await listening();
  await expect(checkGateway(`http://${host}`)).rejects.toThrow(`try https://${host}`);
});

it.each([
  ['ENOTFOUND', 'no host called "gateway.example.com"'],
  ['EHOSTUNREACH', 'no way to gateway.example.com:8080'],
  ['ABORT_ERR', 'No answer'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'NODE_EXTRA_CA_CERTS'],
  ['CERT_HAS_EXPIRED', 'expired'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'another name'],
  ['EWHATEVER', 'Cannot reach gateway.example.com:8080: words'],
])('%s is told in words', (code, words) => {
  const error = Object.assign(new Error('words'), { code });
  expect(whyUnreachable('https://gateway.example.com:8080', error)).toContain(words);
});
