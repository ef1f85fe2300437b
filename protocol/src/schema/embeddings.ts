import { type Static, type TSchema, Type } from '@sinclair/typebox';
import { Text } from './common.ts';
import { WholeOnly } from './tasks.ts';

/** As many as the OpenAI API takes at once. */
export const MAX_TEXTS = 2048;

const model = Type.String({ minLength: 1, maxLength: 256, description: 'the id of a model' });
const user = Type.Optional(Type.String({ description: 'a string' }));

/** The body of `POST /v1/embeddings`. Unknown fields are ignored, as the OpenAI API does. */
export const EmbeddingsRequest = Type.Object(
  {
    model,
    input: Type.Union([Text, Type.Array(Text, { minItems: 1, maxItems: MAX_TEXTS })], {
      description: `a string of 1 to 131072 characters, or an array of 1 to ${MAX_TEXTS} of them`,
    }),
    encoding_format: Type.Optional(
      Type.Union([Type.Literal('float'), Type.Literal('base64')], { description: 'float or base64' }),
    ),
    dimensions: Type.Optional(Type.Integer({ minimum: 1, description: 'an integer of at least 1' })),
    stream: WholeOnly,
    user,
  },
  { $id: 'EmbeddingsRequest' },
);
export type EmbeddingsRequest = Static<typeof EmbeddingsRequest>;

/** The answer of `POST /v1/embeddings`. */
export const EmbeddingsAnswer = Type.Object(
  {
    object: Type.Literal('list'),
    data: Type.Array(
      Type.Object({
        object: Type.Literal('embedding'),
        index: Type.Integer(),
        embedding: Type.Union([
          Type.Array(Type.Number()),
          Type.String({ description: 'base64 of little-endian 32-bit floats' }),
        ]),
      }),
    ),
    model: Type.String({ description: 'the model that ran' }),
    usage: Type.Object({ prompt_tokens: Type.Integer(), total_tokens: Type.Integer() }),
  },
  { $id: 'EmbeddingsAnswer' },
);
export type EmbeddingsAnswer = Static<typeof EmbeddingsAnswer>;

const ModerationPart = Type.Object({
  type: Type.Literal('text', { description: 'text' }),
  text: Text,
});

/** The body of `POST /v1/moderations`. */
export const ModerationsRequest = Type.Object(
  {
    model: Type.Optional(model),
    input: Type.Union(
      [
        Text,
        Type.Array(
          Type.Union([Text, ModerationPart], {
            description: 'a string, or a part of type text: pictures cannot be judged here',
          }),
          {
            minItems: 1,
            maxItems: MAX_TEXTS,
          },
        ),
      ],
      {
        description: `a string of 1 to 131072 characters, an array of 1 to ${MAX_TEXTS} strings, or an array of text parts`,
      },
    ),
    stream: WholeOnly,
    user,
  },
  { $id: 'ModerationsRequest' },
);
export type ModerationsRequest = Static<typeof ModerationsRequest>;

/** OpenAI's categories, in its order. */
export const MODERATION_CATEGORIES = [
  'harassment',
  'harassment/threatening',
  'hate',
  'hate/threatening',
  'illicit',
  'illicit/violent',
  'self-harm',
  'self-harm/intent',
  'self-harm/instructions',
  'sexual',
  'sexual/minors',
  'violence',
  'violence/graphic',
] as const;
export type ModerationCategory = (typeof MODERATION_CATEGORIES)[number];

/** An object with the same for every category. */
const forEach = <Each extends TSchema>(each: Each) =>
  Type.Object({
    harassment: each,
    'harassment/threatening': each,
    hate: each,
    'hate/threatening': each,
    illicit: each,
    'illicit/violent': each,
    'self-harm': each,
    'self-harm/intent': each,
    'self-harm/instructions': each,
    sexual: each,
    'sexual/minors': each,
    violence: each,
    'violence/graphic': each,
  } satisfies Record<ModerationCategory, Each>);

export const ModerationResult = Type.Object({
  flagged: Type.Boolean(),
  categories: forEach(Type.Boolean()),
  category_scores: forEach(Type.Number({ minimum: 0, maximum: 1 })),
  category_applied_input_types: forEach(Type.Array(Type.Literal('text'))),
});
export type ModerationResult = Static<typeof ModerationResult>;

/** The answer of `POST /v1/moderations`: a result for each text; text parts are one text together. */
export const ModerationsAnswer = Type.Object(
  {
    id: Type.String({ description: 'modr-…' }),
    model: Type.String({ description: 'the model that ran' }),
    results: Type.Array(ModerationResult),
  },
  { $id: 'ModerationsAnswer' },
);
export type ModerationsAnswer = Static<typeof ModerationsAnswer>;
