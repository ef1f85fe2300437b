/**
 * Every form of request that a built-in takes, and the shape of its answer: a real node, the real weights, on both
 * endpoints and on the task's own route. And what is refused, with the example that the refusal shows.
 */

import type { TSchema } from '@sinclair/typebox';
import { Value } from '@sinclair/typebox/value';
import { MANIFESTS } from '@zerogpu/catalogue';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Json, TASK_CASES, type TaskCase, WRONG_OPTIONS } from './support/task-cases.ts';
import { type CallAnswer, TestGateway } from './support/test-gateway.ts';

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await TestGateway.start();
  await gateway.spawnNode();
});
afterAll(() => gateway.stop());

const responses = ({ model, text: input, metadata, instructions }: TaskCase) =>
  gateway.call('/v1/responses', { model, input, metadata, instructions });

function chat({ model, text, metadata, instructions }: TaskCase): Promise<CallAnswer> {
  const system = instructions === undefined ? [] : [{ role: 'system', content: instructions }];
  return gateway.call('/v1/chat/completions', {
    model,
    metadata,
    messages: [...system, { role: 'user', content: text }],
  });
}

async function answered(asking: Promise<CallAnswer>): Promise<Json> {
  const { status, text, json } = await asking;
  expect(status, text).toBe(200);
  return json;
}

/** Keys that stand in another order than their schema names them; empty when all is well. */
function disordered(schema: TSchema, value: Json, path = ''): string[] {
  if (Array.isArray(value))
    return value.flatMap((item, i) => disordered(schema['items'] ?? {}, item, `${path}[${i}]`));
  const properties: Record<string, TSchema> | undefined = schema['properties'];
  if (typeof value !== 'object' || value === null || !properties) return [];
  const named = Object.keys(properties).filter((key) => Object.hasOwn(value, key));
  const here = named.join() === Object.keys(value).join() ? [] : [`${path}: ${Object.keys(value).join()}`];
  return [...here, ...named.flatMap((key) => disordered(properties[key]!, value[key], `${path}.${key}`))];
}

function expectShape({ shape, check, text }: TaskCase, answer: Json, ordered = true): void {
  if (shape !== null) {
    const problems = [...Value.Errors(shape, answer)].map(({ path, message }) => `${path}: ${message}`);
    expect(problems, JSON.stringify(answer)).toEqual([]);
    if (ordered) expect(disordered(shape, answer)).toEqual([]);
  }
  expect(check?.(answer, text) ?? []).toEqual([]);
}

/** Labels may stand in any order: the best comes first. */
const isOrdered = ({ model }: TaskCase) => model !== 'zlm-v1-zeroshot-edge';

test('every built-in has its cases', () => {
  const builtIn = MANIFESTS.filter(({ family }) => family === 'built-in').map(({ id }) => id);
  expect([...new Set(TASK_CASES.map(({ model }) => model))].sort()).toEqual([...builtIn].sort());
});

describe.for(TASK_CASES.map((one) => [`${one.model}: ${one.name}`, one] as const))('%s', ([, example]) => {
  test('on both endpoints, the same', async () => {
    const response = await answered(responses(example));
    const { text } = response.output.at(-1).content[0];
    expect(response).toMatchObject({ model: example.model, status: 'completed' });
    expectShape(example, example.shape === null ? text : JSON.parse(text), isOrdered(example));
    const completion = await answered(chat(example));
    expect(completion.model).toBe(example.model);
    expect(completion.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: text } });
    expect(completion.usage.total_tokens).toBe(response.usage.total_tokens);
  });

  if (!example.route) return;
  const { path, body } = example.route;

  test("on the task's own route, with and without /v1", async () => {
    const asked = { text: example.text, model: example.model, ...body };
    const { model, usage, ...answer } = await answered(gateway.call(path, asked));
    expect(model).toBe(example.model);
    expect(usage.total_tokens).toBe(usage.input_tokens + usage.output_tokens);
    expectShape(example, example.shape === null ? answer.summary : answer);
    const { text, ...rest } = asked;
    const bare = await answered(gateway.call(path.replace('/v1', ''), { input: text, ...rest }));
    expect(bare).toEqual({ ...answer, model, usage });
  });
});

describe('the tasks choose their models', () => {
  const text = 'Peter Jansen lives in Paris. His number is +44 20 7946 0018.';

  test.for([
    ['/v1/summary', {}, 'zlm-v1-summary-cloud', null],
    ['/v1/usecase/classify/iab', {}, 'zlm-v1-iab-classify-edge', null],
    ['/v1/usecase/classify/iab', { enriched: true }, 'zlm-v1-iab-classify-edge-enriched', null],
    ['/v1/gliner', { usecase: 'ner', labels: ['person'] }, 'zlm-v1-extract-edge', 'gliner2-base-v1'],
    ['/v1/gliner', { usecase: 'json', schema: { a: ['b::str'] } }, 'zlm-v1-extract-edge', 'gliner2-base-v1'],
    ['/v1/gliner', { usecase: 'redact' }, 'zlm-v1-pii-edge', 'gliner-multi-pii-v1'],
    ['/v1/gliner', { mask: '*' }, 'zlm-v1-pii-edge', 'gliner-multi-pii-v1'],
    ['/v1/gliner', { categories: ['contact'] }, 'zlm-v1-pii-edge', 'gliner-multi-pii-v1'],
  ] as const)('%s with %j', async ([path, body, served, requested]) => {
    const answer = await gateway.call(path, { text, ...body });
    expect(answer.status, answer.text).toBe(200);
    expect(answer.json.model).toBe(served);
    expect(answer.headers.get('x-zerogpu-requested-model')).toBe(requested);
  });
});

test('max_tokens is a hard bound on a summary', async () => {
  const example = TASK_CASES.find(({ model }) => model === 'zlm-v1-summary-cloud')!;
  const answer = await answered(gateway.call('/v1/summary', { text: example.text, max_tokens: 12 }));
  expect(answer.usage.output_tokens).toBeLessThanOrEqual(12);
});

describe.for(WRONG_OPTIONS.map((one) => [`${one.model}: ${JSON.stringify(one.wrong)}`, one] as const))(
  'refused with an example that works: %s',
  ([, { model, wrong, route }]) => {
    const exampleIn = (message: string): Json => {
      const [, json] = /For example: (\{.*\})$/.exec(message) ?? [];
      expect(json, message).toBeDefined();
      return JSON.parse(json ?? '{}');
    };

    test('in metadata', async () => {
      const ask = { model, input: 'Peter Jansen beat the champion in Paris on Sunday.' };
      const refused = await gateway.call('/v1/responses', { ...ask, metadata: wrong });
      expect(refused.json.error).toMatchObject({ code: 'invalid_value' });
      expect(refused.json.error.param).toMatch(/^(metadata\.\w+|instructions)$/);
      const { metadata, ...rest } = exampleIn(refused.json.error.message);
      const again = { ...ask, ...rest, metadata: mended(model, wrong, metadata) };
      await answered(gateway.call('/v1/responses', again));
    });

    if (route === undefined) return;

    test("on the task's own route", async () => {
      const source = {
        text: 'Peter Jansen beat the champion in Paris.',
        input: 'Peter Jansen beat the champion.',
      };
      const refused = await gateway.call(route, { model, ...source, ...wrong });
      expect(refused.json.error).toMatchObject({ code: 'invalid_value' });
      expect(refused.json.error.param).toMatch(/^\w+$/);
      const example = exampleIn(refused.json.error.message);
      await answered(gateway.call(route, { model, ...source, ...example }));
    });
  },
);

/** An example of one option alone goes beside the others that were right. */
function mended(model: string, wrong: object, example: object | undefined): object | undefined {
  return model === 'zlm-v1-zeroshot-edge' && 'threshold' in wrong ? { ...wrong, ...example } : example;
}

test('every answer was as the OpenAPI document says, and nothing broke', () => {
  expect(gateway.strayings).toEqual([]);
  expect(gateway.told).toEqual([]);
});
