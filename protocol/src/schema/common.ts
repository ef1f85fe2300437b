import { Type } from '@sinclair/typebox';
import { MAX_TEXT_LENGTH } from '../inference.ts';

export const Text = Type.String({
  minLength: 1,
  maxLength: MAX_TEXT_LENGTH,
  description: `a string of 1 to ${MAX_TEXT_LENGTH} characters`,
});

export const Metadata = Type.Record(Type.String(), Type.Unknown(), {
  description: "the task's options as an object; see the model's page",
});

export const ToolCallSchema = Type.Object(
  {
    id: Type.String({ maxLength: 256 }),
    type: Type.Literal('function'),
    function: Type.Object({ name: Type.String({ maxLength: 256 }), arguments: Type.String() }),
  },
  { description: 'a function call' },
);

/** Options that both endpoints share, with OpenAI's ranges. */
export const sampling = {
  metadata: Type.Optional(Metadata),
  temperature: Type.Optional(Type.Number({ minimum: 0, maximum: 2, description: 'a number from 0 to 2' })),
  top_p: Type.Optional(Type.Number({ minimum: 0, maximum: 1, description: 'a number from 0 to 1' })),
  seed: Type.Optional(Type.Integer({ description: 'an integer' })),
  stream: Type.Optional(Type.Boolean({ description: 'true or false' })),
  user: Type.Optional(Type.String({ description: 'a string' })),
  store: Type.Optional(Type.Boolean({ description: 'true or false; ignored' })),
};

export const TokenLimit = Type.Integer({ minimum: 1, description: 'an integer of at least 1' });

export const JsonSchemaFormat = {
  name: Type.String({ maxLength: 64, description: 'a string of at most 64 characters' }),
  schema: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  strict: Type.Optional(Type.Boolean()),
};

export const ErrorBody = Type.Object(
  {
    error: Type.Object({
      message: Type.String(),
      type: Type.String(),
      code: Type.Union([Type.String(), Type.Null()]),
      param: Type.Union([Type.String(), Type.Null()]),
      line: Type.Optional(Type.Integer({ description: 'of a JSONL file, from 1; where a line is at fault' })),
    }),
  },
  { $id: 'Error', description: 'Every error on every route' },
);
