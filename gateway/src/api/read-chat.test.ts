import { describe, expect, test } from 'vitest';
import { readChat } from './read-chat.ts';

const read = (messages: unknown, more: object = {}) => readChat({ model: 'm', messages, ...more }).inference;

describe('readChat', () => {
  test('the text is the last user message, the instructions are the system and developer messages', () => {
    const messages = [
      { role: 'system', content: 'be short' },
      { role: 'user', content: 'first' },
      { role: 'assistant', content: 'answer' },
      {
        role: 'developer',
        content: [
          { type: 'text', text: 'be ' },
          { type: 'text', text: 'kind' },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'sec' },
          { type: 'text', text: 'ond' },
        ],
      },
      { role: 'tool', content: 'tool', tool_call_id: 'c' },
    ];
    const inference = read(messages);
    expect(inference).toMatchObject({ text: 'second', instructions: 'be short\n\nbe kind', stream: false });
    expect(inference.messages.map((m) => m.content)).toEqual([
      'be short',
      'first',
      'answer',
      'be kind',
      'second',
      'tool',
    ]);
    expect(inference.messages.at(-1)).toEqual({ role: 'tool', content: 'tool', tool_call_id: 'c' });
  });

  test('a conversation without a user is taken whole', () => {
    expect(
      read([
        { role: 'assistant', content: 'a' },
        { role: 'tool', content: 'b' },
      ]).text,
    ).toBe('a\n\nb');
  });

  test('an assistant may have calls in place of content, as its own answer gave them', () => {
    const call = { id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } };
    const [empty, nothing] = [
      { role: 'assistant', content: null, tool_calls: [call] },
      { role: 'assistant', tool_calls: [call] },
    ];
    for (const message of [empty, nothing]) {
      expect(read([message]).messages).toEqual([{ role: 'assistant', content: '', tool_calls: [call] }]);
    }
  });

  test('null counts as not set, at every depth that is not free-form', () => {
    const answered = { role: 'assistant', content: 'a', refusal: null, tool_calls: null, annotations: [] };
    const more = {
      temperature: null,
      stop: null,
      stream_options: { include_usage: null },
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'n', strict: null, schema: { default: null } },
      },
      metadata: { nothing: null },
      tool_choice: null,
    };
    const inference = read([answered, { role: 'user', content: 'b', tool_call_id: null }], more);
    expect(inference).toMatchObject({
      temperature: null,
      stop: [],
      metadata: { nothing: null },
      toolChoice: null,
    });
    expect(inference.format).toEqual({ type: 'json_schema', name: 'n', schema: { default: null } });
    expect(inference.messages).toEqual([
      { role: 'assistant', content: 'a' },
      { role: 'user', content: 'b' },
    ]);
  });

  test('max_completion_tokens goes before max_tokens; stop is a list', () => {
    const user = [{ role: 'user', content: 'x' }];
    expect(read(user, { max_tokens: 5, stop: 'a' })).toMatchObject({ maxOutputTokens: 5, stop: ['a'] });
    expect(read(user, { max_tokens: 5, max_completion_tokens: 3, stop: ['a', 'b'] })).toMatchObject({
      maxOutputTokens: 3,
      stop: ['a', 'b'],
    });
  });

  test('a format cannot be renamed from inside its schema', () => {
    const response_format = { type: 'json_schema', json_schema: { name: 'n', type: 'text' } };
    expect(read([{ role: 'user', content: 'x' }], { response_format }).format).toMatchObject({
      type: 'json_schema',
    });
  });

  test('__proto__ in a body is a field like any other', () => {
    const inference = readChat(
      JSON.parse(
        '{"model":"m","messages":[{"role":"user","content":"x","__proto__":{"tool_calls":1}}],"__proto__":{"stream":true},"metadata":{"__proto__":{"a":1}}}',
      ),
    ).inference;
    expect(inference.stream).toBe(false);
    expect(JSON.stringify(inference.metadata)).toBe('{"__proto__":{"a":1}}');
    expect(({} as Record<string, unknown>)['a']).toBeUndefined();
  });

  test('characters of every kind come through as they are', () => {
    const content = 'a\u0000b\ud83d\ude00\ud83dc\u2028\u202e';
    expect(read([{ role: 'user', content }]).text).toBe(content);
    const longest = '\u{1f600}'.repeat(65_536);
    expect(read([{ role: 'user', content: longest }]).text).toBe(longest);
  });

  test('4096 messages are read, 4097 are not', () => {
    const messages = Array.from({ length: 4096 }, () => ({ role: 'user', content: 'x' }));
    expect(read(messages).messages).toHaveLength(4096);
    expect(() => read([...messages, messages[0]])).toThrow(
      expect.objectContaining({ code: 'invalid_value', param: 'messages' }),
    );
  });
});
