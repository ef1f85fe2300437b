import { Value } from '@sinclair/typebox/value';
import { MODERATION_CATEGORIES, ModerationsAnswer } from '@zerogpu/protocol';
import { describe, expect, test } from 'vitest';
import { answer } from '../testing/answers.ts';
import { moderationsEndpoint } from './moderations.ts';

const identity = { requestId: 'req_01abc', createdAt: 0, model: 'm' };
const read = (body: object) => moderationsEndpoint.read({ ...body });
const each = <T>(value: T) => Object.fromEntries(MODERATION_CATEGORIES.map((name) => [name, value]));
const result = {
  flagged: false,
  categories: each(false),
  category_scores: each(0.25),
  category_applied_input_types: each(['text']),
};

describe('what is asked', () => {
  const part = (text: string) => ({ type: 'text', text });

  test.each([
    ['a text', 'a', ['a']],
    ['texts, one by one', ['a', 'b'], ['a', 'b']],
    ['the parts of one text', [part('a'), part('b')], ['a\nb']],
  ])('%s', (_what, input, texts) => {
    const { inference } = read({ input });
    expect(inference).toMatchObject({ model: 'zlm-v1-moderation-edge', texts, text: texts[0] });
  });

  test.each([
    [{}, 'missing_required_parameter', 'input'],
    [{ input: [] }, 'invalid_value', 'input'],
    [{ input: '' }, 'invalid_value', 'input'],
    [{ input: 5 }, 'invalid_type', 'input'],
    [{ input: ['a', part('b')] }, 'invalid_value', 'input'],
    [{ input: [part('a'), { type: 'image_url', image_url: { url: 'data:' } }] }, 'invalid_value', 'input[1]'],
    [{ input: [part('')] }, 'invalid_value', 'input[0].text'],
    [{ input: 'a', stream: true }, 'invalid_value', 'stream'],
    [{ input: 'a', model: '' }, 'invalid_value', 'model'],
  ])('%j is refused', (body, code, param) => {
    expect(() => read(body)).toThrow(expect.objectContaining({ code, param }));
  });
});

describe('what is answered', () => {
  test('a result for each text', () => {
    const whole = read({ input: ['a', 'b'] })
      .shape(identity)
      .whole(answer({ text: JSON.stringify([result, { ...result, flagged: true }]) }));
    expect(Value.Check(ModerationsAnswer, whole)).toBe(true);
    expect(whole).toEqual({
      id: 'modr-01abc',
      model: 'm',
      results: [result, { ...result, flagged: true }],
    });
  });

  test.each<[string, object[]]>([
    ['none', []],
    ['two', [result, result]],
    ['another form', [{ ...result, category_scores: undefined }]],
  ])('a node that gives %s for one text is not believed', (_what, results) => {
    const { whole } = read({ input: 'a' }).shape(identity);
    expect(() => whole(answer({ text: JSON.stringify(results) }))).toThrow(
      expect.objectContaining({ code: 'internal_error' }),
    );
  });
});
