import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import type { Inference, Tier } from '@zerogpu/protocol';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { TargetFailure } from '../flow.ts';
import { inference } from '../testing/connected-nodes.ts';
import { CHAT, listen } from '../testing/scripted-node.ts';
import { Upstream } from './upstream.ts';
import { usableUpstreams } from './usable-upstreams.ts';

const KEY = 'sk-secret-of-the-operator';
const never = new AbortController().signal;

let server: Server;
let upstream: Upstream;
let url: string;
let script: (response: ServerResponse, body: unknown, request: IncomingMessage) => void;

beforeAll(async () => {
  server = createServer(async (request, response) =>
    script(response, await json(request).catch(() => null), request),
  );
  url = `http://${await listen(server)}/base/v1`;
  upstream = open();
});
afterEach(() => vi.useRealTimers());
afterAll(async () => {
  await upstream.close();
  server.closeAllConnections();
  server.close();
});

function open(changes: Partial<ConstructorParameters<typeof Upstream>[0]> = {}): Upstream {
  const models = new Map([[CHAT, 'theirs:8b']]);
  return new Upstream({ name: 'u', url, apiKey: KEY, trusted: true, batchRuns: 2, models, ...changes });
}

const message = (more: object = {}) => ({
  choices: [{ message: { role: 'assistant', content: 'Blue.' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 9, completion_tokens: 2, completion_tokens_details: { reasoning_tokens: 1 } },
  ...more,
});
const answerWith = (status: number, body: unknown) => (response: ServerResponse) => {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
};

function run(changes: Partial<Inference> = {}, signal = never, target = upstream) {
  const given = inference({ model: CHAT, ...changes });
  return target.run(given, 0, null, signal, 'interactive');
}

function stream(signal = never) {
  const pieces: string[] = [];
  const sink = { piece: (kind: string, text: string) => pieces.push(`${kind}:${text}`) };
  return {
    pieces,
    answer: upstream.run(inference({ model: CHAT, stream: true }), 0, sink, signal, 'interactive'),
  };
}

const event = (value: unknown) => `data: ${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`;
const delta = (fields: object, finish: string | null = null) =>
  event({ choices: [{ delta: fields, finish_reason: finish }] });

test('a few batch runs at once, the others wait; interactive ones go by', async () => {
  const asked: { readonly text: string; answer(): void }[] = [];
  script = (response, body) => {
    const text = JSON.stringify(body).match(/batch \d|person/)?.[0] ?? '';
    asked.push({ text, answer: () => answerWith(200, message())(response) });
  };
  const texts = () => asked.map(({ text }) => text).sort();
  const ask = (text: string, tier: Tier, signal = never) =>
    upstream.run(
      inference({ model: CHAT, messages: [{ role: 'user', content: text }] }),
      Date.now() + 60_000,
      null,
      signal,
      tier,
    );
  const batch = [1, 2, 3].map((n) => ask(`batch ${n}`, 'batch'));
  const person = ask('person', 'interactive');
  await vi.waitFor(() => expect(texts()).toEqual(['batch 1', 'batch 2', 'person']));
  const gone = new AbortController();
  const fourth = ask('batch 4', 'batch', gone.signal);
  gone.abort(new Error('gone'));
  await expect(fourth).rejects.toThrow('gone');
  for (const one of asked) one.answer();
  await person;
  await vi.waitFor(() => expect(texts()).toEqual(['batch 1', 'batch 2', 'batch 3', 'person']));
  asked.at(-1)?.answer();
  expect((await Promise.all(batch)).map((answer) => answer.text)).toEqual(['Blue.', 'Blue.', 'Blue.']);
});

describe('what is asked', () => {
  test('goes to its chat endpoint, under its own name for the model, with its key', async () => {
    const seen = new Promise((resolve) => {
      script = (response, body, { method, url: path, headers }) => {
        resolve({ body, method, path, key: headers.authorization });
        answerWith(200, message())(response);
      };
    });
    await run({
      temperature: 0,
      topP: 0.5,
      seed: 7,
      stop: ['x'],
      format: { type: 'json_schema', name: 'n', schema: { a: 1 } },
      tools: [{ type: 'function' }],
      toolChoice: 'auto',
    });
    expect(await seen).toEqual({
      method: 'POST',
      path: '/base/v1/chat/completions',
      key: `Bearer ${KEY}`,
      body: {
        model: 'theirs:8b',
        messages: [{ role: 'user', content: 'The sky is blue.' }],
        max_tokens: 100,
        temperature: 0,
        top_p: 0.5,
        seed: 7,
        stop: ['x'],
        tools: [{ type: 'function' }],
        tool_choice: 'auto',
        response_format: { type: 'json_schema', json_schema: { name: 'n', schema: { a: 1 } } },
      },
    });
  });

  test('nothing that was not set is sent', async () => {
    const seen = new Promise((resolve) => {
      script = (response, body) => {
        resolve(body);
        answerWith(200, message())(response);
      };
    });
    await run({ maxOutputTokens: null });
    expect(Object.keys(Object(await seen))).toEqual(['model', 'messages']);
  });

  test("a task's options go along, what a caller notes down in a chat does not", async () => {
    const asked: unknown[] = [];
    script = (response, body) => {
      asked.push(body);
      answerWith(200, message())(response);
    };
    const task = 'gliner2-base-v1';
    const metadata = { usecase: 'ner', labels: ['person'] };
    const both = open({ models: new Map([CHAT, task].map((model) => [model, 'theirs'])) });
    await run({ model: task, metadata }, never, both);
    await run({ metadata: { user: '17' } }, never, both);
    await both.close();
    expect(asked).toMatchObject([{ metadata }, { model: 'theirs' }]);
    expect(Object.keys(Object(asked[1]))).not.toContain('metadata');
  });

  test('it is used for its models, and where nobody vouches for it only by those who opted in', async () => {
    const untrusted = open({ name: 'untrusted', trusted: false });
    const usable = (model: string, upstreams: boolean) =>
      usableUpstreams([untrusted, upstream], model, { upstreams }, Date.now());
    expect(usable(CHAT, false)).toEqual([upstream]);
    expect(usable(CHAT, true)).toEqual([upstream, untrusted]);
    expect(usable('another', true)).toEqual([]);
    await untrusted.close();
  });

  test('one that failed several times in a row is asked last, until it works again', async () => {
    const models = new Map([[CHAT, 'theirs']]);
    const [ill, well] = [open({ name: 'ill', models }), open({ name: 'well', models })];
    const order = () => usableUpstreams([ill, well], CHAT, { upstreams: false }, Date.now());
    script = answerWith(500, 'no');
    for (let i = 0; i < 5; i++) {
      expect(order()).toEqual([ill, well]);
      await expect(run({}, never, ill)).rejects.toMatchObject({ kind: 'internal' });
    }
    expect(order()).toEqual([well, ill]);
    script = answerWith(200, message());
    await run({}, never, ill);
    expect(order()).toEqual([ill, well]);
    await Promise.all([ill.close(), well.close()]);
  });
});

describe('a whole answer', () => {
  test('is read with the count of a trusted upstream', async () => {
    script = answerWith(200, message());
    const { modelMs, ...given } = await run();
    expect(given).toEqual({
      text: 'Blue.',
      reasoning: null,
      toolCalls: [],
      finishReason: 'stop',
      usage: { inputTokens: 9, outputTokens: 2, reasoningTokens: 1 },
      queueMs: 0,
    });
    expect(modelMs).toBeGreaterThan(0);
    const untrusted = open({ trusted: false });
    expect((await run({}, never, untrusted)).usage).toBeNull();
    await untrusted.close();
  });

  test('may have reasoning under either name, calls, and no content', async () => {
    const call = { id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } };
    script = answerWith(
      200,
      message({
        choices: [
          {
            message: { content: null, reasoning_content: 'hm', tool_calls: [call, 'x'] },
            finish_reason: 'tool_calls',
          },
        ],
      }),
    );
    expect(await run()).toMatchObject({
      text: '',
      reasoning: 'hm',
      toolCalls: [call],
      finishReason: 'tool_calls',
    });
  });

  test.each([
    { prompt_tokens: -1, completion_tokens: 1 },
    { prompt_tokens: 1.5, completion_tokens: 1 },
    { prompt_tokens: 2 ** 31, completion_tokens: 1 },
    { prompt_tokens: '9', completion_tokens: 1 },
    { completion_tokens: 1 },
    [],
    null,
  ])('with the count %j is counted by us', async (usage) => {
    script = answerWith(200, message({ usage }));
    expect((await run()).usage).toBeNull();
  });

  test.each([
    '',
    '{',
    '<html>',
    'null',
    '[]',
    '{}',
    '{"choices":[]}',
    '{"choices":[{}]}',
    '{"choices":[{"message":5}]}',
    '{"error":{"message":"x"}}',
  ])('%j is none', async (body) => {
    script = answerWith(200, body);
    await expect(run()).rejects.toMatchObject({ name: 'TargetFailure', kind: 'internal' });
  });

  test('of more than 16 MiB is not read to its end', async () => {
    script = (response) => {
      response.on('error', () => undefined);
      response.writeHead(200);
      for (let i = 0; i < 40; i++) response.write('x'.repeat(1024 * 1024));
      response.end();
    };
    await expect(run()).rejects.toMatchObject({
      kind: 'internal',
      message: 'The upstream answered too much',
    });
  });

  test('that breaks off is lost', async () => {
    script = (response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('{"choices":', () => response.destroy());
    };
    await expect(run()).rejects.toMatchObject({ kind: 'lost' });
  });
});

describe('a refusal', () => {
  test.each([
    [400, 'input'],
    [401, 'unavailable'],
    [403, 'unavailable'],
    [404, 'unavailable'],
    [302, 'unavailable'],
    [413, 'too_large'],
    [422, 'input'],
    [429, 'busy'],
    [500, 'internal'],
    [503, 'busy'],
    [529, 'internal'],
  ])('with %i is %s', async (status, kind) => {
    const quoting = `Wrong key ${KEY} or prompt: The sky is blue.`;
    script = answerWith(status, { error: { message: quoting } });
    const failure = await run().catch((error: unknown) => error);
    if (!(failure instanceof TargetFailure)) throw failure;
    expect(failure.kind).toBe(kind);
    const told = 'Wrong key … or prompt: The sky is blue.';
    expect(failure.message).toBe(kind === 'input' ? told : `The upstream answered ${status}`);
  });

  test.each([
    '',
    'rubbish',
    '{"error":"text"}',
    `{"error":{"message":5}}`,
    JSON.stringify({ error: { message: 'x'.repeat(70_000) } }),
  ])('that says nothing readable is told by its status', async (body) => {
    script = answerWith(400, body);
    await expect(run()).rejects.toMatchObject({ kind: 'input', message: 'The upstream answered 400' });
  });

  test.each([400, 500])('with %i whose body never comes ends with the deadline', async (status) => {
    const abort = new AbortController();
    script = (response) => {
      response.writeHead(status, { 'content-length': '1000' });
      response.write('{"error":', () => setImmediate(() => abort.abort(new Error('deadline'))));
    };
    await expect(run({}, abort.signal)).rejects.toThrow('deadline');
  });

  test('more waiting than it will ever come to is said at once', async () => {
    const abort = new AbortController();
    script = () => undefined;
    const waiting = Array.from({ length: 128 + 2000 }, () => run({}, abort.signal));
    await expect(run()).rejects.toMatchObject({ kind: 'busy' });
    abort.abort(new Error('enough'));
    await Promise.allSettled(waiting);
    script = answerWith(200, message());
    expect((await run()).text).toBe('Blue.');
  });

  test('nobody listening is lost', async () => {
    const nobody = open({ url: 'http://127.0.0.1:1/v1' });
    await expect(run({}, never, nobody)).rejects.toMatchObject({ kind: 'lost' });
    await nobody.close();
  });
});

describe('a caller who goes away', () => {
  test.each(['before the headers', 'in the middle of the answer'])(
    '%s ends the request there too',
    async (when) => {
      const abort = new AbortController();
      const closed = new Promise<void>((resolve) => {
        script = (response) => {
          response.on('close', () => resolve());
          if (when !== 'before the headers') response.writeHead(200).write('{');
          setTimeout(() => abort.abort(new Error('gone')), 20);
        };
      });
      await expect(run({}, abort.signal)).rejects.toThrow('gone');
      await closed;
      await expect(run({}, abort.signal)).rejects.toThrow('gone');
    },
  );

  test('in the middle of a stream ends it with the reason', async () => {
    const abort = new AbortController();
    script = (response) => {
      response.writeHead(200).write(delta({ content: 'Bl' }));
      setTimeout(() => abort.abort(new Error('gone')), 20);
    };
    const { pieces, answer } = stream(abort.signal);
    await expect(answer).rejects.toThrow('gone');
    expect(pieces).toEqual(['text:Bl']);
  });
});

describe('a streamed answer', () => {
  const whole = [
    delta({ role: 'assistant', content: '' }),
    delta({ reasoning_content: 'hm' }),
    ': a comment\n\n',
    delta({ content: 'The 😀' }),
    delta({ content: ' is blue.' }),
    delta({}, 'length'),
    event({ choices: [], usage: { prompt_tokens: 9, completion_tokens: 4 } }),
    event('[DONE]'),
  ].join('');

  test('comes in pieces, wherever its bytes were cut', async () => {
    for (const size of [1, 7, 10_000]) {
      script = (response) => {
        response.writeHead(200);
        const bytes = Buffer.from(whole);
        for (let i = 0; i < bytes.length; i += size) response.write(bytes.subarray(i, i + size));
        response.end();
      };
      const { pieces, answer } = stream();
      expect(await answer).toMatchObject({
        text: 'The 😀 is blue.',
        reasoning: 'hm',
        finishReason: 'length',
        usage: { inputTokens: 9, outputTokens: 4 },
      });
      expect(pieces).toEqual(['reasoning:hm', 'text:The 😀', 'text: is blue.']);
    }
  });

  test('that is asked for says so, and asks for the usage', async () => {
    const seen = new Promise((resolve) => {
      script = (response, body) => {
        resolve(body);
        response.end(whole);
      };
    });
    await stream().answer;
    expect(await seen).toMatchObject({ stream: true, stream_options: { include_usage: true } });
  });

  test('puts calls together from their parts', async () => {
    const part = (index: unknown, fields: object) => delta({ tool_calls: [{ index, ...fields }] });
    script = (response) =>
      response.end(
        part(0, { id: 'a', function: { name: 'f', arguments: '{"x"' } }) +
          part(0, { function: { arguments: ':1}' } }) +
          part(1, { id: 'b', function: { name: 'g', arguments: '{}' } }) +
          [-1, 5, 1.5, 1e9].map((index) => part(index, { id: 'z' })).join('') +
          delta({}, 'tool_calls') +
          event('[DONE]'),
      );
    expect((await stream().answer).toolCalls).toEqual([
      { id: 'a', type: 'function', function: { name: 'f', arguments: '{"x":1}' } },
      { id: 'b', type: 'function', function: { name: 'g', arguments: '{}' } },
    ]);
  });

  test.each([
    ['is cut in the middle', delta({ content: 'Bl' }), 'lost'],
    ['never says that it ended', `${delta({ content: 'Bl' })}${event('[DONE]')}`, 'lost'],
    ['is empty', '', 'lost'],
    ['is no stream', JSON.stringify(message()), 'lost'],
    ['has an event that is no JSON', event('{'), 'internal'],
    ['says that it failed', `${delta({ content: 'Bl' })}${event({ error: { message: 'x' } })}`, 'internal'],
  ])('that %s is no answer', async (_what, body, kind) => {
    script = (response) => response.end(body);
    await expect(stream().answer).rejects.toMatchObject({ name: 'TargetFailure', kind });
  });

  test('whose connection breaks is lost, and what came before was passed on', async () => {
    script = (response) => {
      response.writeHead(200).write(delta({ content: 'Bl' }), () => response.destroy());
    };
    const { pieces, answer } = stream();
    await expect(answer).rejects.toMatchObject({ kind: 'lost' });
    expect(pieces).toEqual(['text:Bl']);
  });

  test('events of other shapes are passed over', async () => {
    const odd = [
      5,
      null,
      [],
      {},
      { choices: 5 },
      { choices: [null] },
      { choices: [{ delta: 5 }] },
      { choices: [{ delta: { content: 5 } }] },
    ];
    script = (response) => response.end(odd.map(event).join('') + whole);
    expect((await stream().answer).text).toBe('The 😀 is blue.');
  });

  test('without an end of line is not read for ever', async () => {
    script = (response) => {
      response.on('error', () => undefined);
      response.writeHead(200);
      for (let i = 0; i < 20; i++) response.write('x'.repeat(1024 * 1024));
      response.end();
    };
    await expect(stream().answer).rejects.toMatchObject({ kind: 'internal' });
  });

  test('that is done is done, though its connection stays open or breaks', async () => {
    script = (response) => response.writeHead(200).write(whole, () => response.destroy());
    expect((await stream().answer).text).toBe('The 😀 is blue.');
    script = (response) => response.writeHead(200).write(whole);
    expect((await stream().answer).text).toBe('The 😀 is blue.');
  });

  test('a sink that refuses ends it, in its own words', async () => {
    script = (response) => response.end(whole);
    const sink = {
      piece() {
        throw new TargetFailure('internal', 'differs');
      },
    };
    await expect(
      upstream.run(inference({ model: CHAT }), 0, sink, never, 'interactive'),
    ).rejects.toMatchObject({
      message: 'differs',
    });
  });
});
