import { Value } from '@sinclair/typebox/value';
import { EmbeddingsAnswer } from '@zerogpu/protocol';
import { describe, expect, test } from 'vitest';
import { answer } from '../testing/answers.ts';
import { embeddingsEndpoint } from './embeddings.ts';

const identity = { requestId: 'req_01abc', createdAt: 0, model: 'm' };
const read = (body: object) => embeddingsEndpoint.read({ model: 'm', ...body });
const base64 = (floats: number[]) => Buffer.from(Float32Array.from(floats).buffer).toString('base64');
const said = (texts: unknown) => answer({ text: JSON.stringify(texts) });

describe('what is asked', () => {
  test('texts, one by one, in base64 whatever the caller wants', () => {
    expect(read({ input: 'a' }).inference).toMatchObject({
      texts: ['a'],
      text: 'a',
      metadata: { encoding_format: 'base64' },
      stream: false,
    });
    expect(read({ input: ['a', 'b'], dimensions: 7, encoding_format: 'float' }).inference).toMatchObject({
      texts: ['a', 'b'],
      text: 'a',
      metadata: { encoding_format: 'base64', dimensions: 7 },
    });
    expect(read({ input: Array.from({ length: 2048 }, () => 'a') }).inference.texts).toHaveLength(2048);
  });

  test.each([
    [{}, 'missing_required_parameter', 'input'],
    [{ input: '' }, 'invalid_value', 'input'],
    [{ input: [] }, 'invalid_value', 'input'],
    [{ input: ['a', ''] }, 'invalid_value', 'input[1]'],
    [{ input: ['a', 5] }, 'invalid_type', 'input[1]'],
    [{ input: Array.from({ length: 2049 }, () => 'a') }, 'invalid_value', 'input'],
    [{ input: 'a'.repeat(131_073) }, 'string_above_max_length', 'input'],
    [{ input: [15339, 1917] }, 'invalid_type', 'input'],
    [{ input: [[15339], [1917]] }, 'invalid_type', 'input'],
    [{ input: 'a', encoding_format: 'hex' }, 'invalid_value', 'encoding_format'],
    [{ input: 'a', dimensions: 0 }, 'invalid_value', 'dimensions'],
    [{ input: 'a', dimensions: 'all' }, 'invalid_type', 'dimensions'],
    [{ input: 'a', stream: true }, 'invalid_value', 'stream'],
  ])('%# is refused', (body, code, param) => {
    expect(() => read(body)).toThrow(expect.objectContaining({ code, param }));
  });

  test('token ids are told from texts', () => {
    expect(() => read({ input: [1] })).toThrow(/must be text, not token ids/);
    expect(() => read({ input: 'a', stream: true })).toThrow('stream must be false: this route');
  });
});

describe('what is answered', () => {
  const vectors = [
    [0.5, -0.25],
    [0.1, 1],
  ];
  const given = said(vectors.map(base64));

  test('floats, the 32-bit ones that were sent', () => {
    const whole = read({ input: ['a', 'b'] })
      .shape(identity)
      .whole(given);
    expect(Value.Check(EmbeddingsAnswer, whole)).toBe(true);
    expect(whole).toEqual({
      object: 'list',
      data: vectors.map((vector, index) => ({
        object: 'embedding',
        index,
        embedding: vector.map(Math.fround),
      })),
      model: 'm',
      usage: { prompt_tokens: 12, total_tokens: 12 },
    });
  });

  test('base64 as it came', () => {
    const whole = read({ input: ['a', 'b'], encoding_format: 'base64' })
      .shape(identity)
      .whole(given);
    expect(whole).toMatchObject({ data: vectors.map((vector) => ({ embedding: base64(vector) })) });
  });

  test.each(['', '{', '{}', '["AAAA"]', '[1,2]', 'null', '[[0.5],[0.5]]'])(
    'a node that says %j is not believed',
    (text) => {
      const { whole } = read({ input: ['a', 'b'] }).shape(identity);
      expect(() => whole(answer({ text }))).toThrow(expect.objectContaining({ code: 'internal_error' }));
    },
  );
});
