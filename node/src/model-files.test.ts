import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ModelManifest } from '@zerogpu/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { modelFileUrl } from './fetch-model-file.ts';
import { MemoryStore } from './memory-store.ts';
import { ModelFiles, type ModelFilesOptions } from './model-files.ts';
import { makeManifest } from './testing/in-test-runtime.ts';

const WEIGHTS = Buffer.alloc(300_000, 'weights ');
const hashOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const manifestOf = (id: string, bytes: Buffer): ModelManifest => ({
  ...makeManifest(id),
  files: [{ path: 'model.zlm', bytes: bytes.length, sha256: hashOf(bytes) }],
});
const manifest = manifestOf('a', WEIGHTS);

type Handler = (request: IncomingMessage, response: ServerResponse, n: number) => void;
let server: Server;
let handler: Handler;
let asked: { path: string | undefined; range: string | undefined }[];
const store = { now: new MemoryStore() };
const lines: string[] = [];

beforeEach(async () => {
  asked = [];
  lines.length = 0;
  store.now = new MemoryStore();
  server = createServer((request, response) => {
    asked.push({ path: request.url, range: request.headers.range });
    handler(request, response, asked.length);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const port = () => (server.address() as AddressInfo).port;

function files(options: Partial<ModelFilesOptions> = {}): ModelFiles {
  return new ModelFiles({
    store: store.now,
    gatewayUrl: `ws://127.0.0.1:${port()}/v1/nodes/connect`,
    capBytes: 1e6,
    fetch,
    random: () => 0,
    log: (line) => lines.push(line),
    ...options,
  });
}

const progress: number[] = [];
const wishes = {
  progress: (n: number) => progress.push(n),
  needed: () => new Set<string>(),
  signal: new AbortController().signal,
};
const read = (options: Partial<ModelFilesOptions> = {}, of = manifest) =>
  files(options).source(of, wishes).read('model.zlm');
const stored = () => store.now.list();

/** Serves ranges as a gateway does. */
function serve(
  response: ServerResponse,
  range: string | undefined,
  bytes = WEIGHTS,
  upTo = bytes.length,
): void {
  const from = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
  const headers = from > 0 ? { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {};
  response.writeHead(from > 0 ? 206 : 200, { ...headers, 'content-length': bytes.length - from });
  const part = bytes.subarray(from, upTo);
  if (upTo === bytes.length) response.end(part);
  else response.write(part, () => response.destroy());
}

test.each([
  ['ws://127.0.0.1:8080/v1/nodes/connect', 'http://127.0.0.1:8080/v1/nodes/models/'],
  ['wss://gateway.example.com/v1/nodes/connect?x=1', 'https://gateway.example.com/v1/nodes/models/'],
  ['wss://example.com/zerogpu/v1/nodes/connect', 'https://example.com/zerogpu/v1/nodes/models/'],
  ['wss://example.com/behind/a/proxy', 'https://example.com/v1/nodes/models/'],
])('%s gives files at %s', (gateway, expected) => {
  expect(modelFileUrl(gateway, 'abc')).toBe(`${expected}abc`);
});

test('fetches once, keeps, and verifies what it kept', async () => {
  handler = ({ headers }, response) => serve(response, headers.range);
  expect(Buffer.from(await read())).toEqual(WEIGHTS);
  expect(Buffer.from(await read())).toEqual(WEIGHTS);
  expect(asked).toEqual([{ path: `/v1/nodes/models/${hashOf(WEIGHTS)}`, range: undefined }]);
  expect(progress.at(-1)).toBe(WEIGHTS.length);
});

test('those who want the same file at once share one fetch', async () => {
  handler = ({ headers }, response) => serve(response, headers.range);
  const all = files();
  await Promise.all([1, 2, 3].map(() => all.source(manifest, wishes).read('model.zlm')));
  expect(asked).toHaveLength(1);
});

test('takes what lies on the device first, and nothing from it that is damaged', async () => {
  handler = ({ headers }, response) => serve(response, headers.range);
  const local = { read: () => Promise.resolve(new Uint8Array(WEIGHTS)) };
  await read({ local: () => local });
  expect(asked).toEqual([]);
  await read({ local: () => ({ read: () => Promise.reject(new Error('is damaged')) }) });
  expect(asked).toHaveLength(1);
});

test('goes on where the connection broke', async () => {
  handler = ({ headers }, response, n) =>
    serve(response, headers.range, WEIGHTS, n === 1 ? 100_000 : undefined);
  expect(Buffer.from(await read())).toEqual(WEIGHTS);
  expect(asked.map(({ range }) => range)).toEqual([undefined, 'bytes=100000-']);
});

test('goes on after a restart, and begins anew at a gateway that gives no ranges', async () => {
  handler = (_request, response) => serve(response, undefined);
  await store.now.append(hashOf(WEIGHTS), 0, new Uint8Array(WEIGHTS.subarray(0, 5)));
  expect(Buffer.from(await read())).toEqual(WEIGHTS);
  expect(asked[0]?.range).toBe('bytes=5-');
});

test('asks again while the gateway has trouble, and gives up in words', async () => {
  handler = ({ headers }, response, n) =>
    n < 3 ? response.writeHead(503).end() : serve(response, headers.range);
  expect(Buffer.from(await read())).toEqual(WEIGHTS);
  store.now = new MemoryStore();
  handler = (_request, response) => response.writeHead(503).end();
  await expect(read()).rejects.toThrow('The gateway did not give the file: it answers 503');
  expect(asked).toHaveLength(3 + 6);
});

test('refuses other bytes than the manifest’s, keeps none of them and says so', async () => {
  handler = (_request, response) => response.end(Buffer.alloc(WEIGHTS.length, 'wrong'));
  await expect(read()).rejects.toThrow('SHA-256');
  expect(await stored()).toEqual([]);
  expect(asked).toHaveLength(1);
  expect(lines.at(-1)).toMatch(/^Refused what the gateway gave for a: /);
});

test('stops listening to a gateway that gives more than the file has', async () => {
  handler = (_request, response) => {
    const more = () => {
      for (let room = true; room && !response.destroyed; ) room = response.write(Buffer.alloc(65_536));
    };
    response.on('drain', more);
    more();
  };
  await expect(read()).rejects.toThrow('gives more than the 300000 bytes');
  expect(await stored()).toEqual([]);
});

test('does not ask for ever at a gateway that gives too little', async () => {
  handler = (_request, response) => response.end('x');
  await expect(read()).rejects.toThrow('it ended too soon');
  expect(asked).toHaveLength(6);
});

test('follows no redirect', async () => {
  const other = createServer((_request, response) => response.end(WEIGHTS));
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  let visits = 0;
  other.on('request', () => visits++);
  handler = (_request, response) =>
    response.writeHead(302, { location: `http://127.0.0.1:${(other.address() as AddressInfo).port}/` }).end();
  await expect(read()).rejects.toThrow('did not give the file');
  expect(visits).toBe(0);
  await new Promise((resolve) => other.close(resolve));
});

test.each([
  ['another part', 206, { 'content-range': 'bytes 0-9/10' }],
  ['a part without saying which', 206, {}],
  ['nothing', 404, {}],
])('%s is no answer to a range', async (_name, status, headers) => {
  await store.now.append(hashOf(WEIGHTS), 0, new Uint8Array(5));
  handler = (_request, response) => response.writeHead(status, headers).end();
  await expect(read()).rejects.toMatchObject({ name: 'FetchFailed' });
  expect(await stored()).toEqual([]);
});

test('fetches again what rotted in the store', async () => {
  handler = ({ headers }, response) => serve(response, headers.range);
  await read();
  const truth = await store.now.read(hashOf(WEIGHTS));
  truth?.fill(0, 10, 20);
  expect(Buffer.from(await read())).toEqual(WEIGHTS);
  expect(asked).toHaveLength(2);
  expect(lines.join()).toContain('is damaged');
});

test('makes room by what nobody needs, and says so when there is none', async () => {
  handler = ({ url }, response) => {
    const bytes = [WEIGHTS, other, third].find((one) => url?.endsWith(hashOf(one)));
    response.end(bytes);
  };
  const other = Buffer.alloc(300_000, 'other');
  const third = Buffer.alloc(300_000, 'third');
  const capBytes = 700_000;
  await read({ capBytes });
  await read({ capBytes }, manifestOf('b', other));
  const needed = new Set([hashOf(WEIGHTS)]);
  const all = files({ capBytes });
  await all.source(manifestOf('c', third), { ...wishes, needed: () => needed }).read('model.zlm');
  expect((await stored()).map(({ sha256 }) => sha256).sort()).toEqual(
    [hashOf(WEIGHTS), hashOf(third)].sort(),
  );
  await expect(read({ capBytes: 200_000 })).resolves.toBeDefined();
  await expect(read({ capBytes: 200_000 }, manifestOf('b', other))).rejects.toThrow('does not fit');
});

test('stops when nobody wants the file any more', async () => {
  const abort = new AbortController();
  handler = (_request, response) => {
    response.write('x');
    abort.abort(new Error('the node ends'));
  };
  const source = files().source(manifest, { ...wishes, signal: abort.signal });
  await expect(source.read('model.zlm')).rejects.toThrow('the node ends');
});
