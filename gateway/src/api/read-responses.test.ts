import { describe, expect, test } from 'vitest';
import { readResponses } from './read-responses.ts';

const read = (input: unknown, more: object = {}) => readResponses({ model: 'm', input, ...more });

describe('readResponses', () => {
  test('a string is one user message', () => {
    expect(read('hi')).toMatchObject({
      text: 'hi',
      instructions: null,
      messages: [{ role: 'user', content: 'hi' }],
    });
  });

  test('the text of an array is its user turns, joined by blank lines', () => {
    const turns = [
      { role: 'developer', content: 'kind' },
      {
        role: 'user',
        content: [
          { type: 'input_text', text: 'a' },
          { type: 'input_text', text: 'b' },
        ],
      },
      { role: 'assistant', content: [{ type: 'output_text', text: 'c' }] },
      { role: 'user', content: 'd' },
    ];
    const inference = read(turns, { instructions: 'short' });
    expect(inference).toMatchObject({ text: 'ab\n\nd', instructions: 'short\n\nkind' });
    expect(inference.messages).toEqual([
      { role: 'system', content: 'short' },
      { role: 'developer', content: 'kind' },
      { role: 'user', content: 'ab' },
      { role: 'assistant', content: 'c' },
      { role: 'user', content: 'd' },
    ]);
  });

  test("an answer's own message item may be sent back", () => {
    const item = {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      status: 'completed',
      content: [{ type: 'output_text', text: 'a', annotations: [], logprobs: [] }],
    };
    expect(read([item, { role: 'user', content: 'b' }]).messages[0]).toEqual({
      role: 'assistant',
      content: 'a',
    });
  });

  test('options, aliases and format', () => {
    const schema = { type: 'json_schema', name: 'n', schema: { type: 'object' }, strict: true };
    const text = { format: schema, verbosity: 'low' };
    const inference = read('x', {
      max_tokens: 7,
      temperature: 0,
      top_p: 1,
      seed: -1,
      stream: true,
      text,
      unknown: 1,
    });
    expect(inference).toMatchObject({
      maxOutputTokens: 7,
      temperature: 0,
      topP: 1,
      seed: -1,
      stream: true,
      format: schema,
    });
    expect(read('x', { max_tokens: 7, max_output_tokens: 9 }).maxOutputTokens).toBe(9);
    expect(read('x', { text: { format: null } }).format).toEqual({ type: 'text' });
  });
});
