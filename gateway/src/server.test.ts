import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { Value } from '@sinclair/typebox/value';
import { ErrorBody, isId, NODE_CONNECT_PATH, NODE_SUBPROTOCOL } from '@zerogpu/protocol';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { answering, KEY, type OpenServer, openServer } from './testing/open-server.ts';
import { announced, ScriptedNode, SUMMARY } from './testing/scripted-node.ts';

const body = { model: SUMMARY, input: 'The sky is blue.' };
let server: OpenServer;

beforeAll(async () => {
  server = await openServer();
});
beforeEach(() => {
  server.targets.splice(0, Infinity, answering());
});
afterAll(() => server.close());

async function socket(): Promise<Socket> {
  const { hostname, port } = new URL(server.url);
  const one = connect(Number(port), hostname);
  one.on('error', () => undefined);
  await new Promise((resolve) => one.once('connect', resolve));
  return one;
}

/** Writes these bytes and gives everything that comes back until the server closes. */
async function raw(request: string): Promise<string> {
  const one = await socket();
  one.write(request);
  return text(one);
}

const post = (headers: string, sent: string, path = '/v1/responses') =>
  raw(
    `POST ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-api-key: ${KEY}\r\n${headers}content-length: ${Buffer.byteLength(sent)}\r\n\r\n${sent}`,
  );

const statusOf = (answer: string) => Number(answer.split(' ')[1]);
const JSON_TYPE = 'content-type: application/json\r\n';

async function refusal(response: Response): Promise<{ code: string | null; message: string }> {
  const { error } = Value.Parse(ErrorBody, await response.json());
  expect(isId('request', response.headers.get('x-request-id') ?? '')).toBe(true);
  return error;
}

describe('addresses', () => {
  test.each([
    ['GET', '/v1/nothing', 404, 'not_found'],
    ['GET', '/v1/responses', 405, 'method_not_allowed'],
    ['PUT', '/v1/chat/completions', 405, 'method_not_allowed'],
    ['DELETE', '/v1/models', 405, 'method_not_allowed'],
    ['GET', '/v1/%zz', 404, 'not_found'],
    ['GET', `/${'x'.repeat(5000)}`, 404, 'not_found'],
    ['GET', '/__proto__', 404, 'not_found'],
    ['POST', '/*///x', 404, 'not_found'],
    ['POST', '/:a/(b)/*', 404, 'not_found'],
    ['POST', '/v1/models/x', 405, 'method_not_allowed'],
    ['POST', '/v1/models/*', 405, 'method_not_allowed'],
    ['OPTIONS', '/health', 405, 'method_not_allowed'],
    ['GET', '/v1/models', 401, 'invalid_api_key'],
  ])('%s %s is %i', async (method, path, status, code) => {
    const response = await fetch(server.url + path, { method });
    expect(response.status).toBe(status);
    const error = await refusal(response);
    expect(error.code).toBe(code);
    expect(error.message.length).toBeLessThan(400);
  });

  test('models are listed and found for a known key', async () => {
    const headers = { authorization: `Bearer ${KEY}` };
    const list = await (await fetch(`${server.url}/v1/models`, { headers })).json();
    expect(list).toMatchObject({ object: 'list', data: expect.any(Array) });
    const one = await fetch(`${server.url}/v1/models/${SUMMARY}`, { headers });
    expect(await one.json()).toMatchObject({ id: SUMMARY });
    for (const id of ['nobody', 'a/b', '', '__proto__', '%00', 'x'.repeat(900)]) {
      const missing = await fetch(`${server.url}/v1/models/${id}`, { headers });
      expect([missing.status, (await refusal(missing)).code]).toEqual([404, 'model_not_found']);
    }
  });

  test('health, metrics and the document need no key', async () => {
    for (const path of ['/health', '/health/live', '/health/ready', '/metrics', '/openapi.json']) {
      const response = await fetch(server.url + path);
      expect(response.headers.get('x-request-id')).toMatch(/^req_/);
      await response.text();
    }
    expect((await fetch(`${server.url}/health/ready`)).status).toBe(200);
  });

  test('a preflight of any page is answered', async () => {
    const response = await fetch(`${server.url}/v1/responses`, { method: 'OPTIONS' });
    expect(response.status).toBe(204);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'access-control-allow-origin': '*',
      'access-control-allow-headers': '*, authorization',
      'x-request-id': expect.stringMatching(/^req_/),
    });
  });
});

describe('headers', () => {
  test.each([
    'nonsense',
    'a',
    '/',
    'application/',
    'text/plain',
    '*/*',
    ';;;',
    'application/json garbage',
    '\u00e9',
  ])('the content type %j is 415', async (type) => {
    const answer = await post(`content-type: ${type}\r\n`, '{}');
    expect(statusOf(answer)).toBe(415);
    expect(answer).toContain('unsupported_media_type');
  });

  test('no content type is 415, with and without a body', async () => {
    expect(statusOf(await post('', '{}'))).toBe(415);
    expect(statusOf(await post('', ''))).toBe(415);
  });

  test('of two content types the first counts; two keys are none; two projects are none of the key', async () => {
    const sent = JSON.stringify(body);
    expect(statusOf(await post(`${JSON_TYPE}content-type: text/plain\r\n`, sent))).toBe(200);
    expect(statusOf(await post(`${JSON_TYPE}x-api-key: ${KEY}\r\n`, sent))).toBe(401);
    expect(statusOf(await post(`${JSON_TYPE}x-project-id: p\r\n`, sent))).toBe(200);
    expect(statusOf(await post(`${JSON_TYPE}x-project-id: p\r\nx-project-id: p\r\n`, sent))).toBe(403);
    expect(statusOf(await post(`${JSON_TYPE}__proto__: x\r\nconstructor: y\r\n`, sent))).toBe(200);
  });

  test('nothing that a caller sends comes back in a header', async () => {
    const response = await server.post(body, {
      'idempotency-key': 'a\u00e9;b',
      'x-request-id': 'mine',
      cookie: 'a=b',
    });
    const headers = JSON.stringify([...response.headers]);
    expect(response.status).toBe(200);
    for (const theirs of ['mine', 'a=b', ';b']) expect(headers).not.toContain(theirs);
  });

  test('what is no HTTP is told so, in the form of every error', async () => {
    for (const [request, status] of [
      ['nonsense\r\n\r\n', 400],
      ['GET / HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n', 400],
      [`GET / HTTP/1.1\r\nhost: x\r\na: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
      [
        'POST /v1/responses HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n',
        400,
      ],
    ] as const) {
      const answer = await raw(request);
      expect(statusOf(answer)).toBe(status);
      expect(Value.Check(ErrorBody, JSON.parse(answer.split('\r\n\r\n')[1] ?? ''))).toBe(true);
      expect(answer).toMatch(/x-request-id: req_/);
    }
  });
});

describe('bodies', () => {
  const inputs = [
    'a\u0000b',
    '\ud83d',
    '\ud83d\ude00'.repeat(65_536),
    'x'.repeat(131_073),
    Array.from({ length: 4096 }, () => ({ role: 'user', content: 'x' })),
    [{ role: 'user', content: [{ type: 'input_text', text: '\u202e\u2028' }] }],
    { __proto__: null },
    null,
    [null],
    1e308,
    [[[[]]]],
  ];

  test.each(inputs.map((input, i) => [i, input]))(
    'input %i is answered or refused, never broken',
    async (_i, input) => {
      for (const stream of [false, true]) {
        const response = await server.post({ ...body, input, stream });
        expect([200, 400, 420]).toContain(response.status);
        await response.text();
      }
      expect(server.memory.reports).toEqual([]);
    },
  );

  test('of any shape are answered or refused, never broken', async () => {
    const names = fc.constantFrom(
      'model',
      'input',
      'messages',
      'metadata',
      'text',
      'stream',
      'seed',
      '__proto__',
      'temperature',
    );
    const value = fc.oneof(fc.jsonValue(), fc.constantFrom(SUMMARY, 'x', true, 1));
    const path = fc.constantFrom('/v1/responses', '/v1/chat/completions');
    await fc.assert(
      fc.asyncProperty(path, fc.dictionary(names, value), async (to, fields) => {
        const response = await server.post(
          { ...body, messages: [{ role: 'user', content: 'x' }], ...fields },
          {},
          to,
        );
        await response.text();
        expect(response.status).toBeLessThan(500);
      }),
    );
    expect(server.memory.reports).toEqual([]);
  });

  test('of 10 MB are refused, and the connection is good for the next', async () => {
    const response = await server.post({ ...body, input: 'x'.repeat(10_000_000) });
    expect([response.status, (await refusal(response)).code]).toEqual([413, 'request_too_large']);
    expect((await server.post(body)).status).toBe(200);
  });

  test('that break off, with a known key or none, leave nothing under way', async () => {
    for (const key of [KEY, 'none']) {
      for (let i = 0; i < 20; i++) {
        const one = await socket();
        one.write(
          `POST /v1/responses HTTP/1.1\r\nhost: x\r\nx-api-key: ${key}\r\n${JSON_TYPE}content-length: 1000\r\n\r\n{"a":`,
        );
        if (i % 2) one.destroy();
        else one.resetAndDestroy();
      }
    }
    expect((await server.post(body)).status).toBe(200);
    await vi.waitFor(() => expect(server.services.inFlight.count).toBe(0));
    expect(server.memory.holds.size).toBe(0);
  });
});

describe('more requests at once than the gateway takes', () => {
  test('are refused at the door, and taken again when one is done', async () => {
    const narrow = await openServer({ maxInFlight: 1 });
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const answers = answering();
    narrow.targets.push({
      ...answers,
      run: async (...args) => {
        await released;
        return answers.run(...args);
      },
    });
    const first = narrow.post(body);
    await vi.waitFor(() => expect(narrow.services.inFlight.count).toBe(1));
    const second = await narrow.post(body);
    expect([second.status, second.headers.get('retry-after')]).toEqual([503, '1']);
    expect((await refusal(second)).code).toBe('no_capacity');
    release();
    expect((await first).status).toBe(200);
    expect((await narrow.post(body)).status).toBe(200);
    await narrow.close();
  });
});

describe('the socket of nodes', () => {
  const upgrade = (path: string, protocol: string) =>
    `GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: ${protocol}\r\n\r\n`;

  test('a node joins, works and leaves', async () => {
    server.targets.length = 0;
    const node = new ScriptedNode(server.url.replace('http', 'ws') + NODE_CONNECT_PATH);
    await node.join([announced(SUMMARY)]);
    const asking = server.post(body);
    const run = await node.next('run');
    node.done(run['id'], 'Blue.');
    expect(await (await asking).json()).toMatchObject({ output: [{ content: [{ text: 'Blue.' }] }] });
    expect(server.memory.settled.at(-1)?.route).toMatchObject({ kind: 'node', attempts: 1 });
    await node.close();
    await vi.waitFor(() => expect(server.services.registry.size).toBe(0));
  });

  test.each([
    ['/v1/elsewhere', NODE_SUBPROTOCOL, 404],
    [`${NODE_CONNECT_PATH}x`, NODE_SUBPROTOCOL, 404],
    [NODE_CONNECT_PATH, 'chat', 426],
  ])('%s as %s is %i, and the socket is closed', async (path, protocol, status) => {
    expect(statusOf(await raw(upgrade(path, protocol)))).toBe(status);
  });

  test('a socket that breaks while it is upgraded or turned away hurts nobody', async () => {
    for (const path of [NODE_CONNECT_PATH, '/v1/elsewhere']) {
      for (let i = 0; i < 30; i++) {
        const one = await socket();
        one.write(upgrade(path, NODE_SUBPROTOCOL) + 'x'.repeat(i * 1000));
        if (i % 3 === 0) await new Promise((resolve) => one.once('data', resolve));
        one.resetAndDestroy();
      }
    }
    expect((await server.post(body)).status).toBe(200);
  });

  test('two connections under two nodes: when one dies in the middle, the other answers', async () => {
    server.targets.length = 0;
    const url = server.url.replace('http', 'ws') + NODE_CONNECT_PATH;
    const nodes = [new ScriptedNode(url), new ScriptedNode(url)];
    for (const node of nodes) await node.join([announced(SUMMARY)]);
    const asking = server.post({ ...body, stream: true });
    const first = await Promise.race(nodes.map(async (node) => ({ node, run: await node.next('run') })));
    first.node.send({ type: 'piece', id: first.run['id'], kind: 'text', text: 'The sky ' });
    await first.node.heard();
    await first.node.close();
    const other = nodes.find((node) => node !== first.node);
    // The wait of the race before is still the first in line.
    const run = await vi.waitFor(() => {
      if (other?.last?.type !== 'run') throw new Error('Nothing yet');
      return other.last;
    });
    other?.done(run['id'], 'The sky is blue.');
    const stream = await (await asking).text();
    const deltas = [...stream.matchAll(/"delta":"([^"]*)"/g)].map((match) => match[1]);
    expect(deltas).toEqual(['The sky ', 'is blue.']);
    expect(server.memory.settled.at(-1)?.route).toMatchObject({ attempts: 2 });
    await other?.close();
  });
});

describe('a caller who reads nothing', () => {
  test('is cut off, and one who waits for a model is not', async () => {
    const stalledMs = 100;
    const narrow = await openServer({
      bodyTimeoutMs: stalledMs,
      openapi: () => ({ x: 'x'.repeat(32 * 2 ** 20) }),
    });
    try {
      const { hostname, port } = new URL(narrow.url);
      const deaf = connect(Number(port), hostname).pause();
      deaf.on('error', () => undefined);
      deaf.write('GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n');
      narrow.targets.splice(0, Infinity, {
        ...answering(),
        run: async (...asked) => {
          await sleep(30 * stalledMs);
          return answering().run(...asked);
        },
      });
      expect((await narrow.post(body)).status).toBe(200);
      let read = 0;
      deaf.on('data', (bytes) => {
        read += bytes.length;
      });
      await new Promise((resolve) => deaf.once('close', resolve).resume());
      expect(read).toBeLessThan(32 * 2 ** 20);
    } finally {
      await narrow.close();
    }
  });
});
