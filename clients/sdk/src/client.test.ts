import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { inspect } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { outputText, ZeroGPU } from './client.ts';
import * as errors from './errors.ts';
import { KEY, sendError, sendJson, serve } from './test/server.ts';
import type { ChatRequest, ResponsesAnswer, ResponsesRequest } from './types.ts';

const ANSWER: ResponsesAnswer = {
  id: 'resp_1',
  object: 'response',
  created: 1,
  created_at: 1,
  status: 'completed',
  error: null,
  incomplete_details: null,
  model: 'm',
  output: [
    {
      id: 'rs_1',
      type: 'reasoning',
      summary: [],
      content: [{ type: 'reasoning_text', text: 'not part of it' }],
    },
    {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      status: 'completed',
      content: [
        { type: 'output_text', text: 'Par', annotations: [] },
        { type: 'output_text', text: 'is.', annotations: [] },
      ],
    },
  ],
  usage: {
    input_tokens: 1,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: 2,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: 3,
  },
};
const BODY = { model: 'm', input: 'Hi' } satisfies ResponsesRequest;
const CHAT = { model: 'm', messages: [{ role: 'user', content: 'Hi' }] } satisfies ChatRequest;
const SOON = { 'retry-after-ms': '1' };

const failure = async (promise: Promise<unknown>): Promise<errors.ZeroGPUError> => {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof errors.ZeroGPUError))
    throw new Error(`Expected a ZeroGPUError, got ${inspect(error)}`);
  return error;
};

describe('what is sent', () => {
  test('key, project, body and an idempotency key; the answer has its text and request id', async () => {
    const server = await serve((response) => sendJson(response, 200, ANSWER));
    const client = server.client({ projectId: 'p-1', baseURL: `${server.url}/v1/` });
    const response = await client.responses.create({ ...BODY, instructions: undefined });
    expect(response.output_text).toBe('Paris.');
    expect(response._request_id).toBe('req_1');
    expect(Object.keys(response)).not.toContain('_request_id');
    const [seen] = server.seen;
    expect(seen).toMatchObject({ method: 'POST', url: '/v1/responses', body: JSON.stringify(BODY) });
    expect(seen?.headers).toMatchObject({ 'x-api-key': KEY, 'x-project-id': 'p-1' });
    expect(seen?.headers['idempotency-key']).toMatch(/^sdk-[0-9a-f]{32}$/);
  });

  test('a new idempotency key per call, or the given one; none and no project with GET', async () => {
    const server = await serve((response) => sendJson(response, 200, { object: 'list', data: [] }));
    const client = server.client();
    await client.chat.completions.create(CHAT);
    await client.chat.completions.create(CHAT);
    await client.chat.completions.create(CHAT, { idempotencyKey: 'mine' });
    await client.models.list();
    await client.models.retrieve('a/b c?');
    const keys = server.seen.map((seen) => seen.headers['idempotency-key']);
    expect(new Set(keys.slice(0, 3)).size).toBe(3);
    expect(keys.slice(2)).toEqual(['mine', undefined, undefined]);
    expect(server.seen.map((seen) => seen.url).slice(2)).toEqual([
      '/v1/chat/completions',
      '/v1/models',
      '/v1/models/a%2Fb%20c%3F',
    ]);
    expect(server.seen.every((seen) => seen.headers['x-project-id'] === undefined)).toBe(true);
  });

  test.each(['', '.', '..'])('models.retrieve(%j) is refused before anything is sent', async (id) => {
    const server = await serve((response) => sendJson(response, 200, {}));
    expect((await failure(server.client().models.retrieve(id))).message).toContain('cannot have the id');
    expect(server.seen).toEqual([]);
  });

  test('health is asked at the root, and resolves when the server is down', async () => {
    const health = { status: 'down', components: {} };
    const server = await serve((response) => sendJson(response, 503, health));
    expect(await server.client().health()).toEqual(health);
    expect(server.seen.map((seen) => seen.url)).toEqual(['/health']);
  });
});

describe('retries', () => {
  test('keep the idempotency key and succeed', async () => {
    const server = await serve((response, _, count) => {
      if (count === 1) sendError(response, 503, { type: 'service_unavailable', code: 'no_capacity' }, SOON);
      else if (count === 2) sendError(response, 429, { type: 'rate_limit_exceeded', code: null }, SOON);
      else sendJson(response, 200, ANSWER);
    });
    expect((await server.client().responses.create(BODY)).id).toBe('resp_1');
    expect(server.seen).toHaveLength(3);
    expect(new Set(server.seen.map((seen) => seen.headers['idempotency-key'])).size).toBe(1);
    expect(new Set(server.seen.map((seen) => seen.body)).size).toBe(1);
  });

  test('end with the last error', async () => {
    const server = await serve((response) =>
      sendError(response, 500, { type: 'internal_error', code: 'internal_error' }, SOON),
    );
    const error = await failure(server.client({ maxRetries: 3 }).responses.create(BODY));
    expect(error).toBeInstanceOf(errors.InternalServerError);
    expect(server.seen).toHaveLength(4);
    await failure(server.client().responses.create(BODY, { maxRetries: 0 }));
    expect(server.seen).toHaveLength(5);
  });

  test('wait as the server says, in seconds', async () => {
    const server = await serve((response, _, count) => {
      if (count === 1) sendError(response, 429, { type: 'x', code: null }, { 'retry-after': '1' });
      else sendJson(response, 200, ANSWER);
    });
    const start = performance.now();
    await server.client().responses.create(BODY);
    // Timers may fire up to a millisecond early; without the header the first wait is at most half a second.
    expect(performance.now() - start).toBeGreaterThan(990);
  });

  test('connections cut before and within the answer are tried again', async () => {
    const server = await serve((response, _, count) => {
      if (count === 1) response.destroy();
      else if (count === 2) {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
        response.write('{"id":', () => response.destroy());
      } else sendJson(response, 200, ANSWER);
    });
    expect((await server.client().responses.create(BODY)).id).toBe('resp_1');
    expect(server.seen).toHaveLength(3);
  });

  test('JSON that was cut without a sign of it is tried again', async () => {
    const server = await serve((response, _, count) => {
      if (count > 1) return sendJson(response, 200, ANSWER);
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end('{"id":"resp_1"');
    });
    expect((await server.client().responses.create(BODY)).id).toBe('resp_1');
    expect(server.seen).toHaveLength(2);
  });

  test('a refused connection is a ConnectionError that says why', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const client = new ZeroGPU({ apiKey: KEY, baseURL: `http://127.0.0.1:${port}`, maxRetries: 0 });
    const error = await failure(client.responses.create(BODY));
    expect(error).toBeInstanceOf(errors.ConnectionError);
    expect(error).toMatchObject({ status: null, message: expect.stringContaining('ECONNREFUSED') });
  });

  test('a server that speaks no HTTP is a ConnectionError', async () => {
    const server = createTcpServer((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const baseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const client = new ZeroGPU({ apiKey: KEY, baseURL, maxRetries: 0 });
    expect(await failure(client.models.list())).toBeInstanceOf(errors.ConnectionError);
  });
});

describe('errors', () => {
  test.each([
    [400, 'invalid_request_error', 'invalid_value', errors.BadRequestError],
    [401, 'authentication_error', 'invalid_api_key', errors.AuthenticationError],
    [403, 'permission_error', 'model_not_allowed', errors.PermissionDeniedError],
    [404, 'invalid_request_error', 'model_not_found', errors.NotFoundError],
    [405, 'invalid_request_error', 'method_not_allowed', errors.ZeroGPUError],
    [408, 'invalid_request_error', 'request_timeout', errors.TimeoutError],
    [409, 'conflict_error', 'idempotency_conflict', errors.ConflictError],
    [413, 'invalid_request_error', 'request_too_large', errors.RequestTooLargeError],
    [415, 'invalid_request_error', 'unsupported_media_type', errors.UnsupportedMediaTypeError],
    [420, 'context_length_exceeded', 'context_length_exceeded', errors.ContextLengthExceededError],
    [420, 'insufficient_quota', 'insufficient_quota', errors.InsufficientQuotaError],
    [422, 'invalid_request_error', null, errors.BadRequestError],
    [429, 'rate_limit_exceeded', 'rate_limit_exceeded', errors.RateLimitError],
    [429, 'insufficient_quota', 'insufficient_quota', errors.InsufficientQuotaError],
    [500, 'internal_error', 'internal_error', errors.InternalServerError],
    [502, 'internal_error', null, errors.InternalServerError],
    [503, 'service_unavailable', 'no_capacity', errors.ServiceUnavailableError],
    [504, 'timeout_error', 'upstream_timeout', errors.TimeoutError],
  ])('%i %s %s', async (status, type, code, expected) => {
    const server = await serve((response) =>
      sendError(
        response,
        status,
        { type, code, message: 'What happened', param: 'model' },
        { 'x-extra': '1' },
      ),
    );
    const error = await failure(server.client({ maxRetries: 0 }).responses.create(BODY));
    expect(error.constructor).toBe(expected);
    expect(error.name).toBe(expected === errors.ZeroGPUError ? 'ZeroGPUError' : expected.name);
    expect(error).toMatchObject({ status, type, code, param: 'model', requestId: 'req_1' });
    expect(error.message).toBe('What happened');
    expect(error.headers?.get('x-extra')).toBe('1');
  });

  test('other 4xx are not tried again', async () => {
    const server = await serve((response) => sendError(response, 404, { type: 'x', code: null }, SOON));
    await failure(server.client().responses.create(BODY));
    expect(server.seen).toHaveLength(1);
  });

  test.each([
    [502, 'text/html', '<html><h1>Bad gateway</h1></html>', errors.InternalServerError],
    [404, 'text/html', '<html>', errors.NotFoundError],
    [400, 'application/json', '"just text"', errors.BadRequestError],
    [400, 'application/json', '{"error":"text"}', errors.BadRequestError],
    [413, 'text/plain', '', errors.RequestTooLargeError],
  ])('%i with a foreign body (%s) says so', async (status, contentType, body, expected) => {
    const server = await serve((response) => {
      response.writeHead(status, { 'content-type': contentType });
      response.end(body);
    });
    const error = await failure(server.client({ maxRetries: 0 }).models.list());
    expect(error.constructor).toBe(expected);
    expect(error.message).toContain(`answered ${status} with a body that is not an error of this API`);
    expect(error.message).toContain(contentType);
  });

  test('a 200 that is no JSON is one clear error, not tried again', async () => {
    const server = await serve((response) => {
      response.writeHead(200, { 'content-type': 'text/html' });
      response.end('<html>Please sign in to the hotel network</html>');
    });
    const error = await failure(server.client().models.list());
    expect(error.message).toBe('The server did not answer with JSON (text/html); check baseURL');
    expect(server.seen).toHaveLength(1);
  });

  test('a redirect is refused, so that the key goes nowhere else', async () => {
    const elsewhere = await serve((response) => sendJson(response, 200, {}));
    const server = await serve((response) => {
      response.writeHead(307, { location: elsewhere.url });
      response.end();
    });
    const error = await failure(server.client().responses.create(BODY));
    expect(error.message).toContain('redirect');
    expect([server.seen.length, elsewhere.seen.length]).toEqual([1, 0]);
  });

  test('an endless error body is read no further than needed', async () => {
    const server = await serve((response) => {
      response.writeHead(400, { 'content-type': 'application/json' });
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
      };
      response.on('drain', more);
      more();
    });
    expect(await failure(server.client().responses.create(BODY))).toBeInstanceOf(errors.BadRequestError);
    await server.cancelled;
  });

  test('a long message is cut', async () => {
    const server = await serve((response) =>
      sendError(response, 400, { type: 'x', code: null, message: 'x'.repeat(50_000) }),
    );
    expect((await failure(server.client().responses.create(BODY))).message).toHaveLength(2001);
  });
});

describe('abort and timeout', () => {
  test('abort while waiting for the answer cancels the request', async () => {
    const controller = new AbortController();
    const server = await serve(() => controller.abort(new Error('enough')));
    const error = await failure(server.client().responses.create(BODY, { signal: controller.signal }));
    expect(error).toBeInstanceOf(errors.AbortedError);
    expect(error.cause).toEqual(new Error('enough'));
    await server.cancelled;
    expect(server.seen).toHaveLength(1);
  });

  test('abort between two tries ends the wait', async () => {
    const controller = new AbortController();
    const server = await serve((response) => {
      sendError(response, 503, { type: 'x', code: null }, { 'retry-after': '60' });
      response.on('finish', () => setTimeout(() => controller.abort(), 20));
    });
    const error = await failure(server.client().responses.create(BODY, { signal: controller.signal }));
    expect(error).toBeInstanceOf(errors.AbortedError);
    expect(server.seen).toHaveLength(1);
  });

  test('a signal that fired before sends nothing', async () => {
    const server = await serve((response) => sendJson(response, 200, ANSWER));
    const call = server.client().responses.create(BODY, { signal: AbortSignal.abort() });
    expect(await failure(call)).toBeInstanceOf(errors.AbortedError);
    expect(server.seen).toEqual([]);
  });

  test('a call leaves no listener on its signal', async () => {
    const server = await serve((response) => sendJson(response, 200, ANSWER));
    const { signal } = new AbortController();
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners += 1;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners -= 1;
      remove(...args);
    };
    await server.client().responses.create(BODY, { signal });
    expect(listeners).toBe(0);
  });

  test('silence ends with a TimeoutError after the retries, each with its own time', async () => {
    const server = await serve(() => undefined);
    const error = await failure(server.client({ timeout: 50, maxRetries: 1 }).responses.create(BODY));
    expect(error).toBeInstanceOf(errors.TimeoutError);
    expect(error).toMatchObject({ status: null, message: expect.stringContaining('within 50 ms') });
    expect(server.seen).toHaveLength(2);
  });

  test('the time counts for the body too', async () => {
    const server = await serve((response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{');
    });
    const call = server.client().responses.create(BODY, { timeout: 100, maxRetries: 0 });
    expect(await failure(call)).toBeInstanceOf(errors.TimeoutError);
    await server.cancelled;
  });
});

describe('secrets', () => {
  test('the key is in no print of the client', () => {
    const client = new ZeroGPU({ apiKey: KEY, baseURL: 'http://localhost:1' });
    const prints = [JSON.stringify(client), inspect(client, { depth: 20, showHidden: true }), String(client)];
    for (const print of prints) expect(print).not.toContain(KEY);
  });

  test('a server that sends the key back does not get it into the error', async () => {
    const server = await serve((response, seen) =>
      sendError(response, 400, {
        type: KEY,
        code: KEY,
        message: `Got ${seen.headers['x-api-key']}`,
        param: KEY,
      }),
    );
    const { message, type, code, param } = await failure(server.client().responses.create(BODY));
    expect([message, type, code, param].join()).toBe(`Got [api key],${'[api key],'.repeat(3).slice(0, -1)}`);
  });

  test('a key that cannot be a header is refused without being quoted', () => {
    expect(() => new ZeroGPU({ apiKey: 'secret\nvalue' })).toThrow(/^apiKey holds a character/);
  });
});

test('outputText of nothing is empty', () => {
  expect(outputText({ output: [] })).toBe('');
});

describe('routes of one task', () => {
  test('are called at their paths, with an idempotency key each', async () => {
    const server = await serve((response) => sendJson(response, 200, { model: 'm' }));
    const client = server.client();
    const answers = [
      await client.embeddings.create({ model: 'm', input: ['a', 'b'], dimensions: 8 }),
      await client.moderations.create({ input: [{ type: 'text', text: 'a' }] }),
      await client.summary({ text: 'a', max_tokens: 5 }),
      await client.classifyIab({ text: 'a', enriched: true }),
      await client.gliner({ text: 'a', usecase: 'ner', labels: ['person'] }),
    ];
    for (const answer of answers) expect(answer._request_id).toBe('req_1');
    expect(server.seen.map(({ method, url, body }) => [method, url, body])).toEqual([
      ['POST', '/v1/embeddings', '{"model":"m","input":["a","b"],"dimensions":8}'],
      ['POST', '/v1/moderations', '{"input":[{"type":"text","text":"a"}]}'],
      ['POST', '/v1/summary', '{"text":"a","max_tokens":5}'],
      ['POST', '/v1/usecase/classify/iab', '{"text":"a","enriched":true}'],
      ['POST', '/v1/gliner', '{"text":"a","usecase":"ner","labels":["person"]}'],
    ]);
    expect(new Set(server.seen.map(({ headers }) => headers['idempotency-key'])).size).toBe(5);
  });

  test('give types by what was asked', async () => {
    const client = (await serve((response) => sendJson(response, 200, {}))).client();
    const floats: number[] | undefined = (await client.embeddings.create({ model: 'm', input: 'a' }))
      .data?.[0]?.embedding;
    const redacted: string | undefined = (await client.gliner({ text: 'a', usecase: 'redact' }))
      .redacted_text;
    const topics: unknown = (await client.classifyIab({ text: 'a', enriched: true })).topics;
    expect([floats, redacted, topics]).toEqual([undefined, undefined, undefined]);
  });
});
