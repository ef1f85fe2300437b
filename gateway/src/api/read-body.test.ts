import { createServer, type IncomingMessage, type Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { ApiError, isErrorCode } from '@zerogpu/protocol';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listen } from '../testing/scripted-node.ts';
import { bodyOfLine, type JsonBody, readJsonBody } from './read-body.ts';

const MAX = 10_000;
type Outcome = JsonBody['value'] | string;

let server: Server;
let url: string;
/** What became of each request, in order. */
const outcomes: ((outcome: Outcome) => void)[] = [];
const next = () => new Promise<Outcome>((resolve) => outcomes.push(resolve));
let before: (request: IncomingMessage) => Promise<void> = async () => undefined;

beforeAll(async () => {
  server = createServer(async (request, response) => {
    await before(request);
    const outcome = await readJsonBody(request.headers, request, MAX).then(
      ({ value }) => value,
      (error: unknown) => (error instanceof ApiError ? error.code : String(error)),
    );
    outcomes.shift()?.(outcome);
    response.end(JSON.stringify(outcome));
  });
  url = `http://${await listen(server)}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

async function post(
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<Outcome> {
  const outcome = next();
  const sent = { 'content-type': 'application/json', ...headers };
  const response = await fetch(url, { method: 'POST', body, headers: sent });
  expect(await response.text()).toBe(JSON.stringify(await outcome));
  return outcome;
}

/** A connection on which a test writes what it likes. */
async function raw(head: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once('connect', resolve));
  socket.write(`POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n${head}\r\n\r\n`);
  return socket;
}

describe('readJsonBody', () => {
  test('gives the object, and its bytes for the idempotency hash', async () => {
    const body = Buffer.from('{"a": "é"}');
    const stream = new PassThrough();
    const reading = readJsonBody({ 'content-type': 'application/json' }, stream, MAX);
    for (const byte of body) stream.write(Buffer.from([byte]));
    stream.end();
    expect(await reading).toEqual({ bytes: body, value: { a: 'é' } });
  });

  test.each([
    'application/json',
    'Application/JSON; charset=utf-8',
    'application/json;charset="UTF-8"',
    'application/json ; foo=bar; charset=utf8',
  ])('takes %j', async (type) => {
    expect(await post('{}', { 'content-type': type })).toEqual({});
  });

  test.each([
    'text/plain',
    'application/jsonl',
    'application/json2',
    ';',
    'application/json; charset=latin1',
    'a/b;'.repeat(500),
  ])('refuses the type %j', async (type) => {
    expect(await post('{}', { 'content-type': type })).toBe('unsupported_media_type');
  });

  test('refuses a compressed body and one without a type', async () => {
    expect(await post('{}', { 'content-encoding': 'gzip' })).toBe('unsupported_media_type');
    expect(await post('{}', { 'content-encoding': 'identity' })).toEqual({});
    expect(await post(new TextEncoder().encode('{}'), { 'content-type': '' })).toBe('unsupported_media_type');
  });

  test.each([
    '',
    ' ',
    '{',
    '{"a":1,}',
    '{}{}',
    "{'a':1}",
    'undefined',
    '[1]',
    '"x"',
    '5',
    'null',
    'NaN',
    '{"a":01}',
  ])('refuses %j', async (body) => {
    expect(await post(body)).toBe('invalid_json');
  });

  test.each([
    ['a cut sequence', [0x7b, 0x22, 0xc3, 0x22, 0x7d]],
    ['an overlong sequence', [0x22, 0xc0, 0xaf, 0x22]],
    ['a surrogate in UTF-8', [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ['UTF-16', [0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00]],
  ])('refuses %s', async (_what, bytes) => {
    expect(await post(new Uint8Array(bytes))).toBe('invalid_json');
  });

  test('a byte order mark is no part of the object', async () => {
    expect(await post('\ufeff{"a":1}')).toEqual({ a: 1 });
  });

  test('64 levels are read, 65 are not; brackets in texts are no levels', async () => {
    const nested = (levels: number) => `${'{"a":'.repeat(levels - 1)}{}${'}'.repeat(levels - 1)}`;
    expect(await post(nested(64))).toEqual(JSON.parse(nested(64)));
    expect(await post(nested(65))).toBe('invalid_json');
    expect(await post('['.repeat(MAX))).toBe('invalid_json');
    const text = `\\"${'[{'.repeat(500)}\\\\`;
    expect(await post(`{"a":"${text}"}`)).toEqual({ a: JSON.parse(`"${text}"`) });
  });

  test('a body at the limit is read, one byte more is not, declared or chunked', async () => {
    const body = (size: number) => `{"a":"${'x'.repeat(size - 8)}"}`;
    expect(await post(body(MAX))).toMatchObject({ a: expect.any(String) });
    expect(await post(body(MAX + 1))).toBe('request_too_large');
    for (const [size, outcome] of [
      [MAX, expect.anything()],
      [MAX + 1, 'request_too_large'],
    ] as const) {
      const ended = next();
      const socket = await raw('transfer-encoding: chunked');
      for (const char of [body(size).slice(0, 4000), body(size).slice(4000)]) {
        socket.write(`${char.length.toString(16)}\r\n${char}\r\n`);
      }
      socket.write('0\r\n\r\n');
      expect(await ended).toEqual(outcome);
      socket.destroy();
    }
  });

  test('a caller who goes away in the middle of the body is noticed', async () => {
    const ended = next();
    const socket = await raw('content-length: 100');
    socket.write('{"a":');
    socket.destroy();
    expect(await ended).toBe('client_closed_request');
  });

  test('a caller who went away before the body was asked for is noticed', async () => {
    before = (request) => new Promise((resolve) => request.once('close', () => setImmediate(resolve)));
    const ended = next();
    const socket = await raw('content-length: 100');
    socket.write('{"a":');
    setImmediate(() => socket.destroy());
    expect(await ended).toBe('client_closed_request');
    before = async () => undefined;
  });

  test('any bytes at all give an object or an error of the table', async () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.json().map((text) => Buffer.from(text)),
    );
    await fc.assert(
      fc.asyncProperty(bytes, async (body) => {
        const stream = new PassThrough();
        stream.end(body);
        const outcome = await readJsonBody({ 'content-type': 'application/json' }, stream, MAX).catch(
          (error: unknown) => error,
        );
        if (outcome instanceof ApiError)
          expect(isErrorCode(outcome.code) && outcome.code).toBe('invalid_json');
        else expect(outcome).toMatchObject({ bytes: Buffer.from(body), value: expect.any(Object) });
      }),
    );
  });

  test('fields named like parts of objects are only fields', async () => {
    const value = await post('{"__proto__":{"polluted":1},"constructor":2,"toString":3}');
    expect(Object.keys(value)).toEqual(['__proto__', 'constructor', 'toString']);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

describe('bodyOfLine', () => {
  const lineOf = (body: string) => Buffer.from(`{"custom_id":"a","body":${body}}`);
  const codeOf = (line: Buffer, max = MAX) => {
    try {
      return bodyOfLine(line, max).value;
    } catch (error) {
      return error instanceof ApiError ? error.code : error;
    }
  };

  test('is the body alone, as it would have been sent', () => {
    const { bytes, value } = bodyOfLine(lineOf('{ "model": "m", "input": "ü" }'), MAX);
    expect(value).toEqual({ model: 'm', input: 'ü' });
    expect(bytes.toString()).toBe('{"model":"m","input":"ü"}');
  });

  test('is held to the rules of a body that is sent', () => {
    const deep = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
    expect(codeOf(lineOf(deep(64)))).toEqual(JSON.parse(deep(64)));
    expect(codeOf(lineOf(deep(65)))).toBe('invalid_json');
    expect(codeOf(lineOf('{"a":"xxxxxxxxxxxxxxxxxxxx"}'), 20)).toBe('request_too_large');
    for (const body of ['[1]', '"text"', 'null', '1']) expect(codeOf(lineOf(body))).toBe('invalid_json');
    expect(codeOf(Buffer.from('{"custom_id":"a"}'))).toBe('invalid_json');
    expect(codeOf(Buffer.from('{"body":'))).toBe('invalid_json');
  });
});
