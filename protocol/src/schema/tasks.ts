/** Routes of one task each: they answer in one piece, with the task's own JSON. */
import { type Static, Type } from '@sinclair/typebox';
import { Text, TokenLimit } from './common.ts';

const modelId = (otherwise: string) =>
  Type.Optional(
    Type.String({ minLength: 1, maxLength: 256, description: `the id of a model; ${otherwise} when absent` }),
  );

/** Said to those who ask a route to stream that answers in one piece. */
export const WholeOnly = Type.Optional(
  Type.Literal(false, { description: 'false: this route answers in one piece' }),
);

/** `text`, or `input` for those who know the other endpoints; one of them is required, and `text` wins. */
const source = {
  text: Type.Optional(Text),
  input: Type.Optional(Text),
  stream: WholeOnly,
  user: Type.Optional(Type.String({ description: 'a string' })),
};

export const TaskUsage = Type.Object({
  input_tokens: Type.Integer(),
  output_tokens: Type.Integer(),
  total_tokens: Type.Integer(),
});
export type TaskUsage = Static<typeof TaskUsage>;

/** What every task route adds to its task's JSON. */
const told = { model: Type.String({ description: 'the model that ran' }), usage: TaskUsage };

/** The body of `POST /v1/summary`. */
export const SummaryRequest = Type.Object(
  {
    ...source,
    model: modelId('zlm-v1-summary-cloud'),
    max_tokens: Type.Optional(TokenLimit),
  },
  { $id: 'SummaryRequest' },
);
export type SummaryRequest = Static<typeof SummaryRequest>;

/** The answer of `POST /v1/summary`. */
export const SummaryAnswer = Type.Object(
  { summary: Type.String({ description: 'one to four sentences' }), ...told },
  { $id: 'SummaryAnswer' },
);
export type SummaryAnswer = Static<typeof SummaryAnswer>;

/** The body of `POST /v1/usecase/classify/iab`. */
export const IabRequest = Type.Object(
  {
    ...source,
    model: modelId('zlm-v1-iab-classify-edge, or with enriched zlm-v1-iab-classify-edge-enriched,'),
    enriched: Type.Optional(
      Type.Boolean({ description: 'true for ids, parents, topics, keywords and intent; false when absent' }),
    ),
  },
  { $id: 'IabRequest' },
);
export type IabRequest = Static<typeof IabRequest>;

const score = Type.Number({ minimum: 0, maximum: 1 });
const ScoredName = Type.Object({ name: Type.String(), score });
const Tiers = {
  id: Type.String(),
  parent_id: Type.Union([Type.String(), Type.Null()]),
  name: Type.String(),
  tier1_name: Type.String(),
  tier2_name: Type.Optional(Type.String()),
  tier3_name: Type.Optional(Type.String()),
  score,
};
const ContentV1 = Type.Object({
  code: Type.String({ description: 'such as IAB19-6' }),
  name: Type.String(),
  tier: Type.Integer(),
  parent_code: Type.Union([Type.String(), Type.Null()]),
  score,
});

const INTENTS = ['informational', 'navigational', 'commercial', 'transactional'] as const;

const IabPlain = {
  audience: Type.Array(ScoredName),
  content: Type.Object({ iab_1_0: Type.Array(ScoredName), iab_2_2: Type.Array(ScoredName) }),
};
const IabProfile = {
  audience: Type.Array(Type.Object(Tiers)),
  content: Type.Object({ iab_1_0: Type.Array(ContentV1), iab_2_2: Type.Array(Type.Object(Tiers)) }),
  topics: Type.Array(ScoredName),
  keywords: Type.Array(Type.String(), { maxItems: 10 }),
  user_intent: Type.Object({
    name: Type.String(),
    category: Type.Union(INTENTS.map((category) => Type.Literal(category))),
    score,
  }),
};

/** The answer of `POST /v1/usecase/classify/iab`: every list best first. */
export const IabAnswer = Type.Union(
  [
    Type.Object({ ...IabProfile, ...told }, { description: 'of the enriched and the cloud model' }),
    Type.Object({ ...IabPlain, ...told }, { description: 'of zlm-v1-iab-classify-edge' }),
  ],
  { $id: 'IabAnswer' },
);
export type IabAnswer = Static<typeof IabAnswer>;

/**
 * The body of `POST /v1/gliner`. What the options may be is the task's to say: it refuses a wrong one with an example
 * that works, so they are read here as they come.
 */
export const GlinerRequest = Type.Object(
  {
    ...source,
    model: modelId('gliner2-base-v1 for ner, json and classification, else gliner-multi-pii-v1,'),
    usecase: Type.Optional(
      Type.Unknown({
        description:
          'ner, json, classification; or redact, extract-pii (also: extract). Absent: redact with a mask, extract-pii with categories',
      }),
    ),
    labels: Type.Optional(Type.Unknown({ description: 'an array of names of what is to be found' })),
    schema: Type.Optional(
      Type.Unknown({
        description:
          'json: {group: ["field::type::description", …]}; classification: {axis: ["label", "label", …]}',
      }),
    ),
    threshold: Type.Optional(Type.Unknown({ description: 'the least score that counts, from 0 to 1' })),
    categories: Type.Optional(
      Type.Unknown({ description: 'an array of categories of personal data, such as contact or financial' }),
    ),
    mask: Type.Optional(Type.Unknown({ description: 'label, char, or one character' })),
  },
  { $id: 'GlinerRequest' },
);
export type GlinerRequest = Static<typeof GlinerRequest>;

const texts = Type.Record(Type.String(), Type.Array(Type.String()));
const Span = Type.Object({
  text: Type.String(),
  label: Type.String(),
  start: Type.Integer({ minimum: 0, description: 'in UTF-16 code units of the text as sent' }),
  end: Type.Integer({ minimum: 0 }),
  score,
});

/** The answer of `POST /v1/gliner`, by use case. */
export const GlinerAnswer = Type.Union(
  [
    Type.Object(
      {
        redacted_text: Type.Optional(Type.String({ description: 'of redact' })),
        entities: Type.Array(Span),
        entities_by_label: texts,
        ...told,
      },
      { description: 'of a PII model' },
    ),
    Type.Object({ entities: texts, ...told }, { description: 'of ner: every requested label is there' }),
    Type.Object(
      {
        data: Type.Record(Type.String(), Type.Array(Type.Record(Type.String(), Type.Unknown()))),
        ...told,
      },
      { description: 'of json: one record per instance found' },
    ),
    Type.Object(
      { classification: Type.Record(Type.String(), Type.String()), ...told },
      { description: 'of classification' },
    ),
  ],
  { $id: 'GlinerAnswer' },
);
export type GlinerAnswer = Static<typeof GlinerAnswer>;
