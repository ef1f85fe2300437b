import { describe, expect, test } from 'vitest';
import { answer } from '../testing/answers.ts';
import { CHAT, IAB, SUMMARY } from '../testing/scripted-node.ts';
import { glinerEndpoint, iabEndpoint, summaryEndpoint } from './tasks.ts';

const identity = { requestId: 'req_01abc', createdAt: 0, model: 'm' };
const usage = { input_tokens: 12, output_tokens: 5, total_tokens: 17 };

describe.each([summaryEndpoint, iabEndpoint, glinerEndpoint])(
  'on every task route, such as $route',
  (endpoint) => {
    test('the text is text or input, and text wins', () => {
      for (const body of [
        { text: 'a' },
        { input: 'a' },
        { text: 'a', input: 'b' },
        { text: 'a', input: null },
      ])
        expect(endpoint.read(body).inference).toMatchObject({ text: 'a', texts: null, stream: false });
    });

    test.each([
      [{}, 'missing_required_parameter', 'text'],
      [{ text: '' }, 'invalid_value', 'text'],
      [{ input: 3 }, 'invalid_type', 'input'],
      [{ text: 'a'.repeat(131_073) }, 'string_above_max_length', 'text'],
      [{ text: 'a', model: 3 }, 'invalid_type', 'model'],
      [{ text: 'a', stream: true }, 'invalid_value', 'stream'],
    ])('%# is refused', (body, code, param) => {
      expect(() => endpoint.read(body)).toThrow(expect.objectContaining({ code, param }));
    });

    test('a model that is named is the one', () => {
      expect(endpoint.read({ text: 'a', model: 'mine' }).inference.model).toBe('mine');
    });
  },
);

describe('a summary', () => {
  test('is bounded by max_tokens', () => {
    expect(summaryEndpoint.read({ text: 'a', max_tokens: 9 }).inference).toMatchObject({
      model: SUMMARY,
      maxOutputTokens: 9,
      instructions: null,
    });
    expect(() => summaryEndpoint.read({ text: 'a', max_tokens: 0 })).toThrow(
      expect.objectContaining({ param: 'max_tokens' }),
    );
  });

  test('by a chat model is asked for in words', () => {
    const { inference } = summaryEndpoint.read({ text: 'a', model: CHAT });
    expect(inference.messages).toEqual([
      { role: 'system', content: inference.instructions },
      { role: 'user', content: 'a' },
    ]);
  });

  test('is answered as it is, also when it was cut short', () => {
    const { whole } = summaryEndpoint.read({ text: 'a' }).shape(identity);
    expect(whole(answer({ text: 'The sky', finishReason: 'length' }))).toEqual({
      summary: 'The sky',
      model: 'm',
      usage,
    });
  });
});

test('enriched chooses the IAB model where none is named', () => {
  const model = (body: object) => iabEndpoint.read({ text: 'a', ...body }).inference.model;
  expect(model({})).toBe(IAB);
  expect(model({ enriched: false })).toBe(IAB);
  expect(model({ enriched: true })).toBe(`${IAB}-enriched`);
  expect(model({ enriched: true, model: IAB })).toBe(IAB);
  expect(() => model({ enriched: 'yes' })).toThrow(expect.objectContaining({ param: 'enriched' }));
});

describe('gliner', () => {
  const [EXTRACT, PII] = ['gliner2-base-v1', 'gliner-multi-pii-v1'];

  test.each([
    [{}, EXTRACT, {}],
    [{ labels: ['a'] }, EXTRACT, { labels: ['a'] }],
    [{ usecase: 'ner', labels: ['a'] }, EXTRACT, { usecase: 'ner', labels: ['a'] }],
    [{ usecase: 'json', schema: { a: null } }, EXTRACT, { usecase: 'json', schema: { a: null } }],
    [{ usecase: 'classification' }, EXTRACT, { usecase: 'classification' }],
    [{ usecase: 'redact', mask: '*' }, PII, { usecase: 'redact', mask: '*' }],
    [{ usecase: 'extract-pii', threshold: 0.2 }, PII, { usecase: 'extract-pii', threshold: 0.2 }],
    [{ usecase: 'extract' }, PII, { usecase: 'extract' }],
    [{ mask: 'char' }, PII, { usecase: 'redact', mask: 'char' }],
    [{ categories: ['contact'] }, PII, { categories: ['contact'] }],
    [{ usecase: null, threshold: null }, EXTRACT, {}],
  ])('%j is for the right model, with its options', (body, model, metadata) => {
    expect(glinerEndpoint.read({ text: 'a', ...body }).inference).toMatchObject({ model, metadata });
    expect(Object.keys(glinerEndpoint.read({ text: 'a', ...body }).inference.metadata).sort()).toEqual(
      Object.keys(metadata).sort(),
    );
  });

  test('a use case of neither model is refused with all that there are', () => {
    expect(() => glinerEndpoint.read({ text: 'a', usecase: 'nonsense' })).toThrow(
      expect.objectContaining({
        code: 'invalid_value',
        param: 'usecase',
        message: expect.stringMatching(/^"nonsense" is no usecase; .*classification, redact/),
      }),
    );
  });

  test("answers with the task's own JSON, and what ran", () => {
    const { whole } = glinerEndpoint.read({ text: 'a' }).shape(identity);
    const told = `"model":"m","usage":${JSON.stringify(usage)}}`;
    // In the order of the labels, though a number would come first in an object of JavaScript.
    const text = '{"entities":{"__proto__":["a"],"person":[],"7":[]}}';
    expect(whole(answer({ text }))).toBe(`${text.slice(0, -1)},${told}`);
    expect(whole(answer({ text: ' {} ' }))).toBe(`{${told}`);
  });

  test('an answer that was cut short is of no use, and the caller can mend it', () => {
    const { whole } = glinerEndpoint.read({ text: 'a' }).shape(identity);
    expect(() => whole(answer({ text: '{"entities":{', finishReason: 'length' }))).toThrow(
      expect.objectContaining({
        code: 'invalid_value',
        message: expect.stringMatching(/5 tokens that m may write/),
      }),
    );
  });

  test.each(['{"entities":{', '[]', 'null', '"a"', ''])('a node that says %j is not believed', (text) => {
    const { whole } = glinerEndpoint.read({ text: 'a' }).shape(identity);
    expect(() => whole(answer({ text }))).toThrow(expect.objectContaining({ code: 'internal_error' }));
  });
});
