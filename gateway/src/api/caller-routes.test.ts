import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import Fastify from 'fastify';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { CallerRoute } from '../caller-route.ts';
import type { Caller } from '../flow.ts';
import { addCallerRoutes } from './caller-routes.ts';

/** More than systems keep of a connection that nobody reads. */
const LONG = { text: 'x'.repeat(12 * 2 ** 20) };
const STALLED_MS = 3_000;

let app: ReturnType<typeof Fastify>;
let url: string;
const inFlight = { count: 0 };
const sockets: Socket[] = [];

beforeEach(async () => {
  app = Fastify();
  const route: CallerRoute = {
    method: 'GET',
    path: '/long',
    answer: async () => ({ kind: 'json', body: LONG }),
  };
  addCallerRoutes(app, [route], {
    inFlight,
    maxInFlight: 1_000,
    bodyTimeoutMs: STALLED_MS,
    authenticate: async (headers) => ({ organizationId: String(headers['x-api-key']) }) as Caller,
    now: Date.now,
    report: () => undefined,
  });
  url = await app.listen({ port: 0, host: '127.0.0.1' });
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await app.close();
});

async function askAndReadNothing(key: string): Promise<void> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname).pause();
  socket.on('error', () => undefined);
  sockets.push(socket);
  await once(socket, 'connect');
  socket.write(`GET /long HTTP/1.1\r\nhost: x\r\nx-api-key: ${key}\r\n\r\n`);
}

it('long answers are whole, few at once for who does not read them, and cut off in the end', {
  timeout: 60_000,
}, async () => {
  const ask = (key: string) => fetch(`${url}/long`, { headers: { 'x-api-key': key } });
  expect(await (await ask('one')).json()).toEqual(LONG);
  await Promise.all(Array.from({ length: 16 }, () => askAndReadNothing('one')));
  await vi.waitFor(() => expect(inFlight.count).toBe(16), { timeout: 10_000 });
  const refused = await ask('one');
  expect(refused.status).toBe(429);
  expect(await refused.json()).toMatchObject({ error: { code: 'rate_limit_exceeded' } });
  expect(await (await ask('another')).json()).toEqual(LONG);
  await vi.waitFor(() => expect(inFlight.count).toBe(0), { timeout: 20_000, interval: 100 });
  expect((await ask('one')).status).toBe(200);
});
