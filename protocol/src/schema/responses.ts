import { type Static, Type } from '@sinclair/typebox';
import { JsonSchemaFormat, sampling, Text, TokenLimit } from './common.ts';

const role = Type.Union(
  [Type.Literal('user'), Type.Literal('system'), Type.Literal('assistant'), Type.Literal('developer')],
  { description: 'one of user, system, assistant, developer' },
);

const InputPart = Type.Object({
  type: Type.Union([Type.Literal('input_text'), Type.Literal('output_text'), Type.Literal('text')], {
    description: 'input_text',
  }),
  text: Text,
});

const InputMessage = Type.Object(
  {
    role,
    content: Type.Union([Text, Type.Array(InputPart, { minItems: 1 })], {
      description: 'a string of 1 to 131072 characters, or a non-empty array of input_text parts',
    }),
  },
  { description: 'a message with role and content' },
);

const format = Type.Union(
  [
    Type.Object({ type: Type.Literal('text') }),
    Type.Object({ type: Type.Literal('json_object') }),
    Type.Object({ type: Type.Literal('json_schema'), ...JsonSchemaFormat }),
  ],
  { description: 'an object whose type is text, json_object or json_schema' },
);

/** The body of `POST /v1/responses`. Unknown fields are ignored, as the OpenAI API does. */
export const ResponsesRequest = Type.Object(
  {
    model: Type.String({ minLength: 1, maxLength: 256, description: 'the id of a model' }),
    input: Type.Union([Text, Type.Array(InputMessage, { minItems: 1, maxItems: 4096 })], {
      description: 'a string of 1 to 131072 characters, or a non-empty array of messages',
    }),
    instructions: Type.Optional(Text),
    text: Type.Optional(
      Type.Object({ format: Type.Optional(format) }, { description: 'an object with a format' }),
    ),
    max_output_tokens: Type.Optional(TokenLimit),
    max_tokens: Type.Optional(TokenLimit),
    ...sampling,
  },
  { $id: 'ResponsesRequest' },
);
export type ResponsesRequest = Static<typeof ResponsesRequest>;

const OutputText = Type.Object({
  type: Type.Literal('output_text'),
  text: Type.String(),
  annotations: Type.Array(Type.Unknown()),
});

const MessageItem = Type.Object({
  id: Type.String(),
  type: Type.Literal('message'),
  role: Type.Literal('assistant'),
  status: Type.Union([Type.Literal('completed'), Type.Literal('in_progress'), Type.Literal('incomplete')]),
  content: Type.Array(OutputText),
});

const ReasoningItem = Type.Object({
  id: Type.String(),
  type: Type.Literal('reasoning'),
  summary: Type.Array(Type.Unknown()),
  content: Type.Array(Type.Object({ type: Type.Literal('reasoning_text'), text: Type.String() })),
});

/** The answer of `POST /v1/responses`. */
export const ResponsesAnswer = Type.Object(
  {
    id: Type.String({ description: 'resp_…' }),
    object: Type.Literal('response'),
    created: Type.Integer({ description: 'Unix seconds' }),
    created_at: Type.Integer({ description: 'Unix seconds; the same as created' }),
    status: Type.Union([Type.Literal('completed'), Type.Literal('in_progress'), Type.Literal('incomplete')]),
    error: Type.Null(),
    incomplete_details: Type.Union([Type.Object({ reason: Type.String() }), Type.Null()]),
    model: Type.String({ description: 'the model that ran' }),
    output: Type.Array(Type.Union([ReasoningItem, MessageItem])),
    usage: Type.Union([
      Type.Object({
        input_tokens: Type.Integer(),
        input_tokens_details: Type.Object({ cached_tokens: Type.Integer() }),
        output_tokens: Type.Integer(),
        output_tokens_details: Type.Object({ reasoning_tokens: Type.Integer() }),
        total_tokens: Type.Integer(),
      }),
      Type.Null(),
    ]),
  },
  { $id: 'ResponsesAnswer' },
);
export type ResponsesAnswer = Static<typeof ResponsesAnswer>;
export type ResponsesOutputItem = ResponsesAnswer['output'][number];
