import { type Static, Type } from '@sinclair/typebox';
import { JsonSchemaFormat, sampling, Text, TokenLimit, ToolCallSchema } from './common.ts';

const TextPart = Type.Object({
  type: Type.Literal('text', { description: 'text' }),
  text: Text,
});

const TEXT_OR_PARTS = {
  description: 'a string of 1 to 131072 characters, or a non-empty array of text parts',
};
const content = Type.Union([Text, Type.Array(TextPart, { minItems: 1 })], TEXT_OR_PARTS);

const SpokenMessage = Type.Object({
  role: Type.Union(
    [Type.Literal('system'), Type.Literal('user'), Type.Literal('developer'), Type.Literal('tool')],
    { description: 'one of system, user, assistant, tool, developer' },
  ),
  content,
  tool_call_id: Type.Optional(Type.String({ maxLength: 256 })),
});

/** An assistant's turn may have calls in place of content. */
const AssistantMessage = Type.Object({
  role: Type.Literal('assistant'),
  content: Type.Optional(Type.Union([content, Type.Null()], TEXT_OR_PARTS)),
  tool_calls: Type.Optional(Type.Array(ToolCallSchema, { minItems: 1, maxItems: 128 })),
});

/** The body of `POST /v1/chat/completions`. Unknown fields are ignored, as the OpenAI API does. */
export const ChatRequest = Type.Object(
  {
    model: Type.String({ minLength: 1, maxLength: 256, description: 'the id of a model' }),
    messages: Type.Array(
      Type.Union([SpokenMessage, AssistantMessage], { description: 'a message with role and content' }),
      { minItems: 1, maxItems: 4096, description: 'a non-empty array of at most 4096 messages' },
    ),
    max_tokens: Type.Optional(TokenLimit),
    max_completion_tokens: Type.Optional(TokenLimit),
    stop: Type.Optional(
      Type.Union([Type.String(), Type.Array(Type.String(), { maxItems: 4 })], {
        description: 'a string, or an array of at most 4 strings',
      }),
    ),
    n: Type.Optional(Type.Integer({ minimum: 1, maximum: 1, description: '1' })),
    stream_options: Type.Optional(
      Type.Object(
        { include_usage: Type.Optional(Type.Boolean()) },
        { description: 'an object with include_usage' },
      ),
    ),
    response_format: Type.Optional(
      Type.Union(
        [
          Type.Object({ type: Type.Literal('text') }),
          Type.Object({ type: Type.Literal('json_object') }),
          Type.Object({ type: Type.Literal('json_schema'), json_schema: Type.Object(JsonSchemaFormat) }),
        ],
        { description: 'an object whose type is text, json_object or json_schema' },
      ),
    ),
    tools: Type.Optional(Type.Array(Type.Unknown(), { maxItems: 128 })),
    tool_choice: Type.Optional(Type.Unknown()),
    ...sampling,
  },
  { $id: 'ChatRequest' },
);
export type ChatRequest = Static<typeof ChatRequest>;

export const FINISH_REASONS = ['stop', 'length', 'tool_calls', 'content_filter'] as const;
const finishReason = Type.Union(FINISH_REASONS.map((reason) => Type.Literal(reason)));

const ChatUsage = Type.Object({
  prompt_tokens: Type.Integer(),
  completion_tokens: Type.Integer(),
  total_tokens: Type.Integer(),
  prompt_tokens_details: Type.Object({ cached_tokens: Type.Integer(), audio_tokens: Type.Integer() }),
  completion_tokens_details: Type.Object({
    reasoning_tokens: Type.Integer(),
    audio_tokens: Type.Integer(),
    accepted_prediction_tokens: Type.Integer(),
    rejected_prediction_tokens: Type.Integer(),
  }),
});
export type ChatUsage = Static<typeof ChatUsage>;

/** The answer of `POST /v1/chat/completions`. */
export const ChatAnswer = Type.Object(
  {
    id: Type.String({ description: 'chatcmpl-…' }),
    object: Type.Literal('chat.completion'),
    created: Type.Integer({ description: 'Unix seconds' }),
    model: Type.String({ description: 'the model that ran' }),
    choices: Type.Array(
      Type.Object({
        index: Type.Integer(),
        message: Type.Object({
          role: Type.Literal('assistant'),
          content: Type.Union([Type.String(), Type.Null()]),
          reasoning: Type.Optional(Type.String()),
          tool_calls: Type.Optional(Type.Array(ToolCallSchema)),
          annotations: Type.Array(Type.Unknown()),
        }),
        finish_reason: finishReason,
        logprobs: Type.Null(),
      }),
    ),
    usage: ChatUsage,
    service_tier: Type.Literal('default'),
    system_fingerprint: Type.Null(),
  },
  { $id: 'ChatAnswer' },
);
export type ChatAnswer = Static<typeof ChatAnswer>;

/** One event of a streamed chat answer; the last line of the stream is `data: [DONE]`. */
export const ChatChunk = Type.Object(
  {
    id: Type.String(),
    object: Type.Literal('chat.completion.chunk'),
    created: Type.Integer(),
    model: Type.String(),
    choices: Type.Array(
      Type.Object({
        index: Type.Integer(),
        delta: Type.Object({
          role: Type.Optional(Type.Literal('assistant')),
          content: Type.Optional(Type.String()),
          reasoning: Type.Optional(Type.String()),
          tool_calls: Type.Optional(
            Type.Array(Type.Composite([Type.Object({ index: Type.Integer() }), ToolCallSchema])),
          ),
        }),
        finish_reason: Type.Union([finishReason, Type.Null()]),
        logprobs: Type.Null(),
      }),
    ),
    usage: Type.Optional(Type.Union([ChatUsage, Type.Null()])),
    service_tier: Type.Literal('default'),
    system_fingerprint: Type.Null(),
  },
  { $id: 'ChatChunk' },
);
export type ChatChunk = Static<typeof ChatChunk>;
