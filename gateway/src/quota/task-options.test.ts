import { findManifest } from '@zerogpu/catalogue';
import { isRecord, plainInference, type Route } from '@zerogpu/protocol';
import { describe, expect, test } from 'vitest';
import { checkTaskOptions } from './task-options.ts';

const asked = (metadata: Record<string, unknown>) => ({ ...plainInference('m', 'a'), metadata });

function refusal(model: string, route: Route, metadata: Record<string, unknown>) {
  const manifest = findManifest(model);
  if (!manifest) throw new Error(`There is no model ${model}`);
  try {
    checkTaskOptions(manifest, route, asked(metadata));
  } catch (error) {
    return error;
  }
  return null;
}

/** The example at the end of a refusal. */
function exampleOf(error: unknown): Record<string, unknown> {
  const message = error instanceof Error ? error.message : '';
  const example: unknown = JSON.parse(message.slice(message.indexOf('For example: ') + 13));
  return isRecord(example) ? example : {};
}

describe.each([
  ['gliner2-base-v1', {}],
  ['gliner2-base-v1', { usecase: 'json' }],
  ['gliner2-base-v1', { usecase: 'classification', schema: { a: ['one'] } }],
  ['zlm-v1-extract-edge', { usecase: 'ner', labels: [] }],
  ['gliner-multi-pii-v1', { usecase: 'hide' }],
  ['zlm-v1-pii-edge', { mask: '**' }],
  ['zlm-v1-pii-edge', { labels: ['shoe size'] }],
])('%s with %j', (model, metadata) => {
  test('is refused with an example that works in metadata', () => {
    const error = refusal(model, 'responses', metadata);
    expect(error).toMatchObject({ code: 'invalid_value', param: expect.stringMatching(/^metadata\.\w+$/) });
    const { metadata: good } = exampleOf(error);
    expect(isRecord(good) && refusal(model, 'responses', good)).toBeNull();
  });

  test('and on the task route with one that works there', () => {
    const error = refusal(model, 'gliner', metadata);
    expect(error).toMatchObject({
      code: 'invalid_value',
      param: expect.stringMatching(/^\w+$/),
      message: expect.not.stringContaining('metadata'),
    });
    expect(refusal(model, 'gliner', exampleOf(error))).toBeNull();
  });
});

test('good options pass, and a task without options takes anything', () => {
  expect(refusal('gliner2-base-v1', 'gliner', { usecase: 'ner', labels: ['person'] })).toBeNull();
  expect(refusal('zlm-v1-summary-cloud', 'summary', { usecase: 'nonsense' })).toBeNull();
});
