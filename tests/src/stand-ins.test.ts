/** Built-ins that answer for hub models nobody serves: what is told of it, on every way, and when they do not. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type ScriptedUpstream,
  startUpstream,
  upstreamAnswers,
  upstreamSetting,
} from './support/scripted-upstream.ts';
import { type CallAnswer, type Project, TestGateway } from './support/test-gateway.ts';

const HEADER = 'x-zerogpu-requested-model';
const NEWS =
  'The council of the harbour town voted on Tuesday to rebuild the old bridge. Engineers had found cracks in two of ' +
  'its pillars last winter. The work will cost 14 million euros and take three years, the mayor, Clara Winther, said. ' +
  'Ferries will carry commuters across the river meanwhile, and shop owners on the north bank fear for their trade. ' +
  'The regional government pays half of the sum. Letters go to clara.winther@harbour.example.';

/** Hub model, what answers for it, and what it needs beside a text. */
const PAIRS = [
  ['deberta-v3-small', 'zlm-v1-zeroshot-edge', { metadata: { labels: ['politics', 'sports'] } }],
  ['gliner2-base-v1', 'zlm-v1-extract-edge', { metadata: { usecase: 'ner', labels: ['person'] } }],
  ['gliner-multi-pii-v1', 'zlm-v1-pii-edge', { metadata: { usecase: 'redact' } }],
  ['llama-3.1-8b-instruct-fast', 'zlm-v1-summary-cloud', {}],
] as const;
const ENDPOINTS = ['/v1/responses', '/v1/chat/completions'] as const;
const CASES = PAIRS.flatMap((pair) =>
  ENDPOINTS.map((endpoint) => [pair[0], pair[1], endpoint, pair[2]] as const),
);

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start();
  await gateway.spawnNode();
});
afterAll(() => gateway.stop());

function ask(endpoint: string, model: string, options: object, more: object = {}, key?: string) {
  const messages = [{ role: 'user', content: NEWS }];
  const content = endpoint === '/v1/responses' ? { input: NEWS } : { messages };
  const { headers, ...body }: { headers?: Record<string, string> } = { ...more };
  return gateway.call(
    endpoint,
    { model, ...content, ...options, ...body },
    { ...(headers ? { headers } : {}), ...(key === undefined ? {} : { key }) },
  );
}

/** What the answer holds, whichever endpoint it came from. */
const said = ({ json }: CallAnswer): string =>
  json.output ? json.output.at(-1).content[0].text : json.choices[0].message.content;

describe.for(CASES)('%s by %s on %s', ([hub, builtIn, endpoint, options]) => {
  test('says what ran and what was asked for, in the answer, the header and the log', async () => {
    const answer = await ask(endpoint, hub, options);
    expect(answer.status, answer.text).toBe(200);
    expect(answer.headers.get(HEADER)).toBe(hub);
    expect(answer.headers.get('access-control-expose-headers')).toContain(HEADER);
    expect(answer.json.model).toBe(builtIn);
    expect(answer.text).not.toContain(hub);
    expect(await gateway.logRow(answer.requestId)).toMatchObject({
      requested_model: hub,
      served_model: builtIn,
      status: 200,
    });
    // It is the built-in's answer, and its price.
    const own = await ask(endpoint, builtIn, options);
    expect(said(own)).toBe(said(answer));
    expect(own.headers.get(HEADER)).toBeNull();
    expect(await gateway.charged(own.requestId)).toBe(await gateway.charged(answer.requestId));
  });

  test('streamed as well', async () => {
    const answer = await ask(endpoint, hub, options, { stream: true });
    expect(answer.status, answer.text).toBe(200);
    expect(answer.headers.get(HEADER)).toBe(hub);
    expect(answer.text).toContain(`"model":"${builtIn}"`);
    expect(answer.text).not.toContain(hub);
  });

  test('replayed as well', async () => {
    const headers = { 'idempotency-key': `${hub} ${endpoint}` };
    const first = await ask(endpoint, hub, options, { headers });
    const again = await ask(endpoint, hub, options, { headers });
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(again.headers.get(HEADER)).toBe(hub);
    expect(again.text).toBe(first.text);
  });
});

describe('nothing stands in', () => {
  /** The answer to somebody who asked for a model that nobody serves. */
  function expectUnavailable({ status, headers, json }: CallAnswer, ...told: string[]): void {
    expect({ status, code: json.error?.code }).toEqual({ status: 503, code: 'model_unavailable' });
    expect(headers.get(HEADER)).toBeNull();
    for (const what of ['ZEROGPU_UPSTREAMS', ...told]) expect(json.error.message).toContain(what);
  }

  const project = (changes: Parameters<TestGateway['newProject']>[0] = {}) => gateway.newProject(changes);
  const allow = (one: Project) =>
    gateway.pool.query('UPDATE projects SET stand_ins = true WHERE id = $1', [one.projectId]);

  test.for(PAIRS)('for %s in a project that has not allowed it', async ([hub, builtIn, options]) => {
    const { apiKey } = await project();
    const answer = await ask('/v1/responses', hub, options, {}, apiKey);
    expectUnavailable(answer, builtIn, 'ZEROGPU_STANDINS=on', `zerogpu models pull ${hub}`);
    expect(await gateway.logRow(answer.requestId)).toMatchObject({
      requested_model: hub,
      served_model: null,
    });
  });

  test('that the project may not use itself', async () => {
    const [hub, builtIn, options] = PAIRS[0];
    const one = await project({ allowedModels: [hub] });
    await allow(one);
    expectUnavailable(await ask('/v1/responses', hub, options, {}, one.apiKey), builtIn);
    const both = await project({ allowedModels: [hub, builtIn] });
    await allow(both);
    expect((await ask('/v1/responses', hub, options, {}, both.apiKey)).status).toBe(200);
    const other = await project({ allowedModels: [builtIn] });
    await allow(other);
    const refused = await ask('/v1/responses', hub, options, {}, other.apiKey);
    expect(refused.json.error.code).toBe('model_not_allowed');
  });

  test.for([
    { input: 'What is the capital of France?' },
    { input: `Translate into French: ${NEWS}` },
    { input: NEWS, instructions: 'Write a poem about this.' },
    {
      input: [
        { role: 'user', content: NEWS },
        { role: 'assistant', content: 'Yes.' },
      ],
    },
  ])('for a chat: %j', async (chat) => {
    const body = { model: 'llama-3.1-8b-instruct-fast', ...chat };
    expectUnavailable(await gateway.call('/v1/responses', body), 'bare text to summarize');
  });

  test.for(['LFM2.5-1.2B-Instruct', 'LFM2.5-1.2B-Thinking'])('for the chat model %s', async (model) => {
    expectUnavailable(await ask('/v1/chat/completions', model, {}), `zerogpu models pull ${model}`);
  });
});

test("a summary by a chat model's stand-in is the same on the task's own route", async () => {
  const answer = await gateway.call('/v1/summary', { model: 'llama-3.1-8b-instruct-fast', text: NEWS });
  expect(answer.headers.get(HEADER)).toBe('llama-3.1-8b-instruct-fast');
  const own = await gateway.call('/v1/summary', { text: NEWS });
  expect(answer.json).toEqual(own.json);
});

test('the models say who stands in for them, where they come from and what brings them', async () => {
  const { json } = await gateway.call('/v1/models');
  const told = new Map<string, { zerogpu: Record<string, unknown> }>(
    json.data.map((model: { id: string }) => [model.id, model]),
  );
  for (const [hub, builtIn] of PAIRS) {
    expect(told.get(hub)?.zerogpu).toMatchObject({
      family: 'hub',
      available: false,
      stand_in: builtIn,
      hub: { repository: expect.stringContaining('/'), revision: 'main' },
      how_to_serve: expect.stringContaining('ZEROGPU_UPSTREAMS'),
    });
    expect(told.get(builtIn)?.zerogpu).toMatchObject({
      available: true,
      stand_in: null,
      hub: null,
      how_to_serve: null,
    });
  }
});

describe('with ZEROGPU_STANDINS=on, and an upstream for one model', () => {
  let other: TestGateway;
  let upstream: ScriptedUpstream;

  beforeAll(async () => {
    upstream = await startUpstream(upstreamAnswers('from the upstream'));
    other = await TestGateway.start({
      ZEROGPU_STANDINS: 'on',
      ZEROGPU_UPSTREAMS: upstreamSetting(upstream, 'llama-3.1-8b-instruct-fast'),
    });
    await other.join();
  });
  afterAll(async () => {
    await other.stop();
    await upstream.stop();
  });

  test('a model that the upstream serves needs no stand-in', async () => {
    const { apiKey } = await other.newProject();
    const body = { model: 'llama-3.1-8b-instruct-fast', input: NEWS };
    const answer = await other.call('/v1/responses', body, { key: apiKey });
    expect(answer.json.model).toBe('llama-3.1-8b-instruct-fast');
    expect(answer.headers.get(HEADER)).toBeNull();
    expect(said(answer)).toBe('from the upstream');
  });

  test('a project that says no is asked no further', async () => {
    const one = await other.newProject();
    await other.pool.query('UPDATE projects SET stand_ins = false WHERE id = $1', [one.projectId]);
    const body = { model: 'deberta-v3-small', input: NEWS, metadata: { labels: ['a', 'b'] } };
    expect((await other.call('/v1/responses', body, { key: one.apiKey })).status).toBe(503);
  });
});

test('every answer was as the OpenAPI document says, and nothing broke', () => {
  expect(gateway.strayings).toEqual([]);
  expect(gateway.told).toEqual([]);
});
