/** The unmodified `openai` package and our own client, against a gateway, a real node and the built-in models. */

import { MODERATION_CATEGORIES } from '@zerogpu/protocol';
import { ContextLengthExceededError, ZeroGPU } from '@zerogpu/sdk';
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
import { IAB, SUMMARY } from './support/scripted-node.ts';
import { type Project, TestGateway } from './support/test-gateway.ts';

const REQUESTS_A_MINUTE = 200;
/** Nobody serves it here, and it refuses what is too long. */
const UNSERVED = 'LFM2.5-1.2B-Instruct';
const SENTENCES = [
  'The national football team of Iceland beat France by two goals to one in Reykjavik on Saturday.',
  'The winning goal fell in the last minute, when the striker Jón Sigurðsson headed in a corner kick.',
  'Some 9,800 people watched the match in the sold-out stadium.',
  'The coach praised his players after the game and said that nobody had believed in them.',
  'France had played with ten men since a red card in the first half.',
  'The two teams meet again in Paris in October, in the last match of the qualifiers for the World Cup.',
];
const NEWS = SENTENCES.join(' ');

let gateway: TestGateway;
let openai: OpenAI;
let zerogpu: ZeroGPU;

beforeAll(async () => {
  gateway = await TestGateway.start({ ZEROGPU_RATE_LIMIT_REQUESTS: String(REQUESTS_A_MINUTE) });
  await gateway.spawnNode();
  openai = clientOf(gateway.first);
  zerogpu = new ZeroGPU({ baseURL: gateway.url, apiKey: gateway.first.apiKey });
});
afterAll(() => gateway.stop());

/** All that a user changes of a program written for OpenAI. */
function clientOf(project: Pick<Project, 'apiKey'>): OpenAI {
  return new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: project.apiKey, maxRetries: 0 });
}

async function collected<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const events: T[] = [];
  for await (const event of stream) events.push(event);
  return events;
}

describe('openai: responses', () => {
  test('a text, with the facts of its source and nothing else', async () => {
    const response = await openai.responses.create({ model: SUMMARY, input: NEWS });
    expect(response).toMatchObject({ object: 'response', status: 'completed', model: SUMMARY, error: null });
    expect(response.id).toMatch(/^resp_/);
    expectSummary(response.output_text);
    const { input_tokens = 0, output_tokens = 0, total_tokens } = response.usage ?? {};
    expect(input_tokens).toBeGreaterThan(output_tokens);
    expect(output_tokens).toBeGreaterThan(0);
    expect(total_tokens).toBe(input_tokens + output_tokens);
  });

  test('an array with parts, instructions and a format give the same text', async () => {
    const plain = await openai.responses.create({ model: SUMMARY, input: NEWS });
    const content = SENTENCES.map((text, i) => ({
      type: 'input_text' as const,
      text: i === 0 ? text : ` ${text}`,
    }));
    const parts = await openai.responses.create({
      model: SUMMARY,
      instructions: 'Summarize.',
      input: [{ role: 'user', content }],
      text: { format: { type: 'text' } },
    });
    expect(parts.output_text).toBe(plain.output_text);
  });

  test('streamed: the pieces are the whole answer', async () => {
    const whole = await openai.responses.create({ model: SUMMARY, input: NEWS });
    const stream = await openai.responses.create({ model: SUMMARY, input: NEWS, stream: true });
    const events = await collected(stream);
    const deltas = events.filter((event) => event.type === 'response.output_text.delta');
    expect(deltas.map(({ delta }) => delta).join('')).toBe(whole.output_text);
    const kinds = events.map(({ type }) => type).filter((type, i, all) => type !== all[i - 1]);
    expect(kinds).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.completed',
    ]);
    expect(events.map((event) => event.sequence_number)).toEqual(events.map((_, i) => i));
    const last = events.at(-1);
    if (last?.type !== 'response.completed') throw new Error('Not completed');
    expect(last.response.usage).toEqual(whole.usage);
    expect(last.response.output).toMatchObject([{ content: [{ text: whole.output_text }] }]);
  });

  test("through the package's own collector", async () => {
    const stream = openai.responses.stream({ model: SUMMARY, input: NEWS });
    const final = await stream.finalResponse();
    expectSummary(final.output_text);
  });
});

describe('openai: chat', () => {
  const messages = [
    { role: 'system' as const, content: 'Summarize.' },
    { role: 'user' as const, content: NEWS },
  ];

  test('messages, also in parts, give what responses gives', async () => {
    const { output_text } = await openai.responses.create({ model: SUMMARY, input: NEWS });
    const answer = await openai.chat.completions.create({ model: SUMMARY, messages });
    expect(answer).toMatchObject({ object: 'chat.completion', model: SUMMARY });
    expect(answer.id).toMatch(/^chatcmpl-/);
    expect(answer.choices).toEqual([
      {
        index: 0,
        message: { role: 'assistant', content: output_text, annotations: [] },
        finish_reason: 'stop',
        logprobs: null,
      },
    ]);
    const content = [{ type: 'text' as const, text: NEWS }];
    const parts = await openai.chat.completions.create({
      model: SUMMARY,
      messages: [{ role: 'user', content }],
    });
    expect(parts.choices[0]?.message.content).toBe(output_text);
  });

  test('streamed: the pieces are the whole answer, the usage comes last where it is wanted', async () => {
    const whole = await openai.chat.completions.create({ model: SUMMARY, messages });
    const options = { model: SUMMARY, messages, stream: true as const };
    const bare = await collected(await openai.chat.completions.create(options));
    const counted = await collected(
      await openai.chat.completions.create({ ...options, stream_options: { include_usage: true } }),
    );
    for (const chunks of [bare, counted]) {
      const text = chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('');
      expect(text).toBe(whole.choices[0]?.message.content);
      expect(chunks[0]?.choices[0]?.delta.role).toBe('assistant');
      expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    }
    expect(bare.at(-1)?.choices[0]?.finish_reason).toBe('stop');
    expect(bare.every((chunk) => !chunk.usage)).toBe(true);
    expect(counted.at(-1)).toMatchObject({ choices: [], usage: whole.usage });
    expect(counted.slice(0, -1).every((chunk) => chunk.usage === null)).toBe(true);
  });

  test("through the package's own collector", async () => {
    const stream = openai.chat.completions.stream({ model: SUMMARY, messages });
    expectSummary((await stream.finalContent()) ?? '');
  });

  test('max_tokens is a hard bound', async () => {
    const answer = await openai.chat.completions.create({ model: SUMMARY, messages, max_tokens: 30 });
    expect(answer.usage?.completion_tokens).toBeLessThanOrEqual(30);
  });
});

describe('openai: embeddings', () => {
  const EMBED = 'zlm-v1-embed-edge';
  const input = [SENTENCES[0]!, SENTENCES[1]!, 'The central bank raised its interest rate on Thursday.'];
  const cosine = (a: readonly number[], b: readonly number[]) => {
    const dot = (x: readonly number[], y: readonly number[]) =>
      x.reduce((sum, value, i) => sum + value * (y[i] ?? 0), 0);
    return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
  };

  test('as the package asks for them, in base64, and as floats: the same', async () => {
    const standard = await openai.embeddings.create({ model: EMBED, input });
    const floats = await openai.embeddings.create({ model: EMBED, input, encoding_format: 'float' });
    expect(floats.data).toEqual(standard.data);
    expect(standard).toMatchObject({ object: 'list', model: EMBED });
    expect(standard.data.map(({ object, index }) => [object, index])).toEqual(
      input.map((_, i) => ['embedding', i]),
    );
    expect(standard.usage.prompt_tokens).toBeGreaterThan(20);
    expect(standard.usage.total_tokens).toBe(standard.usage.prompt_tokens);
    const [match, goal, bank] = standard.data.map(({ embedding }) => embedding);
    expect(cosine(match!, goal!)).toBeGreaterThan(cosine(match!, bank!));
  });

  test('of one text, in base64 when that is asked for', async () => {
    const { data } = await openai.embeddings.create({ model: EMBED, input: input[0]! });
    const base64 = await openai.embeddings.create({
      model: EMBED,
      input: input[0]!,
      encoding_format: 'base64',
    });
    const bytes = Buffer.from(String(base64.data[0]?.embedding), 'base64');
    expect(data[0]?.embedding).toEqual(
      Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4)),
    );
  });

  test('with fewer dimensions', async () => {
    const { data } = await openai.embeddings.create({ model: EMBED, input, dimensions: 64 });
    expect(data.map(({ embedding }) => embedding.length)).toEqual([64, 64, 64]);
  });

  test('of 2,048 texts at once, each charged by itself', async () => {
    const many = Array.from({ length: 2048 }, (_, i) => `Text number ${i} of many.`);
    const { data, usage } = await openai.embeddings.create({ model: EMBED, input: many });
    expect(data).toHaveLength(2048);
    const one = await openai.embeddings.create({ model: EMBED, input: many[2047]! });
    expect(data[2047]?.embedding).toEqual(one.data[0]?.embedding);
    expect(usage.prompt_tokens).toBeGreaterThan(2048 * 5);
  });
});

describe('openai: moderations', () => {
  test('a text, with every category', async () => {
    const answer = await openai.moderations.create({ input: NEWS });
    expect(answer.id).toMatch(/^modr-/);
    expect(answer.model).toBe('zlm-v1-moderation-edge');
    const [result] = answer.results;
    expect(result).toMatchObject({ flagged: false });
    expect(Object.keys(result?.categories ?? {})).toEqual([...MODERATION_CATEGORIES]);
    expect(Object.keys(result?.category_scores ?? {})).toEqual([...MODERATION_CATEGORIES]);
  });

  test('texts one by one, and the parts of one text together', async () => {
    const two = await openai.moderations.create({ input: [NEWS, 'I will kill you, you filthy pig.'] });
    expect(two.results.map(({ flagged }) => flagged)).toEqual([false, true]);
    const parts = await openai.moderations.create({
      model: 'zlm-v1-moderation-edge',
      input: [
        { type: 'text', text: 'I will kill you,' },
        { type: 'text', text: 'you filthy pig.' },
      ],
    });
    expect(parts.results.map(({ flagged }) => flagged)).toEqual([true]);
  });

  test('pictures are refused in words', async () => {
    const image = { type: 'image_url' as const, image_url: { url: 'https://example.org/a.png' } };
    await expect(openai.moderations.create({ input: [image] })).rejects.toThrow(/pictures cannot be judged/);
  });
});

test('openai: models', async () => {
  const { data } = await openai.models.list();
  expect(data.map(({ id }) => id)).toEqual(expect.arrayContaining([SUMMARY, IAB]));
  const model = await openai.models.retrieve(SUMMARY);
  expect(model).toMatchObject({ id: SUMMARY, object: 'model' });
  expect(model).toMatchObject({ zerogpu: { max_tokens: 8192, available: true, edge_nodes: 1 } });
  expect(data).toContainEqual(model);
});

describe('openai: error classes', () => {
  const ask = { model: SUMMARY, input: NEWS };
  const error = (promise: Promise<unknown>): Promise<APIError> =>
    promise.then(
      () => Promise.reject(new Error('There was no error')),
      (thrown: unknown) => (thrown instanceof APIError ? thrown : Promise.reject(thrown)),
    );

  test('400', async () => {
    const thrown = await error(openai.responses.create({ ...ask, temperature: 3 }));
    expect(thrown).toBeInstanceOf(BadRequestError);
    expect(thrown).toMatchObject({
      code: 'invalid_value',
      param: 'temperature',
      type: 'invalid_request_error',
    });
    expect(thrown.requestID).toMatch(/^req_/);
  });

  test('401', async () => {
    expect(await error(clientOf({ apiKey: 'sk-none' }).responses.create(ask))).toBeInstanceOf(
      AuthenticationError,
    );
    expect(await error(clientOf({ apiKey: 'sk-none' }).models.list())).toBeInstanceOf(AuthenticationError);
  });

  test('403', async () => {
    const client = clientOf(await gateway.newProject({ allowedModels: [IAB] }));
    const thrown = await error(client.responses.create(ask));
    expect(thrown).toBeInstanceOf(PermissionDeniedError);
    expect(thrown.code).toBe('model_not_allowed');
  });

  test('404', async () => {
    expect(await error(openai.responses.create({ ...ask, model: 'gpt-4o' }))).toBeInstanceOf(NotFoundError);
    expect(await error(openai.models.retrieve('gpt-4o'))).toBeInstanceOf(NotFoundError);
    expect(await error(openai.embeddings.create({ model: 'x', input: 'y' }))).toBeInstanceOf(NotFoundError);
  });

  test('409', async () => {
    const headers = { 'Idempotency-Key': 'compat' };
    await openai.responses.create(ask, { headers });
    const thrown = await error(openai.responses.create({ ...ask, input: 'Another text.' }, { headers }));
    expect(thrown).toBeInstanceOf(ConflictError);
  });

  test('413 and 415, for which the package has no class', async () => {
    const large = await error(openai.responses.create({ ...ask, input: 'a'.repeat(5 * 1024 * 1024) }));
    expect(large).toMatchObject({ status: 413, code: 'request_too_large' });
    const plain = await error(openai.responses.create(ask, { headers: { 'content-type': 'text/plain' } }));
    expect(plain).toMatchObject({ status: 415, code: 'unsupported_media_type' });
  });

  test('420, for which the package has no class', async () => {
    const long = await error(openai.responses.create({ model: UNSERVED, input: 'a b '.repeat(30_000) }));
    expect(long).toMatchObject({
      status: 420,
      code: 'context_length_exceeded',
      type: 'context_length_exceeded',
    });
    const poor = clientOf(await gateway.newProject({ balance: 0n }));
    expect(await error(poor.responses.create(ask))).toMatchObject({
      status: 420,
      code: 'insufficient_quota',
    });
  });

  test('429', async () => {
    const client = clientOf(await gateway.newProject());
    const burst = Array.from({ length: REQUESTS_A_MINUTE + 20 }, () =>
      client.responses.create({ model: SUMMARY, input: 'One.' }).then(
        () => null,
        (thrown: unknown) => thrown,
      ),
    );
    const thrown = (await Promise.all(burst)).filter((outcome) => outcome !== null);
    expect(thrown.length).toBeGreaterThan(0);
    for (const refused of thrown) expect(refused).toBeInstanceOf(RateLimitError);
    const headers = thrown[0] instanceof RateLimitError ? thrown[0].headers : new Headers();
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    expect(headers.get('x-ratelimit-limit-requests')).toBe(String(REQUESTS_A_MINUTE));
  });

  test('503', async () => {
    const thrown = await error(openai.responses.create({ model: UNSERVED, input: 'Hello' }));
    expect(thrown).toBeInstanceOf(InternalServerError);
    expect(thrown).toMatchObject({ status: 503, code: 'model_unavailable' });
  });

  test('in a stream as well', async () => {
    const thrown = await error(openai.responses.create({ model: UNSERVED, input: 'Hello', stream: true }));
    expect(thrown.status).toBe(503);
  });
});

describe('the built-in models', () => {
  test('a summary has one to four sentences of its source, in order', async () => {
    const { output_text } = await zerogpu.responses.create({ model: SUMMARY, input: NEWS });
    expectSummary(output_text);
  });

  test('a summary without a text to summarize is that text', async () => {
    const { output_text } = await zerogpu.responses.create({ model: SUMMARY, input: 'A single sentence.' });
    expect(output_text).toBe('A single sentence.');
  });

  test('an IAB classification has its keys in order, best first, and the right tier 1', async () => {
    const { output_text } = await zerogpu.responses.create({ model: IAB, input: NEWS });
    const chat = await zerogpu.chat.completions.create({
      model: IAB,
      messages: [{ role: 'user', content: NEWS }],
    });
    expect(chat.choices[0]?.message.content).toBe(output_text);
    const answer = JSON.parse(output_text);
    expect(Object.keys(answer)).toEqual(['audience', 'content']);
    expect(Object.keys(answer.content)).toEqual(['iab_1_0', 'iab_2_2']);
    for (const list of [answer.audience, answer.content.iab_1_0, answer.content.iab_2_2]) {
      expect(list.length).toBeGreaterThan(0);
      for (const entry of list) {
        expect(Object.keys(entry)).toEqual(['name', 'score']);
        expect(entry.score).toBe(Math.round(entry.score * 10_000) / 10_000);
        expect(entry.score).toBeGreaterThanOrEqual(0);
        expect(entry.score).toBeLessThanOrEqual(1);
      }
      const scores = list.map(({ score }: { score: number }) => score);
      expect(scores).toEqual([...scores].sort((a: number, b: number) => b - a));
    }
    expect(answer.content.iab_1_0[0].name).toMatch(/Sports|Soccer/);
    expect(answer.content.iab_2_2[0].name).toMatch(/Sports|Soccer/);
  });
});

describe('our own client', () => {
  test('streams both endpoints', async () => {
    const whole = await zerogpu.responses.create({ model: SUMMARY, input: NEWS });
    const events = await collected(
      await zerogpu.responses.create({ model: SUMMARY, input: NEWS, stream: true }),
    );
    const text = events
      .map((event) => (event.type === 'response.output_text.delta' ? event.delta : ''))
      .join('');
    expect(text).toBe(whole.output_text);
    const messages = [{ role: 'user' as const, content: NEWS }];
    const chunks = await collected(
      await zerogpu.chat.completions.create({ model: SUMMARY, messages, stream: true }),
    );
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toBe(whole.output_text);
  });

  test('calls the routes of one task', async () => {
    const { summary } = await zerogpu.summary({ text: NEWS });
    expectSummary(summary);
    const { content } = await zerogpu.classifyIab({ text: NEWS });
    expect(content.iab_1_0[0]?.name).toMatch(/Sports|Soccer/);
    const { user_intent } = await zerogpu.classifyIab({ text: NEWS, enriched: true });
    expect(user_intent.category).toMatch(/al$/);
    const { entities } = await zerogpu.gliner({ text: NEWS, usecase: 'ner', labels: ['person'] });
    expect(Object.keys(entities)).toEqual(['person']);
    const text = 'Write to jon@example.org.';
    const { redacted_text } = await zerogpu.gliner({ text, usecase: 'redact', labels: ['email'] });
    expect(redacted_text).toBe('Write to [EMAIL].');
    const { data } = await zerogpu.embeddings.create({ model: 'zlm-v1-embed-edge', input: NEWS });
    expect(data[0]?.embedding).toHaveLength(256);
    const { results } = await zerogpu.moderations.create({ input: NEWS });
    expect(results[0]?.flagged).toBe(false);
  });

  test('lists models, knows the health, and tells errors apart', async () => {
    expect((await zerogpu.models.list()).data.map(({ id }) => id)).toContain(SUMMARY);
    expect((await zerogpu.models.retrieve(IAB)).zerogpu.max_tokens).toBe(400);
    expect((await zerogpu.health()).status).toBe('ok');
    const long = zerogpu.responses.create({ model: UNSERVED, input: 'a b '.repeat(30_000) });
    await expect(long).rejects.toBeInstanceOf(ContextLengthExceededError);
  });
});

/** One to four whole sentences of the source, in its order, and fewer than all of them. */
function expectSummary(summary: string): void {
  const kept = SENTENCES.filter((sentence) => summary.includes(sentence));
  expect(kept.length).toBeGreaterThanOrEqual(1);
  expect(kept.length).toBeLessThanOrEqual(4);
  expect(summary).toBe(kept.join(' '));
}
