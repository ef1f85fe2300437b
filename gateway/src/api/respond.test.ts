import { createServer, type Server, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { ApiError, ERRORS, isErrorCode } from '@zerogpu/protocol';
import OpenAI, {
  APIError,
  AuthenticationError,
  BadRequestError,
  ConflictError,
  InternalServerError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
} from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { answer } from '../testing/answers.ts';
import { listen } from '../testing/scripted-node.ts';
import { chatEndpoint } from './chat.ts';
import { MAX_UNREAD_BYTES, Reply, toApiError } from './respond.ts';
import { responsesEndpoint } from './responses.ts';
import type { Shape } from './shape.ts';

const REQUEST_ID = 'req_01hgw2n7e8c0abcdefghjkmnpq';
const identity = { requestId: REQUEST_ID, createdAt: 1_736_295_000_000, model: 'm' };
const asked = { model: 'm', stream: true };
const given = answer({ text: 'The 😀 is blue.', reasoning: 'Let me see.' });

let server: Server;
let openai: OpenAI;
/** What the next request is answered with. */
let script: (reply: Reply, shape: Shape, response: ServerResponse) => void | Promise<void>;

beforeAll(async () => {
  server = createServer((request, response) => {
    request.resume().on('end', () => {
      const chat = request.url?.endsWith('/chat/completions');
      const endpoint = chat ? chatEndpoint : responsesEndpoint;
      const body = chat ? { ...asked, stream_options: { include_usage: true } } : asked;
      const shape = endpoint
        .read({ ...body, input: 'x', messages: [{ role: 'user', content: 'x' }] })
        .shape(identity);
      void script(new Reply(response, REQUEST_ID), shape, response);
    });
  });
  const baseURL = `http://${await listen(server)}/v1`;
  openai = new OpenAI({ baseURL, apiKey: 'x', maxRetries: 0 });
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const whole = (reply: Reply, shape: Shape) => reply.answer(shape, given);
const pieces = (reply: Reply, shape: Shape) => {
  reply.stream(shape);
  reply.piece('reasoning', 'Let me ');
  reply.piece('reasoning', 'see.');
  reply.piece('text', 'The 😀');
  reply.piece('text', ' is blue.');
  reply.answer(shape, given);
};

const replayed = (reply: Reply, shape: Shape) => {
  reply.stream(shape);
  whole(reply, shape);
};

const chat = { model: 'm', messages: [{ role: 'user' as const, content: 'x' }] };
const responses = { model: 'm', input: 'x' };

test('whose machine answers is told with the head: of who was named last, and of nobody when that was taken back', async () => {
  const told = async (say: (reply: Reply, shape: Shape) => void) => {
    script = say;
    const { response } = await openai.responses.create(responses).withResponse();
    return ['route', 'node-class', 'region'].map((name) => response.headers.get(`x-zerogpu-${name}`));
  };
  const own = { class: 'own', deviceClass: 'phone', region: 'DE' } as const;
  const beyond = { class: 'upstream', deviceClass: null, region: null } as const;
  const naming =
    (...all: Parameters<Reply['from']>[0][]) =>
    (reply: Reply, shape: Shape) => {
      for (const one of all) reply.from(one);
      whole(reply, shape);
    };
  expect(await told(naming(own))).toEqual(['own', 'phone', 'DE']);
  expect(await told(naming(own, beyond))).toEqual(['upstream', null, null]);
  expect(await told(naming(own, null))).toEqual([null, null, null]);
  const late = (reply: Reply, shape: Shape) => {
    reply.stream(shape);
    reply.from(own);
    reply.piece('text', 'a');
    // The head is gone: whoever goes on with the stream is not in it.
    reply.from(beyond);
    reply.answer(shape, given);
  };
  script = late;
  const { response } = await openai.responses.create({ ...responses, stream: true }).withResponse();
  expect(response.headers.get('x-zerogpu-route')).toBe('own');
});

describe("OpenAI's client", () => {
  test('reads whole answers of both endpoints', async () => {
    script = whole;
    const completion = await openai.chat.completions.create(chat);
    expect(completion.choices[0]?.message.content).toBe(given.text);
    expect(completion._request_id).toBe(REQUEST_ID);
    const response = await openai.responses.create(responses);
    expect([response.output_text, response.status]).toEqual([given.text, 'completed']);
    expect(response.usage?.total_tokens).toBe(17);
  });

  test.each([
    ['streamed in pieces', pieces],
    ['replayed in one', replayed],
  ])('reads chat answers %s', async (_how, how) => {
    script = how;
    const stream = openai.chat.completions.stream({ ...chat, stream_options: { include_usage: true } });
    const final = await stream.finalChatCompletion();
    expect(final.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: given.text } });
    expect(final.usage?.total_tokens).toBe(17);
    const texts: string[] = [];
    for await (const chunk of await openai.chat.completions.create({ ...chat, stream: true })) {
      texts.push(chunk.choices[0]?.delta.content ?? '');
    }
    expect(texts.join('')).toBe(given.text);
  });

  test.each([
    ['streamed in pieces', pieces],
    ['replayed in one', replayed],
  ])('reads responses %s', async (_how, how) => {
    script = how;
    const stream = openai.responses.stream(responses);
    const texts: string[] = [];
    stream.on('response.output_text.delta', (event) => texts.push(event.delta));
    const final = await stream.finalResponse();
    expect([final.output_text, texts.join('')]).toEqual([given.text, given.text]);
    expect(final.output.map((one) => one.type)).toEqual(['reasoning', 'message']);
  });

  const CLASSES: Record<number, unknown> = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    429: RateLimitError,
    500: InternalServerError,
    503: InternalServerError,
    504: InternalServerError,
  };

  test.each(
    Object.keys(ERRORS)
      .filter(isErrorCode)
      .filter((code) => ERRORS[code].status !== 499),
  )('gets its own error class for %s', async (code) => {
    script = (reply) => reply.error(new ApiError(code, { param: 'input', message: 'Said "so"\n' }));
    const error = await openai.responses.create(responses).catch((thrown: unknown) => thrown);
    const { status, type } = ERRORS[code];
    expect(error).toBeInstanceOf(CLASSES[status] ?? APIError);
    expect(error).toMatchObject({ status, type, code, param: 'input', requestID: REQUEST_ID });
  });

  test.each([
    ['chat', () => openai.chat.completions.create({ ...chat, stream: true })],
    ['responses', () => openai.responses.create({ ...responses, stream: true })],
  ])('gets an error that comes in the middle of a %s stream', async (_endpoint, ask) => {
    script = (reply, shape) => {
      reply.stream(shape);
      reply.piece('text', 'The');
      reply.error(new ApiError('upstream_timeout'));
    };
    const seen: unknown[] = [];
    const read = async () => {
      for await (const event of await ask()) seen.push(event);
    };
    await expect(read()).rejects.toMatchObject({ code: 'upstream_timeout' });
    expect(seen.length).toBeGreaterThan(0);
  });
});

async function fetched(how: typeof script): Promise<Response> {
  script = how;
  return fetch(`${openai.baseURL}/responses`, { method: 'POST', body: '{}' });
}

describe('Reply', () => {
  test('every answer has its id and may be read by a page of any origin', async () => {
    for (const how of [whole, pieces, (reply: Reply) => reply.error(new ApiError('not_found'))]) {
      const { headers } = await fetched(how);
      expect(headers.get('x-request-id')).toBe(REQUEST_ID);
      expect(headers.get('access-control-allow-origin')).toBe('*');
      expect(headers.get('access-control-expose-headers')).toContain('retry-after');
    }
  });

  test('limits, replay and retry are headers', async () => {
    const limit = { limit: 60, remaining: 59, resetMs: 1001 };
    const { headers } = await fetched((reply) => {
      reply.limits({ requests: limit, tokens: null });
      reply.replayed();
      reply.error(new ApiError('rate_limit_exceeded', { retryAfterSeconds: 7 }));
    });
    expect(Object.fromEntries(headers)).toMatchObject({
      'x-ratelimit-limit-requests': '60',
      'x-ratelimit-remaining-requests': '59',
      'x-ratelimit-reset-requests': '2s',
      'idempotent-replayed': 'true',
      'retry-after': '7',
    });
    expect(headers.has('x-ratelimit-limit-tokens')).toBe(false);
  });

  test('nothing of a stream is sent before its first piece, so that an error still has its status', async () => {
    const response = await fetched((reply, shape) => {
      reply.stream(shape);
      expect(reply.started).toBe(false);
      reply.error(new ApiError('model_unavailable'));
    });
    expect([response.status, response.headers.get('content-type')]).toEqual([
      503,
      'application/json; charset=utf-8',
    ]);
  });

  test('says one thing: what comes after the end is not sent', async () => {
    const response = await fetched((reply, shape) => {
      reply.answer(shape, given);
      reply.error(new ApiError('internal_error'));
      reply.piece('text', 'x');
    });
    expect(await response.json()).toMatchObject({ status: 'completed' });
    const stream = await fetched((reply, shape) => {
      pieces(reply, shape);
      reply.error(new ApiError('internal_error'));
      reply.piece('text', 'x');
    });
    expect((await stream.text()).trimEnd().split('\n\n').at(-1)).toMatch(/^event: response.completed\n/);
  });

  test('a caller who is gone gets nothing, and nobody is hurt', async () => {
    const gone = new Promise<void>((resolve, reject) => {
      script = async (reply, shape, response) => {
        try {
          reply.stream(shape);
          reply.piece('text', 'The');
          await new Promise((closed) => response.once('close', closed));
          for (let i = 0; i < 1000; i++) reply.piece('text', 'x'.repeat(1000));
          reply.answer(shape, given);
          reply.error(new ApiError('internal_error'));
          // An error of a write comes in a later turn.
          setTimeout(resolve, 20);
        } catch (error) {
          reject(error);
        }
      };
    });
    const socket = connect(Number(new URL(openai.baseURL).port), '127.0.0.1');
    socket.write('POST /v1/responses HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n');
    socket.once('data', () => socket.destroy());
    await gone;
  });

  test('a caller who does not read is gone before the unread fills the memory', async () => {
    const most = new Promise<number>((resolve) => {
      script = (reply, shape, response) => {
        reply.stream(shape);
        let most = 0;
        for (let i = 0; i < 40; i++) {
          reply.piece('text', 'x'.repeat(1024 * 1024));
          most = Math.max(most, response.writableLength);
        }
        response.once('close', () => resolve(most));
      };
    });
    const socket = connect(Number(new URL(openai.baseURL).port), '127.0.0.1').pause();
    socket.on('error', () => undefined);
    socket.write('POST /v1/responses HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n');
    expect(await most).toBeLessThan(MAX_UNREAD_BYTES + 2 * 1024 * 1024);
    socket.destroy();
  });
});

test('toApiError shows nothing of what it does not know', () => {
  const cause = new Error('password=hunter2');
  for (const thrown of [cause, 'text', null, undefined, { code: 'invalid_json' }]) {
    expect(toApiError(thrown)).toMatchObject({
      code: 'internal_error',
      message: ERRORS.internal_error.message,
    });
  }
  const known = new ApiError('not_found');
  expect(toApiError(known)).toBe(known);
  expect(toApiError(cause).cause).toBe(cause);
});
