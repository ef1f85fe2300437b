import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { ZeroGPUAdmin } from './admin.ts';
import * as errors from './errors.ts';
import type { AdminClientOptions } from './index.ts';
import { type Handler, sendError, sendJson, serve, startEvents } from './test/server.ts';

const TOKEN = 'zgpu-session-0123456789abcdefghijABCDEFGHIJ0123';
const CREDENTIALS = { email: 'clara@harbour.example', password: 'a sentence of words' };
const SIGNED_IN = { person: { id: 'p' }, token: TOKEN, expires_at: '2026-11-21T17:05:00.000Z' };

/** A client of a server that answers as told, and what the server saw. */
async function adminOf(handler: Handler, options: AdminClientOptions = {}) {
  const server = await serve(handler);
  return { server, admin: new ZeroGPUAdmin({ baseURL: server.url, timeout: 10_000, ...options }) };
}

const failure = async (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => null,
    (reason: unknown) => reason,
  );

describe('the session', () => {
  const answer: Handler = (response, { url, headers }) => {
    if (url === '/api/auth/sign-in') return sendJson(response, 200, SIGNED_IN);
    if (url === '/api/auth/sign-out') return void response.writeHead(204).end();
    if (headers.authorization !== `Bearer ${TOKEN}`)
      return sendError(response, 401, { type: 'authentication_error', code: 'not_signed_in' });
    return sendJson(response, 200, { id: 'o' });
  };

  test('is asked for as a token, carried as a bearer, and forgotten', async () => {
    const { server, admin } = await adminOf(answer);
    expect(await failure(admin.projects.get('p'))).toBeInstanceOf(errors.AuthenticationError);
    await admin.account.signIn(CREDENTIALS);
    expect(JSON.parse(server.seen[1]?.body ?? '')).toEqual({ ...CREDENTIALS, session: 'token' });
    expect(await admin.projects.get('p')).toEqual({ id: 'o' });
    await admin.account.signOut();
    expect(await failure(admin.projects.get('p'))).toBeInstanceOf(errors.AuthenticationError);
    for (const { headers } of server.seen) expect(headers).not.toHaveProperty('x-api-key');
  });

  test('may be one that was opened before, and never shows', async () => {
    const echo: Handler = (response, { headers }) =>
      sendError(response, 400, { type: 'x', code: 'x', message: String(headers.authorization) });
    const { admin } = await adminOf(echo, { token: TOKEN });
    const error = await failure(admin.projects.get('p'));
    expect(error).toMatchObject({ message: 'Bearer [session token]' });
    expect(inspect(admin, { depth: 9, showHidden: false }) + JSON.stringify(admin)).not.toContain(TOKEN);
    expect(() => new ZeroGPUAdmin({ token: 'a b' })).toThrow(/token holds a character/);
  });

  test('in a page is a cookie, which this client never sees', async () => {
    const seen: (string | undefined)[] = [];
    const fetch = async (_url: string, init: RequestInit) => {
      seen.push(init.credentials, String(init.body));
      return new Response(JSON.stringify({ ...SIGNED_IN, token: null }));
    };
    const admin = new ZeroGPUAdmin({ baseURL: 'http://h:1', session: 'cookie', fetch });
    await admin.account.signIn(CREDENTIALS);
    expect(seen).toEqual(['include', JSON.stringify({ session: 'cookie', ...CREDENTIALS })]);
  });
});

describe('calls', () => {
  test('put parts and queries into the address, and bodies where there are some', async () => {
    const { server, admin } = await adminOf((response) => sendJson(response, 200, { id: 'k' }));
    await admin.keys.create('a/b', { name: 'the shop' });
    await admin.logs.list('p', { limit: 10, status: '4xx', from: undefined });
    await admin.projects.archive('p');
    expect(server.seen.map(({ method, url, body }) => [method, url, body])).toEqual([
      ['POST', '/api/projects/a%2Fb/keys', '{"name":"the shop"}'],
      ['GET', '/api/projects/p/requests?limit=10&status=4xx', ''],
      ['POST', '/api/projects/p/archive', ''],
    ]);
    expect(await failure(admin.keys.get('p', '..'))).toMatchObject({ message: "keyId cannot be '..'" });
    expect(await failure(admin.keys.get('', 'k'))).toBeInstanceOf(errors.ZeroGPUError);
    expect(server.seen).toHaveLength(3);
  });

  test('resolve with nothing where nothing is answered', async () => {
    const { admin } = await adminOf((response) => void response.writeHead(204).end());
    expect(await admin.account.endSession('s')).toBeUndefined();
  });

  test('read are tried again; what changes something only when it was refused', async () => {
    const flaky =
      (status: number): Handler =>
      (response, _seen, count) =>
        count === 1
          ? sendError(response, status, { type: 'x', code: 'x' }, { 'retry-after-ms': '1' })
          : sendJson(response, 200, { id: 'k' });
    const read = await adminOf(flaky(503));
    expect(await read.admin.projects.get('p')).toEqual({ id: 'k' });
    const refused = await adminOf(flaky(429));
    expect(await refused.admin.keys.revoke('p', 'k')).toEqual({ id: 'k' });
    const unsure = await adminOf(flaky(503));
    expect(await failure(unsure.admin.keys.revoke('p', 'k'))).toBeInstanceOf(errors.ServiceUnavailableError);
    expect(unsure.server.seen).toHaveLength(1);
    const gone = await adminOf((response) => void response.destroy());
    expect(await failure(gone.admin.projects.archive('p'))).toBeInstanceOf(errors.ConnectionError);
    expect(gone.server.seen).toHaveLength(1);
  });

  test('that make something are tried again with the same key, a new one for each call or the given one', async () => {
    const flaky: Handler = (response, _seen, count) =>
      count % 2 === 1 ? void response.destroy() : sendJson(response, 201, { id: 'k' });
    const { server, admin } = await adminOf(flaky);
    await admin.keys.create('p', { name: 'one' });
    await admin.keys.create('p', { name: 'two' }, { idempotencyKey: 'mine' });
    await admin.organizations.create({ name: 'three' });
    const keys = server.seen.map(({ headers }) => headers['idempotency-key']);
    expect(keys).toHaveLength(6);
    expect([keys[0], keys[2], keys[4]]).toEqual([keys[1], keys[3], keys[5]]);
    expect(keys[2]).toBe('mine');
    expect(new Set(keys).size).toBe(3);
  });
});

describe('lists', () => {
  const pages: Handler = (response, { url }) => {
    const after = new URL(url, 'http://h').searchParams.get('after');
    const next = after === null ? 'two' : null;
    sendJson(response, 200, { object: 'list', data: [{ id: after ?? 'one' }], next });
  };

  test('are a page when awaited, and every item when looped over', async () => {
    const { server, admin } = await adminOf(pages);
    expect(await admin.keys.list('p')).toMatchObject({ data: [{ id: 'one' }], next: 'two' });
    expect(server.seen).toHaveLength(1);
    const ids: string[] = [];
    for await (const { id } of admin.keys.list('p', { limit: 1 })) ids.push(id);
    expect(ids).toEqual(['one', 'two']);
    expect(server.seen.map(({ url }) => url.split('?')[1])).toEqual([
      undefined,
      'limit=1',
      'limit=1&after=two',
    ]);
  });

  test('do not turn in a circle', async () => {
    const circle: Handler = (response) =>
      sendJson(response, 200, { object: 'list', data: [{ id: 'a' }], next: 'a' });
    const { admin } = await adminOf(circle);
    const loop = async () => {
      const ids: string[] = [];
      for await (const { id } of admin.keys.list('p')) ids.push(id);
    };
    expect(await failure(loop())).toMatchObject({ message: expect.stringMatching(/again and again/) });
  });
});

describe('texts and tails', () => {
  test('an export comes in pieces, with its name', async () => {
    const { admin } = await adminOf((response) => {
      response.writeHead(200, {
        'content-type': 'text/csv; charset=utf-8',
        'content-disposition': 'attachment; filename="requests.csv"',
      });
      response.end('id,status\r\nreq_1,200\r\n');
    });
    const text = await admin.logs.export('p', { format: 'csv' });
    expect(text).toMatchObject({ contentType: 'text/csv; charset=utf-8', filename: 'requests.csv' });
    expect(await text.text()).toBe('id,status\r\nreq_1,200\r\n');
    expect(await failure(text.text())).toBeInstanceOf(TypeError);
  });

  test('an export that breaks off throws', async () => {
    const { admin } = await adminOf((response) => {
      response.writeHead(200, { 'content-type': 'text/csv' });
      response.write('id,status\r\n', () => response.destroy());
    });
    const text = await admin.logs.export('p');
    expect(await failure(text.text())).toBeInstanceOf(errors.ConnectionError);
  });

  test('a tail gives records, counts gaps, and ends when it is over', async () => {
    const { admin } = await adminOf((response) => {
      startEvents(response);
      response.write(': nothing yet\n\nevent: request\nid: 1\ndata: {"id":"req_1"}\n\n');
      response.end(
        'event: gap\ndata: {}\n\nevent: request\ndata: {"id":"req_2"}\n\nevent: end\ndata: {}\n\n',
      );
    });
    const tail = await admin.logs.tail('p');
    expect(tail.gaps).toBe(0);
    const ids: string[] = [];
    for await (const { id } of tail) ids.push(id);
    expect(ids).toEqual(['req_1', 'req_2']);
    expect(tail.gaps).toBe(1);
  });

  test('a tail resolves before anything happens, and can be left', async () => {
    const { server, admin } = await adminOf((response) => {
      startEvents(response);
      response.flushHeaders();
    });
    const tail = await admin.logs.tail('p');
    setTimeout(() => tail.abort(), 1);
    const loop = async () => {
      for await (const _ of tail);
    };
    expect(await failure(loop())).toBeInstanceOf(errors.AbortedError);
    await server.cancelled;
  });
});
