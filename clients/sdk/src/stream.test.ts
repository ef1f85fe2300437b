import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as errors from './errors.ts';
import { CHAT_STREAM, readEvents, type StreamForm } from './stream.ts';
import { flushed, frame, KEY, sendError, sendJson, serve, startEvents } from './test/server.ts';
import { startWatch } from './watch.ts';

const CHAT = { model: 'm', messages: [{ role: 'user' as const, content: 'Hi' }], stream: true as const };
const BODY = { model: 'm', input: 'Hi', stream: true as const };
const SOON = { 'retry-after-ms': '1' };
const DONE = 'data: [DONE]\n\n';
const chunk = (content: string): object => ({ id: 'c', choices: [{ index: 0, delta: { content } }] });
const delta = (text: string): object => ({ type: 'response.output_text.delta', delta: text });
const COMPLETED = { type: 'response.completed', response: { id: 'resp_1' } };

async function collect<T>(stream: AsyncIterable<T>): Promise<{ events: T[]; error: unknown }> {
  const events: T[] = [];
  try {
    for await (const event of stream) events.push(event);
    return { events, error: null };
  } catch (error) {
    return { events, error };
  }
}

describe('a stream', () => {
  test('gives the chunks of a chat in order, with the request id', async () => {
    const server = await serve((response) => {
      startEvents(response);
      response.end(`: hello\n\n${frame(chunk('Par'))}${frame(chunk('is'))}${DONE}`);
    });
    const stream = await server.client().chat.completions.create(CHAT);
    expect(stream.requestId).toBe('req_1');
    expect(await collect(stream)).toEqual({ events: [chunk('Par'), chunk('is')], error: null });
    expect(server.seen[0]).toMatchObject({ url: '/v1/chat/completions', body: JSON.stringify(CHAT) });
    expect(() => stream[Symbol.asyncIterator]()).toThrow('only once');
  });

  test.each(['response.completed', 'response.incomplete'])('of a response ends with %s', async (type) => {
    const server = await serve((response) => {
      startEvents(response);
      response.end(`event: x\n${frame(delta('a'))}${frame({ type, response: {} })}`);
    });
    const { events, error } = await collect(await server.client().responses.create(BODY));
    expect(error).toBeNull();
    expect(events).toEqual([delta('a'), { type, response: {} }]);
  });

  test('ends at its final event although the server keeps the connection open', async () => {
    const server = await serve((response) => {
      startEvents(response);
      response.write(frame(COMPLETED));
    });
    expect((await collect(await server.client().responses.create(BODY))).events).toHaveLength(1);
    await server.cancelled;
  });

  test('of a chat may be empty', async () => {
    const server = await serve((response) => {
      startEvents(response);
      response.end(DONE);
    });
    const stream = await server.client().chat.completions.create(CHAT);
    expect(await collect(stream)).toEqual({ events: [], error: null });
  });

  test('leaves its connection usable', async () => {
    const ports: unknown[] = [];
    const server = await serve((response) => {
      ports.push(response.socket?.remotePort);
      startEvents(response);
      response.write(frame(chunk('a')) + DONE, () => setTimeout(() => response.end(), 5));
    });
    for (let i = 0; i < 3; i++) {
      await collect(await server.client().chat.completions.create(CHAT));
      // The rest of the answer is read behind the caller's back.
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(new Set(ports).size).toBe(1);
  });

  test('is cancelled when the loop is left', async () => {
    const server = await serve((response) => {
      startEvents(response);
      response.write(frame(chunk('a')) + frame(chunk('b')));
    });
    for await (const event of await server.client().chat.completions.create(CHAT)) {
      expect(event).toEqual(chunk('a'));
      break;
    }
    await server.cancelled;
  });

  test('is cancelled when it is let go before its first event is taken', async () => {
    const server = await serve((response) => {
      startEvents(response);
      response.write(frame(chunk('a')));
    });
    const stream = await server.client().chat.completions.create(CHAT);
    await stream[Symbol.asyncIterator]().return?.();
    await server.cancelled;
  });

  test.each(['signal', 'abort()'])('is cancelled by %s with an AbortedError', async (way) => {
    const controller = new AbortController();
    const server = await serve((response) => {
      startEvents(response);
      response.write(frame(chunk('a')));
    });
    const stream = await server.client().chat.completions.create(CHAT, { signal: controller.signal });
    setTimeout(() => (way === 'signal' ? controller.abort() : stream.abort()), 20);
    const { events, error } = await collect(stream);
    expect(events).toHaveLength(1);
    expect(error).toBeInstanceOf(errors.AbortedError);
    await server.cancelled;
  });
});

describe('a stream that breaks off', () => {
  test.each([
    ['without its final event', (text: string): string => text],
    ['in the middle of an event', (text: string): string => `${text}data: {"id`],
    ['with the final event not ended', (text: string): string => `${text}data: [DONE]\n`],
  ])('%s is a ConnectionError after what arrived', async (_, rest) => {
    const server = await serve((response) => {
      startEvents(response);
      response.end(rest(frame(chunk('a'))));
    });
    const { events, error } = await collect(await server.client().chat.completions.create(CHAT));
    expect(events).toEqual([chunk('a')]);
    expect(error).toBeInstanceOf(errors.ConnectionError);
    expect(server.seen).toHaveLength(1);
  });

  test('of a response is not complete by [DONE]', async () => {
    const server = await serve((response) => {
      startEvents(response);
      response.end(frame(delta('a')) + DONE);
    });
    const { events, error } = await collect(await server.client().responses.create(BODY));
    expect(events).toEqual([delta('a')]);
    expect(error).toBeInstanceOf(errors.ConnectionError);
  });

  test('a socket cut after the first event is a ConnectionError, not another try', async () => {
    const server = await serve(async (response) => {
      startEvents(response);
      await flushed(response, frame(chunk('a')));
      setTimeout(() => response.destroy(), 20);
    });
    const { events, error } = await collect(await server.client().chat.completions.create(CHAT));
    expect(events).toEqual([chunk('a')]);
    expect(error).toBeInstanceOf(errors.ConnectionError);
    expect(server.seen).toHaveLength(1);
  });

  test('before its first event is tried again with the same key', async () => {
    const server = await serve(async (response, _, count) => {
      if (count === 1) return sendError(response, 503, { type: 'x', code: null }, SOON);
      startEvents(response);
      if (count === 2) {
        await flushed(response, ': keep-alive\n\n');
        response.destroy();
      } else response.end(frame(chunk('a')) + DONE);
    });
    const stream = await server.client().chat.completions.create(CHAT);
    expect(await collect(stream)).toEqual({ events: [chunk('a')], error: null });
    expect(server.seen).toHaveLength(3);
    expect(new Set(server.seen.map((seen) => seen.headers['idempotency-key'])).size).toBe(1);
  });

  test('silence before the first event is tried again, after it a TimeoutError', async () => {
    const server = await serve((response, _, count) => {
      startEvents(response);
      response.write(count === 1 ? ': nothing yet\n\n' : frame(chunk('a')));
    });
    const stream = await server.client().chat.completions.create(CHAT, { timeout: 100 });
    const { events, error } = await collect(stream);
    expect(events).toEqual([chunk('a')]);
    expect(error).toBeInstanceOf(errors.TimeoutError);
    expect(server.seen).toHaveLength(2);
  });

  test('a sign of life starts the time anew', async () => {
    const server = await serve((response) => {
      startEvents(response);
      response.write(frame(chunk('a')));
      let beats = 0;
      const timer = setInterval(() => {
        beats += 1;
        if (beats < 12) response.write(': beat\n\n');
        else response.end(DONE);
        if (beats === 12) clearInterval(timer);
      }, 50);
    });
    const stream = await server.client().chat.completions.create(CHAT, { timeout: 400 });
    expect((await collect(stream)).error).toBeNull();
  });

  test('a slow reader is no silence', async () => {
    const server = await serve((response) => {
      startEvents(response);
      response.write(frame(chunk('a')));
      setTimeout(() => response.end(frame(chunk('b')) + DONE), 650);
    });
    const stream = await server.client().chat.completions.create(CHAT, { timeout: 400 });
    let events = 0;
    for await (const _ of stream) {
      events += 1;
      await new Promise((resolve) => setTimeout(resolve, 600));
    }
    expect(events).toBe(2);
  });

  test.each(['{"a":', '[1]', '"text"', '<html>'])('data %s is a ConnectionError', async (data) => {
    const server = await serve((response) => {
      startEvents(response);
      response.end(`${frame(chunk('a'))}data: ${data}\n\n${DONE}`);
    });
    const { error } = await collect(await server.client().chat.completions.create(CHAT));
    expect(error).toBeInstanceOf(errors.ConnectionError);
  });

  test('an answer that is no event stream says so', async () => {
    const server = await serve((response) => sendJson(response, 200, {}));
    await expect(server.client().chat.completions.create(CHAT)).rejects.toThrow(
      'The server did not answer with an event stream (application/json); check baseURL',
    );
    expect(server.seen).toHaveLength(1);
  });
});

describe('an error event', () => {
  const envelope = {
    message: 'No node is free',
    type: 'service_unavailable',
    code: 'no_capacity',
    param: null,
  };
  test.each<[string, object, typeof errors.ZeroGPUError, number]>([
    ['in the envelope', { error: envelope }, errors.ServiceUnavailableError, 503],
    ['flat', { ...envelope, type: 'error' }, errors.ServiceUnavailableError, 503],
    [
      'of a failed response',
      { type: 'response.failed', response: { error: envelope } },
      errors.ServiceUnavailableError,
      503,
    ],
    ['by type alone', { error: { message: 'x', type: 'timeout_error' } }, errors.TimeoutError, 504],
    [
      'flat, with its code',
      { type: 'error', code: 'context_length_exceeded', message: 'x' },
      errors.ContextLengthExceededError,
      420,
    ],
    ['with nothing in it', { type: 'response.failed', response: {} }, errors.InternalServerError, 500],
    [
      'with an unknown code',
      { type: 'error', code: 'toString', message: 'x' },
      errors.InternalServerError,
      500,
    ],
  ])('%s is raised as its class', async (_, event, expected, status) => {
    const server = await serve((response) => {
      startEvents(response);
      response.end(frame(delta('a')) + frame(event));
    });
    const { events, error } = await collect(await server.client().responses.create(BODY));
    expect(events).toEqual([delta('a')]);
    expect(error).toMatchObject({ status, requestId: 'req_1' });
    expect(error).toBeInstanceOf(expected);
    expect(server.seen).toHaveLength(1);
  });

  test('does not carry the key, and a null error is none', async () => {
    const server = await serve((response) => {
      startEvents(response);
      response.end(frame({ ...delta('a'), error: null }) + frame({ error: { message: `Bad ${KEY}` } }));
    });
    const { events, error } = await collect(await server.client().responses.create(BODY));
    expect(events).toHaveLength(1);
    expect(error).toMatchObject({ message: 'Bad [api key]' });
  });

  test('that comes first is tried again when that may help', async () => {
    const server = await serve((response, _, count) => {
      startEvents(response);
      response.end(count === 1 ? frame({ error: envelope }) : frame(COMPLETED));
    });
    expect((await collect(await server.client().responses.create(BODY))).events).toEqual([COMPLETED]);
    expect(server.seen).toHaveLength(2);
  });
});

test('events are the same wherever the bytes are cut', async () => {
  const text =
    ': ping\r\n\r\ndata: {"text":"Grüße, 世界 😀"}\r\n\r\ndata: {\rdata: "b": 2}\r\n\rdata: [DONE]\n\n';
  const bytes = new TextEncoder().encode(text);
  const form: StreamForm = CHAT_STREAM;
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(fc.nat(bytes.length), { maxLength: 30 }), async (marks) => {
      const cuts = marks.sort((a, b) => a - b);
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          for (const [i, from] of [0, ...cuts].entries()) {
            controller.enqueue(bytes.slice(from, cuts[i] ?? bytes.length));
          }
          controller.close();
        },
      });
      const watch = startWatch(undefined, 10_000, 'memory');
      const stream = readEvents({ body, headers: new Headers(), form, watch, hide: (hidden) => hidden });
      expect(await collect(stream)).toEqual({ events: [{ text: 'Grüße, 世界 😀' }, { b: 2 }], error: null });
    }),
    { numRuns: 300 },
  );
});
