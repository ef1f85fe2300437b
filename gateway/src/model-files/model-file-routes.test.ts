import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findManifest } from '@zerogpu/catalogue';
import { ApiError, type ModelManifest } from '@zerogpu/protocol';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { addModelFiles } from './model-file-routes.ts';
import { ModelWeights } from './model-files.ts';

const BYTES = Buffer.from('the weights of a model, which are open to all');
const HASH = createHash('sha256').update(BYTES).digest('hex');
const manifest: ModelManifest = {
  ...findManifest('zlm-v1-summary-cloud')!,
  id: 'a',
  files: [{ path: 'model.zlm', bytes: BYTES.length, sha256: HASH }],
};

let folder: string;
let app: FastifyInstance;

async function open(limits: { maxAtOnce?: number; stallMs?: number } = {}): Promise<void> {
  app = Fastify();
  app.setErrorHandler((error, _request, reply) => {
    const { row, message, code } = error instanceof ApiError ? error : new ApiError('internal_error');
    return reply.code(row.status).send({ error: { message, code } });
  });
  const weights = new ModelWeights(folder, [manifest]);
  addModelFiles(app, { weights, ...limits });
  await app.listen({ host: '127.0.0.1', port: 0 });
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zerogpu-weights-'));
  await mkdir(join(folder, 'a'));
  await writeFile(join(folder, 'a', 'model.zlm'), BYTES);
  await open();
});

afterEach(async () => {
  await app.close();
  await rm(folder, { recursive: true });
});

const address = () => `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
const ask = (hash: string, headers: Record<string, string> = {}, method = 'GET') =>
  fetch(`${address()}/v1/nodes/models/${hash}`, { headers, method });

test('gives a file by its hash, to keep for ever, to pages of any origin', async () => {
  const answer = await ask(HASH);
  expect(answer.status).toBe(200);
  expect(Buffer.from(await answer.arrayBuffer())).toEqual(BYTES);
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    'content-length': String(BYTES.length),
    'content-type': 'application/octet-stream',
    'accept-ranges': 'bytes',
    'access-control-allow-origin': '*',
    'access-control-expose-headers': expect.stringContaining('content-range'),
    'cache-control': 'public, max-age=31536000, immutable',
    etag: `"${HASH}"`,
  });
});

test('says how large it is without giving it', async () => {
  const answer = await ask(HASH, {}, 'HEAD');
  expect([answer.status, answer.headers.get('content-length'), await answer.text()]).toEqual([
    200,
    String(BYTES.length),
    '',
  ]);
});

test.each([
  ['bytes=4-', BYTES.subarray(4)],
  ['bytes=4-6', BYTES.subarray(4, 7)],
  ['bytes=-3', BYTES.subarray(-3)],
])('gives the range %s', async (range, expected) => {
  const answer = await ask(HASH, { range });
  expect(answer.status).toBe(206);
  expect(answer.headers.get('content-range')).toMatch(new RegExp(`^bytes \\d+-\\d+/${BYTES.length}$`));
  expect(Buffer.from(await answer.arrayBuffer())).toEqual(expected);
});

test('of a range that lies outside says how much there is', async () => {
  const answer = await ask(HASH, { range: `bytes=${BYTES.length}-` });
  expect([answer.status, answer.headers.get('content-range')]).toEqual([416, `bytes */${BYTES.length}`]);
});

test('gives all when the range is of another file, and nothing when the caller has it', async () => {
  expect((await ask(HASH, { range: 'bytes=4-', 'if-range': '"another"' })).status).toBe(200);
  expect((await ask(HASH, { range: 'bytes=4-', 'if-range': `"${HASH}"` })).status).toBe(206);
  expect((await ask(HASH, { 'if-none-match': `"${HASH}"` })).status).toBe(304);
});

test.each([
  'f'.repeat(64),
  HASH.toUpperCase(),
  '__proto__',
  'constructor',
  '..%2f..%2fpackage.json',
  '%2e%2e',
  'model.zlm',
  'a%2fmodel.zlm',
  `${HASH}%00`,
])('there is nothing at %s', async (name) => {
  const answer = await ask(name);
  expect(answer.status).toBe(404);
  expect(await answer.text()).not.toContain(folder);
});

test.each([
  ['other bytes of the same length', Buffer.alloc(BYTES.length, 'x')],
  ['fewer bytes', BYTES.subarray(1)],
])('does not give %s', async (_name, bytes) => {
  await writeFile(join(folder, 'a', 'model.zlm'), bytes);
  expect((await ask(HASH)).status).toBe(404);
});

test('notices that a file was changed after it was found right', async () => {
  expect((await ask(HASH)).status).toBe(200);
  await new Promise((resolve) => setTimeout(resolve, 5));
  await writeFile(join(folder, 'a', 'model.zlm'), Buffer.alloc(BYTES.length, 'x'));
  expect((await ask(HASH)).status).toBe(404);
  await new Promise((resolve) => setTimeout(resolve, 5));
  await writeFile(join(folder, 'a', 'model.zlm'), BYTES);
  expect((await ask(HASH)).status).toBe(200);
});

test('who hangs up before the file is found takes no place for good', async () => {
  await app.close();
  const gate = Promise.withResolvers<void>();
  let asked = 0;
  const weights = new ModelWeights(folder, [manifest]);
  app = Fastify();
  addModelFiles(app, {
    weights: {
      async find(sha256) {
        asked++;
        await gate.promise;
        return weights.find(sha256);
      },
    },
    maxAtOnce: 1,
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  await hangUpWhenAsked(() => asked);
  gate.resolve();
  await vi.waitFor(async () => expect((await ask(HASH)).status).toBe(200));
});

test('gives no more at once than it may, and has the place again when one is read or given up', async () => {
  await app.close();
  const large = Buffer.alloc(64 * 1024 * 1024, 'weights');
  const sha256 = createHash('sha256').update(large).digest('hex');
  await writeFile(join(folder, 'a', 'model.zlm'), large);
  Object.assign(manifest.files[0]!, { bytes: large.length, sha256 });
  await open({ maxAtOnce: 1 });
  const slow = request(`${address()}/v1/nodes/models/${sha256}`).end();
  await new Promise((resolve) => slow.once('response', resolve));
  const refused = await ask(sha256);
  expect([refused.status, await refused.json()]).toMatchObject([503, { error: { code: 'no_capacity' } }]);
  slow.destroy();
  let status = 503;
  while (status === 503) status = (await ask(sha256, { range: 'bytes=0-9' })).status;
  expect(status).toBe(206);
});

test('one address alone does not take all places, and who reads nothing loses its own', async () => {
  await app.close();
  await open({ maxAtOnce: 4, stallMs: 200 });
  const { sha256 = '' } = manifest.files[0] ?? {};
  await writeFile(join(folder, 'a', 'model.zlm'), Buffer.alloc(64 * 1024 * 1024, 'weights'));
  const sleepers = [0, 1].map(() => request(`${address()}/v1/nodes/models/${sha256}`).end());
  await Promise.all(sleepers.map((one) => new Promise((resolve) => one.once('response', resolve))));
  const status = async (localAddress: string) => {
    const options = { localAddress, headers: { range: 'bytes=0-9' } };
    const call = request(`${address()}/v1/nodes/models/${sha256}`, options).end();
    const [answer] = await once(call, 'response');
    answer.resume();
    return answer.statusCode;
  };
  expect([await status('127.0.0.1'), await status('127.0.0.2')]).toEqual([503, 206]);
  for (const one of sleepers) one.on('error', () => undefined);
  await vi.waitFor(async () => expect(await status('127.0.0.1')).toBe(206), 5_000);
});

/** Asks, and is gone as soon as the gateway looks for the file. */
async function hangUpWhenAsked(asked: () => number): Promise<void> {
  const call = request(`${address()}/v1/nodes/models/${HASH}`);
  call.on('error', () => undefined);
  call.end();
  await vi.waitFor(() => expect(asked()).toBe(1));
  const gone = new Promise((resolve) => app.server.once('connection', resolve));
  call.destroy();
  // The server has seen the end of it when it takes the next.
  await Promise.all([fetch(`${address()}/nothing`), gone]);
}
