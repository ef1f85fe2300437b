import { ApiError } from '@zerogpu/protocol';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Target, TargetFailure } from './flow.ts';
import { answering, hanging, KEY, type OpenServer, openServer, target } from './testing/open-server.ts';
import { SUMMARY } from './testing/scripted-node.ts';

const body = { model: SUMMARY, input: 'The sky is blue. The sea is too.' };
let server: OpenServer;

beforeEach(async () => {
  server = await openServer();
});
afterEach(async () => {
  await server.close();
  expect(server.services.inFlight.count).toBe(0);
});

async function reopen(changes: Parameters<typeof openServer>[0]): Promise<void> {
  await server.close();
  server = await openServer(changes);
}

/** What the caller was told. */
async function told(response: Response): Promise<{ status: number; code: unknown; message: string }> {
  const { error } = (await response.json()) as { error: { code: unknown; message: string } };
  return { status: response.status, code: error.code, message: error.message };
}

/** Nothing is held, and no claim is left for an attempt that is over. */
function expectAllGivenBack(): void {
  expect(server.memory.holds.size).toBe(0);
  expect([...server.memory.claims.values()].filter((claim) => claim.stored === null)).toEqual([]);
}

describe('an answer', () => {
  test('is charged, logged, and only then given', async () => {
    server.targets.push(answering());
    const before = server.memory.balance;
    const response = await server.post(body);
    expect(response.status).toBe(200);
    expect(server.memory.settled).toMatchObject([
      {
        requestId: response.headers.get('x-request-id'),
        status: 200,
        errorCode: null,
        endpoint: 'responses',
        requestedModel: SUMMARY,
        servedModel: SUMMARY,
        held: true,
        streamed: false,
        finishReason: 'stop',
        route: { kind: 'upstream', target: 'u', attempts: 1 },
      },
    ]);
    expect(before - server.memory.balance).toBe(server.memory.settled[0]?.cost);
    expectAllGivenBack();
  });

  test('waits for its settlement, whole or streamed', async () => {
    for (const stream of [false, true]) {
      const settling = Promise.withResolvers<void>();
      await reopen({ settle: () => settling.promise });
      server.targets.push(answering());
      const asking = server.post({ ...body, stream });
      const text = asking.then((response) => response.text());
      const first = await Promise.race([
        text,
        new Promise((resolve) => setTimeout(resolve, 50, 'nothing yet')),
      ]);
      expect(first).toBe('nothing yet');
      settling.resolve();
      expect(await text).toContain('"status":"completed"');
    }
  });

  test('that cannot be settled is not given', async () => {
    await reopen({ settle: () => Promise.reject(new Error('disk full: password=hunter2')) });
    server.targets.push(answering());
    const { status, code, message } = await told(await server.post(body, { 'idempotency-key': 'i' }));
    expect([status, code]).toEqual([500, 'internal_error']);
    expect(message).not.toContain('hunter2');
    expect(server.memory.claims.size).toBe(0);
  });

  test('has its whole deadline from admission on, however slowly the body came', async () => {
    let now = 1_000_000;
    await reopen({ now: () => (now += 30_000) });
    const run = vi.fn<Target['run']>(answering().run);
    server.targets.push(target(run));
    expect((await server.post(body)).status).toBe(200);
    const deadline = run.mock.calls[0]?.[1] ?? 0;
    expect(deadline).toBeGreaterThan(server.memory.settled[0]?.startedAt ?? Infinity);
    expect(deadline - (server.memory.settled[0]?.startedAt ?? 0)).toBeGreaterThan(60_000);
  });
});

describe('a refusal', () => {
  const broken: Target = target(() => Promise.reject(new RangeError('a bug: password=hunter2')));
  const busy: Target = target(() => Promise.reject(new TargetFailure('busy', 'u is busy')));

  test.each([
    ['a body that is none', '{', [], 400, 'invalid_json', false],
    ['a wrong body', { ...body, input: 5 }, [], 400, 'invalid_type', false],
    ['an unknown model', { ...body, model: 'made\u0000up' }, [], 404, 'model_not_found', false],
    ['nobody who serves it', body, [], 503, 'model_unavailable', true],
    ['everybody busy', body, [busy], 503, 'no_capacity', true],
    ['a bug', body, [broken], 500, 'internal_error', true],
  ])(
    'for %s is logged, gives everything back and says no more than it should',
    async (_what, sent, targets, status, code, held) => {
      server.targets.push(...targets);
      for (const stream of [false, true]) {
        server.memory.settled.length = 0;
        const asked = typeof sent === 'string' ? sent : { ...sent, stream };
        const answer = await told(await server.post(asked, { 'idempotency-key': `i${stream}` }));
        expect(answer).toMatchObject({ status, code });
        expect(answer.message).not.toMatch(/hunter2|sky|u is/);
        expect(server.memory.settled).toMatchObject([
          { status, errorCode: code, held, cost: 0n, outputTokens: 0 },
        ]);
        expectAllGivenBack();
      }
    },
  );

  test('before it is known whose request it is goes to the log of the project that it names', async () => {
    for (const project of [null, 'made up']) {
      const named: Record<string, string> = project === null ? {} : { 'x-project-id': project };
      const response = await server.post(body, { 'x-api-key': 'x', ...named });
      const requestId = response.headers.get('x-request-id');
      expect(await told(response)).toMatchObject({ status: 401, code: 'invalid_api_key' });
      expect(server.memory.refused.at(-1)).toMatchObject({
        project,
        requestId,
        endpoint: 'responses',
        error: { code: 'invalid_api_key' },
      });
    }
    expect([server.memory.settled, server.memory.payloads]).toEqual([[], []]);
  });

  test('for an empty purse holds nothing', async () => {
    server.memory.balance = 0n;
    expect(await told(await server.post(body))).toMatchObject({ status: 420, code: 'insufficient_quota' });
    expect(server.memory.settled).toMatchObject([{ status: 420, held: false }]);
  });

  test('by a limit says its state in the headers', async () => {
    const { admission } = server.services;
    const limits = {
      requests: { limit: 1, remaining: 0, resetMs: 59_999.5 },
      tokens: { limit: 1000, remaining: 990, resetMs: 600 },
    };
    const refusal = { scope: 'key', what: 'requests', limit: 1, retryMs: 59_999.5 } as const;
    const take = async () => ({ result: 'rate_limited', limits, refusal }) as const;
    await reopen({ admission: { ...admission, take } });
    const response = await server.post(body);
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '60']);
    for (const kind of ['requests', 'tokens']) {
      for (const what of ['limit', 'remaining', 'reset']) {
        expect(response.headers.get(`x-ratelimit-${what}-${kind}`)).toMatch(/^\d+s?$/);
      }
    }
  });

  test('reaches the caller also when it cannot be logged', async () => {
    await reopen({ settle: () => Promise.reject(new Error('no database')) });
    expect(await told(await server.post(body))).toMatchObject({ status: 503, code: 'model_unavailable' });
    expect(server.memory.reports).toHaveLength(1);
  });

  test('fails closed when keys cannot be looked up', async () => {
    const cause = new Error('no database');
    await reopen({ keys: { findById: async () => null, find: () => Promise.reject(cause) } });
    server.targets.push(answering());
    expect(await told(await server.post(body))).toMatchObject({ status: 500, code: 'internal_error' });
    expect(server.memory.reports).toEqual([cause]);
  });
});

describe('what was sent and said', () => {
  const sent = () =>
    server.memory.payloads.map(({ status, request, answer }) => ({
      status,
      answer,
      request: String(request),
    }));

  test('is offered with the request’s end, whole or streamed', async () => {
    server.targets.push(answering());
    for (const stream of [false, true]) {
      const text = await (await server.post({ ...body, stream })).text();
      expect(text).toContain(server.memory.payloads.at(-1)?.answer);
    }
    const request = JSON.stringify({ ...body, stream: true });
    expect(sent()[1]).toMatchObject({ status: 200, request });
    expect(server.memory.payloads[1]?.caller).toMatchObject({ payloadPolicy: 'errors', payloadDays: 30 });
  });

  test('of a refusal is the body, if it was read, and the error as it was sent', async () => {
    const asked = [{ ...body, model: 'made-up' }, '{'];
    for (const one of asked) {
      const answer = await (await server.post(one)).text();
      expect(server.memory.payloads.at(-1)?.answer).toBe(answer);
    }
    expect(server.memory.payloads.map(({ request }) => request && String(request))).toEqual([
      JSON.stringify(asked[0]),
      null,
    ]);
  });

  test('of a caller who went away is what reached them', async () => {
    server.targets.push(hanging('The sky is '));
    const abort = new AbortController();
    const asking = fetch(`${server.url}/v1/responses`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': KEY },
      body: JSON.stringify({ ...body, stream: true }),
      signal: abort.signal,
    });
    await (await asking).body?.getReader().read();
    abort.abort();
    await vi.waitFor(() => expect(sent()).toMatchObject([{ status: 499, answer: 'The sky is ' }]));
  });
});

describe('a caller who goes away', () => {
  const settledOnce = () => vi.waitFor(() => expect(server.memory.settled).toHaveLength(1));

  /** Hangs up when the answer has begun, or at once when none was streamed. */
  async function hangUp(stream: boolean): Promise<void> {
    const abort = new AbortController();
    const asking = fetch(`${server.url}/v1/responses`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': KEY, 'idempotency-key': 'i' },
      body: JSON.stringify({ ...body, stream }),
      signal: abort.signal,
    });
    asking.catch(() => undefined);
    if (stream) await (await asking).body?.getReader().read();
    else await vi.waitFor(() => expect(server.memory.holds.size).toBe(1));
    abort.abort();
  }

  test('while a model works is logged as 499, pays nothing, and the key may be used again', async () => {
    server.targets.push(hanging());
    await hangUp(false);
    await settledOnce();
    expect(server.memory.settled).toMatchObject([
      { status: 499, errorCode: 'client_closed_request', cost: 0n },
    ]);
    await vi.waitFor(expectAllGivenBack);
  });

  test('in the middle of a stream pays for what was produced', async () => {
    server.targets.push(hanging('The sky is '));
    await hangUp(true);
    await settledOnce();
    const [settlement] = server.memory.settled;
    expect(settlement).toMatchObject({ status: 499, servedModel: SUMMARY, streamed: true });
    expect(settlement?.outputTokens).toBeGreaterThan(0);
    expect(settlement?.cost).toBeGreaterThan(0n);
    await vi.waitFor(expectAllGivenBack);
  });

  test('in a stream whose money went back is logged all the same, and pays nothing', async () => {
    server.targets.push(hanging('The sky is '));
    const { memory } = server;
    const settle = memory.settle.bind(memory);
    vi.spyOn(memory, 'settle').mockImplementation(async (settlement) => {
      if (settlement.cost > 0n) throw new ApiError('upstream_timeout');
      return settle(settlement);
    });
    await hangUp(true);
    await settledOnce();
    expect(memory.settled).toMatchObject([{ status: 499, servedModel: SUMMARY, cost: 0n }]);
    await vi.waitFor(expectAllGivenBack);
  });

  test('while it waits for another attempt leaves that one alone', async () => {
    server.targets.push(hanging());
    const first = new AbortController();
    const headers = { 'content-type': 'application/json', 'x-api-key': KEY, 'idempotency-key': 'i' };
    const ask = (signal: AbortSignal) =>
      fetch(`${server.url}/v1/responses`, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
        signal,
      }).catch(() => undefined);
    void ask(first.signal);
    await vi.waitFor(() => expect(server.memory.holds.size).toBe(1));
    const second = new AbortController();
    void ask(second.signal);
    await vi.waitFor(() => expect(server.services.inFlight.count).toBe(2));
    second.abort();
    await settledOnce();
    expect(server.memory.settled).toMatchObject([{ status: 499, held: false }]);
    expect(server.memory.claims.size).toBe(1);
    first.abort();
    await vi.waitFor(expectAllGivenBack);
  });
});

describe('a stream', () => {
  test('that breaks in the middle ends with an error, and costs nothing', async () => {
    server.targets.push(
      target(async (_inference, _deadline, sink) => {
        sink?.piece('text', 'The sky');
        throw new TargetFailure('lost', 'gone');
      }),
    );
    const text = await (await server.post({ ...body, stream: true })).text();
    expect(text.trimEnd().split('\n\n').at(-1)).toMatch(
      /^event: error\ndata: \{"type":"error",.*"model_unavailable"/,
    );
    expect(server.memory.settled).toMatchObject([{ status: 503, cost: 0n, held: true }]);
    expectAllGivenBack();
  });
});

describe('the same key again', () => {
  const headers = { 'idempotency-key': 'i' };

  test.each([false, true])('replays the same bytes, charges once (stream: %j)', async (stream) => {
    server.targets.push(answering({ reasoning: 'hm' }));
    const first = await server.post({ ...body, stream }, headers);
    const firstText = await first.text();
    const again = await server.post({ ...body, stream }, headers);
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([200, 'true']);
    expect(first.headers.has('idempotent-replayed')).toBe(false);
    expect(await again.text()).toBe(firstText);
    await vi.waitFor(() => expect(server.memory.settled).toHaveLength(2));
    const [charged, replayed] = server.memory.settled;
    expect([charged?.replayOf, replayed?.replayOf]).toEqual([null, charged?.requestId]);
    const free = { status: 200, cost: 0n, held: false, inputTokens: 0, outputTokens: 0, idempotency: null };
    expect(replayed).toMatchObject({ ...free, servedModel: SUMMARY, route: null });
    expect(replayed?.requestId).toBe(again.headers.get('x-request-id'));
  });

  test('is answered also when the replay cannot be logged', async () => {
    server.targets.push(answering());
    await (await server.post(body, headers)).text();
    const { memory } = server;
    vi.spyOn(memory, 'settle').mockRejectedValue(new Error('no database'));
    const again = await server.post(body, headers);
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([200, 'true']);
    await vi.waitFor(() => expect(memory.reports).toHaveLength(1));
  });

  test('with another body is a conflict', async () => {
    server.targets.push(answering());
    await server.post(body, headers);
    expect(await told(await server.post({ ...body, input: 'x' }, headers))).toMatchObject({
      status: 409,
      code: 'idempotency_conflict',
    });
    const other = { model: SUMMARY, messages: [{ role: 'user', content: 'x' }] };
    expect((await server.post(other, headers, '/v1/chat/completions')).status).toBe(409);
  });

  test('at the same time runs once', async () => {
    const go = Promise.withResolvers<void>();
    const run = vi.fn<Target['run']>(async (...rest) => {
      await go.promise;
      return answering().run(...rest);
    });
    server.targets.push(target(run));
    const both = [server.post(body, headers), server.post(body, headers)];
    await vi.waitFor(() => expect(server.services.inFlight.count).toBe(2));
    go.resolve();
    const texts = await Promise.all(both.map(async (one) => (await one).text()));
    expect(texts[0]).toBe(texts[1]);
    expect(run).toHaveBeenCalledTimes(1);
  });

  test('after a failure runs anew', async () => {
    expect((await server.post(body, headers)).status).toBe(503);
    server.targets.push(answering());
    expect((await server.post(body, headers)).status).toBe(200);
  });
});

describe('a stand-in', () => {
  const HUB = 'gliner2-base-v1';
  const BUILT_IN = 'zlm-v1-extract-edge';
  const metadata = { usecase: 'ner', labels: ['person'] };
  const asked = { model: HUB, input: 'Ada wrote it.', metadata };
  const entities = '{"entities":{"person":["Ada"]}}';
  const header = (response: Response) => response.headers.get('x-zerogpu-requested-model');
  const only = (model: string) => (id: string) => (id === model ? [answering({ text: entities })] : []);

  beforeEach(() => reopen({ standIns: { byDefault: true }, upstreams: only(BUILT_IN) }));

  test('is told in the answer, in a header and in the log', async () => {
    const response = await server.post(asked);
    expect(response.status).toBe(200);
    expect(header(response)).toBe(HUB);
    expect(await response.json()).toMatchObject({ model: BUILT_IN });
    expect(server.memory.settled).toMatchObject([{ requestedModel: HUB, servedModel: BUILT_IN }]);
    expectAllGivenBack();
  });

  test('is told in every event of a stream that names a model', async () => {
    const response = await server.post({ ...asked, stream: true });
    expect(header(response)).toBe(HUB);
    const text = await response.text();
    expect(text).toContain(`"model":"${BUILT_IN}"`);
    expect(text).not.toContain(HUB);
    const chat = { model: HUB, metadata, messages: [{ role: 'user', content: 'Ada.' }], stream: true };
    const chunks = await (await server.post(chat, {}, '/v1/chat/completions')).text();
    expect(chunks).toContain(`"model":"${BUILT_IN}"`);
    expect(chunks).not.toContain(HUB);
  });

  test.each([false, true])('is told again when the answer is replayed (stream: %j)', async (stream) => {
    const headers = { 'idempotency-key': 'i' };
    const first = await server.post({ ...asked, stream }, headers);
    const text = await first.text();
    // By now the hub model is there, and this is still the answer of its stand-in.
    const again = await server.post({ ...asked, stream }, headers);
    expect([again.headers.get('idempotent-replayed'), header(again)]).toEqual(['true', HUB]);
    expect(await again.text()).toBe(text);
  });

  test('is not used, and not told, when somebody has the model', async () => {
    await reopen({ standIns: { byDefault: true }, upstreams: only(HUB) });
    const response = await server.post(asked);
    expect(header(response)).toBeNull();
    expect(await response.json()).toMatchObject({ model: HUB });
  });

  test('is not used without leave: the answer says what brings the model', async () => {
    await reopen({ upstreams: only(BUILT_IN) });
    const response = await server.post(asked);
    expect(header(response)).toBeNull();
    const { status, message } = await told(response);
    expect(status).toBe(503);
    for (const way of ['ZEROGPU_UPSTREAMS', 'ZEROGPU_STANDINS=on', BUILT_IN, `zerogpu models pull ${HUB}`])
      expect(message).toContain(way);
  });

  test('has its own options, limits and price', async () => {
    expect(await told(await server.post({ ...asked, metadata: {} }))).toMatchObject({ status: 400 });
    const long = { ...asked, input: 'word '.repeat(2000) };
    const { status, message } = await told(await server.post(long));
    expect(status).toBe(420);
    expect(message).toContain(BUILT_IN);
  });
});

describe('an answer that has no form', () => {
  const gliner = { text: 'Ada.', usecase: 'ner', labels: ['person'] };

  test('on a task route costs nothing', async () => {
    server.targets.push(answering({ text: '{"entities":{', finishReason: 'length' }));
    expect(await told(await server.post(gliner, { 'idempotency-key': 'i' }, '/v1/gliner'))).toMatchObject({
      status: 400,
      code: 'invalid_value',
    });
    expect(server.memory.settled).toMatchObject([{ status: 400, cost: 0n, held: true, endpoint: 'gliner' }]);
    expectAllGivenBack();
  });

  test('of a broken target is our fault, and reported', async () => {
    server.targets.push(answering({ text: 'Ada' }));
    const answer = await told(await server.post(gliner, {}, '/gliner'));
    expect(answer).toMatchObject({ status: 500, code: 'internal_error' });
    expect(String(server.memory.reports[0])).toContain('gliner2-base-v1 answered what is no answer');
    expect(String(server.memory.reports[0])).not.toContain('Ada');
    expectAllGivenBack();
  });
});

test("a task's own route answers with and without /v1, and to pages of any origin", async () => {
  server.targets.push(answering());
  for (const path of ['/v1/summary', '/summary', '/summary?a=b']) {
    const response = await server.post({ text: 'The sky is blue.' }, {}, path);
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    expect(await response.json()).toMatchObject({ summary: 'The sky is blue.', model: SUMMARY });
  }
});
