import { ApiError, isErrorCode } from '@zerogpu/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readChat } from './read-chat.ts';
import { readResponses } from './read-responses.ts';

const LONGEST = 131_072;
const TEXT_OR_PARTS = `a string of 1 to ${LONGEST} characters, or a non-empty array of`;
const user = (content: unknown, more: object = {}) => ({ role: 'user', content, ...more });
const chat = (changes: object) => ({ model: 'm', messages: [user('hi')], ...changes });
const responses = (changes: object) => ({ model: 'm', input: 'hi', ...changes });
const call = { id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } };

function refusal(read: (body: Record<string, unknown>) => unknown, body: object): ApiError {
  try {
    read(JSON.parse(JSON.stringify(body)));
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  throw new Error('It was accepted');
}

type Row = readonly [body: object, code: string, param: string, message: string];

const SHARED: readonly (readonly [fields: object, code: string, param: string, message: string])[] = [
  [{ model: undefined }, 'missing_required_parameter', 'model', 'model is required'],
  [{ model: null }, 'missing_required_parameter', 'model', 'model is required'],
  [{ model: 5 }, 'invalid_type', 'model', 'model must be the id of a model'],
  [{ model: '' }, 'invalid_value', 'model', 'model must be the id of a model'],
  [{ model: 'm'.repeat(257) }, 'string_above_max_length', 'model', 'model must be the id of a model'],
  [{ temperature: '1' }, 'invalid_type', 'temperature', 'temperature must be a number from 0 to 2'],
  [{ temperature: 2.1 }, 'invalid_value', 'temperature', 'temperature must be a number from 0 to 2'],
  [{ temperature: -0.1 }, 'invalid_value', 'temperature', 'temperature must be a number from 0 to 2'],
  [{ top_p: 1.01 }, 'invalid_value', 'top_p', 'top_p must be a number from 0 to 1'],
  [{ top_p: true }, 'invalid_type', 'top_p', 'top_p must be a number from 0 to 1'],
  [{ seed: 1.5 }, 'invalid_type', 'seed', 'seed must be an integer'],
  [{ stream: 'yes' }, 'invalid_type', 'stream', 'stream must be true or false'],
  [{ user: 1 }, 'invalid_type', 'user', 'user must be a string'],
  [{ store: 1 }, 'invalid_type', 'store', 'store must be true or false; ignored'],
  [{ max_tokens: 0 }, 'invalid_value', 'max_tokens', 'max_tokens must be an integer of at least 1'],
  [{ max_tokens: 1.5 }, 'invalid_type', 'max_tokens', 'max_tokens must be an integer of at least 1'],
  [
    { metadata: 'x' },
    'invalid_type',
    'metadata',
    "metadata must be the task's options as an object; see the model's page",
  ],
  [
    { metadata: [1] },
    'invalid_type',
    'metadata',
    "metadata must be the task's options as an object; see the model's page",
  ],
];

const ROLES = 'one of system, user, assistant, tool, developer';
const messages = (...all: unknown[]) => chat({ messages: all });

const CHAT: readonly Row[] = [
  ...SHARED.map(([fields, ...rest]): Row => [chat(fields), ...rest]),
  [chat({ messages: undefined }), 'missing_required_parameter', 'messages', 'messages is required'],
  [
    chat({ messages: 'hi' }),
    'invalid_type',
    'messages',
    'messages must be a non-empty array of at most 4096 messages',
  ],
  [messages(), 'invalid_value', 'messages', 'messages must be a non-empty array of at most 4096 messages'],
  [messages('hi'), 'invalid_type', 'messages[0]', 'messages[0] must be a message with role and content'],
  [messages(null), 'invalid_type', 'messages[0]', 'messages[0] must be a message with role and content'],
  [messages(user('a'), {}), 'missing_required_parameter', 'messages[1].role', 'messages[1].role is required'],
  [
    messages({ role: 'robot', content: 'x' }),
    'invalid_value',
    'messages[0].role',
    `messages[0].role must be ${ROLES}`,
  ],
  [
    messages({ role: 1, content: 'x' }),
    'invalid_type',
    'messages[0].role',
    `messages[0].role must be ${ROLES}`,
  ],
  [
    messages({ role: 'user' }),
    'missing_required_parameter',
    'messages[0].content',
    'messages[0].content is required',
  ],
  [
    messages(user(null)),
    'missing_required_parameter',
    'messages[0].content',
    'messages[0].content is required',
  ],
  [
    messages(user(5)),
    'invalid_type',
    'messages[0].content',
    `messages[0].content must be ${TEXT_OR_PARTS} text parts`,
  ],
  [
    messages(user([])),
    'invalid_value',
    'messages[0].content',
    `messages[0].content must be ${TEXT_OR_PARTS} text parts`,
  ],
  [
    messages(user('')),
    'invalid_value',
    'messages[0].content',
    `messages[0].content must be a string of 1 to ${LONGEST} characters`,
  ],
  [
    messages(user('x'.repeat(LONGEST + 1))),
    'string_above_max_length',
    'messages[0].content',
    `messages[0].content must be a string of 1 to ${LONGEST} characters`,
  ],
  [
    messages(user([{ type: 'text', text: 'x'.repeat(LONGEST + 1) }])),
    'string_above_max_length',
    'messages[0].content[0].text',
    `messages[0].content[0].text must be a string of 1 to ${LONGEST} characters`,
  ],
  [
    messages(user([{ type: 'image_url' }])),
    'invalid_value',
    'messages[0].content[0].type',
    'messages[0].content[0].type must be text',
  ],
  [
    messages(user([{ type: 'image_url', text: 'x' }])),
    'invalid_value',
    'messages[0].content[0].type',
    'messages[0].content[0].type must be text',
  ],
  [
    messages(user('x', { tool_call_id: 5 })),
    'invalid_type',
    'messages[0].tool_call_id',
    'messages[0].tool_call_id must be string',
  ],
  [
    messages({ role: 'assistant' }),
    'missing_required_parameter',
    'messages[0].content',
    'messages[0].content is required without tool_calls',
  ],
  [
    messages({ role: 'assistant', content: 5 }),
    'invalid_type',
    'messages[0].content',
    `messages[0].content must be ${TEXT_OR_PARTS} text parts`,
  ],
  [
    messages({ role: 'assistant', tool_calls: 'x' }),
    'invalid_type',
    'messages[0].tool_calls',
    'messages[0].tool_calls must be array',
  ],
  [
    messages({ role: 'assistant', tool_calls: [{ ...call, id: 1 }] }),
    'invalid_type',
    'messages[0].tool_calls[0].id',
    'messages[0].tool_calls[0].id must be string',
  ],
  [chat({ n: 2 }), 'invalid_value', 'n', 'n must be 1'],
  [chat({ n: 0 }), 'invalid_value', 'n', 'n must be 1'],
  [chat({ stop: [1] }), 'invalid_type', 'stop[0]', 'stop[0] must be string'],
  [
    chat({ stop: ['a', 'b', 'c', 'd', 'e'] }),
    'invalid_value',
    'stop',
    'stop must be a string, or an array of at most 4 strings',
  ],
  [chat({ stop: 1 }), 'invalid_type', 'stop', 'stop must be a string, or an array of at most 4 strings'],
  [
    chat({ stream_options: true }),
    'invalid_type',
    'stream_options',
    'stream_options must be an object with include_usage',
  ],
  [
    chat({ stream_options: { include_usage: 1 } }),
    'invalid_type',
    'stream_options.include_usage',
    'stream_options.include_usage must be boolean',
  ],
  [
    chat({ response_format: 'json' }),
    'invalid_type',
    'response_format',
    'response_format must be an object whose type is text, json_object or json_schema',
  ],
  [
    chat({ response_format: { type: 'xml' } }),
    'invalid_value',
    'response_format',
    'response_format must be an object whose type is text, json_object or json_schema',
  ],
  [
    chat({ response_format: { type: 'json_schema' } }),
    'missing_required_parameter',
    'response_format.json_schema',
    'response_format.json_schema is required',
  ],
  [chat({ tools: {} }), 'invalid_type', 'tools', 'tools must be array'],
];

const RESPONSES: readonly Row[] = [
  ...SHARED.map(([fields, ...rest]): Row => [responses(fields), ...rest]),
  [responses({ input: undefined }), 'missing_required_parameter', 'input', 'input is required'],
  [responses({ input: 5 }), 'invalid_type', 'input', `input must be ${TEXT_OR_PARTS} messages`],
  [
    responses({ input: '' }),
    'invalid_value',
    'input',
    `input must be a string of 1 to ${LONGEST} characters`,
  ],
  [responses({ input: [] }), 'invalid_value', 'input', `input must be ${TEXT_OR_PARTS} messages`],
  [
    responses({ input: 'x'.repeat(LONGEST + 1) }),
    'string_above_max_length',
    'input',
    `input must be a string of 1 to ${LONGEST} characters`,
  ],
  [
    responses({ input: [user('x'), 'y'] }),
    'invalid_type',
    'input[1]',
    'input[1] must be a message with role and content',
  ],
  [
    responses({ input: [{ role: 'tool', content: 'x' }] }),
    'invalid_value',
    'input[0].role',
    'input[0].role must be one of user, system, assistant, developer',
  ],
  [
    responses({ input: [user([{ type: 'input_image', text: 'x' }])] }),
    'invalid_value',
    'input[0].content[0].type',
    'input[0].content[0].type must be input_text',
  ],
  [
    responses({ instructions: 5 }),
    'invalid_type',
    'instructions',
    `instructions must be a string of 1 to ${LONGEST} characters`,
  ],
  [responses({ text: 'json' }), 'invalid_type', 'text', 'text must be an object with a format'],
  [
    responses({ text: { format: { type: 'xml' } } }),
    'invalid_value',
    'text.format',
    'text.format must be an object whose type is text, json_object or json_schema',
  ],
  [
    responses({ text: { format: { type: 'json_schema' } } }),
    'missing_required_parameter',
    'text.format.name',
    'text.format.name is required',
  ],
  [
    responses({ max_output_tokens: '5' }),
    'invalid_type',
    'max_output_tokens',
    'max_output_tokens must be an integer of at least 1',
  ],
];

describe('a wrong body', () => {
  test.each(CHAT)('chat %j is %s', (body, code, param, message) => {
    expect(refusal(readChat, body)).toMatchObject({ code, param, message });
  });

  test.each(RESPONSES)('responses %j is %s', (body, code, param, message) => {
    expect(refusal(readResponses, body)).toMatchObject({ code, param, message });
  });

  test('numbers that are none in JSON are refused', () => {
    for (const number of ['1e400', '-1e400']) {
      const read = () =>
        readChat(
          JSON.parse(`{"model":"m","messages":[{"role":"user","content":"x"}],"temperature":${number}}`),
        );
      expect(read).toThrow(expect.objectContaining({ param: 'temperature' }));
    }
  });

  test('whatever it is, it is refused as a mistake of the caller, with a bounded message and field', () => {
    const names = fc.constantFrom(
      'model',
      'messages',
      'input',
      'role',
      'content',
      'type',
      'text',
      'tool_calls',
      'stop',
    );
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 5 },
        fc.constantFrom('user', 'assistant', 'text', 'input_text', 'json_schema', 1, null, true),
        fc.string(),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(
          fc.oneof(names, fc.constantFrom('__proto__', 'constructor', 'toString')),
          tie('value'),
          { maxKeys: 4 },
        ),
      ),
    }));
    fc.assert(
      fc.property(fc.constantFrom(readChat, readResponses), fc.dictionary(names, value), (read, body) => {
        try {
          read(JSON.parse(JSON.stringify({ model: 'm', ...body })));
        } catch (error) {
          if (!(error instanceof ApiError)) throw error;
          expect(isErrorCode(error.code) && error.row.status).toBe(400);
          expect(error.param).toMatch(/^[a-z]/);
          expect(error.param?.length).toBeLessThanOrEqual(200);
          expect(error.message.length).toBeLessThanOrEqual(400);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
