/** Every shape that a task's model promises: a request in each of its forms, and what its answer must be like. */

import { type TSchema, Type } from '@sinclair/typebox';
import { MODERATION_CATEGORIES } from '@zerogpu/protocol';

export interface TaskCase {
  readonly name: string;
  readonly model: string;
  readonly text: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly instructions?: string;
  /** Strict: another key, or another order of keys, is another shape. Null for plain text. */
  readonly shape: TSchema | null;
  /** What a schema cannot say. */
  check?(answer: Json, text: string): string[];
  /** The task's own route with the body that means the same, less `text` and `model`. */
  readonly route?: { readonly path: string; readonly body: Readonly<Record<string, unknown>> };
}

// biome-ignore lint/suspicious/noExplicitAny: an answer whose shape is what is looked at
export type Json = any;

const MATCH =
  'The national football team of Iceland beat France by two goals to one in Reykjavik on Saturday. The winning goal ' +
  'fell in the last minute, when the striker Jon Sigurdsson headed in a corner kick. Some 9,800 people watched the ' +
  'match in the sold-out stadium. The coach praised his players after the game and said that nobody had believed in ' +
  'them. The two teams meet again in Paris in October, in the last match of the qualifiers for the World Cup.';
const LETTER =
  'Dear Ms Hartmann, my name is Peter Jansen, I live at 12 Baker Street, London. Please call me at +44 20 7946 0018 or ' +
  'write to peter.jansen@example.org. My card is 4111 1111 1111 1111 and my IBAN is DE89 3704 0044 0532 0130 00.';
const SHOP =
  'The Brightwell desk lamp costs $49.90, is made of brass and in stock. The Norden floor lamp costs $129.00 and is ' +
  'made of oak; it will be back in stock in March.';
const REVIEW = 'I love this phone: the camera is superb, the battery lasts two days, and it was cheap.';

const strict = (properties: Record<string, TSchema>) =>
  Type.Object(properties, { additionalProperties: false });
const name = Type.String({ minLength: 1 });
const score = Type.Number({ minimum: 0, maximum: 1 });
const scored = Type.Array(strict({ name, score }), { minItems: 1 });
const orNull = (schema: TSchema) => Type.Union([schema, Type.Null()]);
const entry = strict({
  id: name,
  parent_id: orNull(name),
  name,
  tier1_name: name,
  tier2_name: Type.Optional(name),
  tier3_name: Type.Optional(name),
  score,
});
const code = strict({
  code: Type.String({ pattern: '^IAB\\d+(-\\d+)?$' }),
  name,
  tier: Type.Integer({ minimum: 1, maximum: 2 }),
  parent_code: orNull(Type.String({ pattern: '^IAB\\d+$' })),
  score,
});
const profile = strict({
  audience: Type.Array(entry),
  content: strict({
    iab_1_0: Type.Array(code, { minItems: 1 }),
    iab_2_2: Type.Array(entry, { minItems: 1 }),
  }),
  topics: Type.Array(strict({ name: Type.String({ pattern: '^[^A-Z]+$' }), score }), { minItems: 1 }),
  keywords: Type.Array(name, { minItems: 1, maxItems: 10 }),
  user_intent: strict({
    name,
    category: Type.Union(
      ['informational', 'navigational', 'commercial', 'transactional'].map((one) => Type.Literal(one)),
    ),
    score,
  }),
});

const unsorted = (what: string, list: readonly { score: number }[]) =>
  list.some(({ score: one }, i) => i > 0 && one > list[i - 1]!.score) ? [`${what} is not best first`] : [];
const tooFine = (scores: readonly number[], decimals: number) =>
  scores.filter((one) => Number(one.toFixed(decimals)) !== one).map((one) => `${one} is not rounded`);

function checkIab({ audience, content, topics, keywords }: Json, text: string): string[] {
  const lists: Record<string, Json[]> = { audience, ...content, ...(topics ? { topics } : {}) };
  return [
    ...Object.entries(lists).flatMap(([what, list]) => unsorted(what, list)),
    ...tooFine(
      Object.values(lists).flatMap((list) => list.map((one) => one.score)),
      4,
    ),
    ...(keywords ?? []).filter((word: string) => !text.toLowerCase().includes(word.toLowerCase())),
  ];
}

function checkEntries(answer: Json, text: string): string[] {
  const wrongParents = [...answer.audience, ...answer.content.iab_2_2].filter(
    (one: Json) => (one.parent_id === null) !== (one.name === one.tier1_name),
  );
  return [...checkIab(answer, text), ...wrongParents.map((one: Json) => `${one.name} has a wrong parent`)];
}

const iab = (model: string, shape: TSchema, check: TaskCase['check'], body: object): TaskCase => ({
  name: 'a text',
  model,
  text: MATCH,
  shape,
  ...(check ? { check } : {}),
  route: { path: '/v1/usecase/classify/iab', body: { ...body } },
});

const LABELS = ['sports', 'finance', 'politics'];
const zeroShot = (name: string, asked: Partial<TaskCase>, changes: Partial<TaskCase> = {}): TaskCase => ({
  name,
  model: 'zlm-v1-zeroshot-edge',
  text: MATCH,
  shape: strict(Object.fromEntries(LABELS.map((label) => [label, score]))),
  check: (answer) => {
    const scores = Object.values<number>(answer);
    const sum = scores.reduce((total, one) => total + one, 0);
    return [
      ...unsorted(
        'the object',
        scores.map((one) => ({ score: one })),
      ),
      ...tooFine(scores, 6),
      ...(Math.abs(sum - 1) > 1e-5 ? [`the scores sum to ${sum}`] : []),
    ];
  },
  ...asked,
  ...changes,
});

const span = strict({
  text: name,
  label: Type.String({ pattern: '^[a-z ]+$' }),
  start: Type.Integer({ minimum: 0 }),
  end: Type.Integer({ minimum: 1 }),
  score,
});
const byLabel = Type.Record(Type.String(), Type.Array(name, { minItems: 1 }));
const found = strict({ entities: Type.Array(span, { minItems: 1 }), entities_by_label: byLabel });
const redacted = strict({
  redacted_text: Type.String(),
  entities: Type.Array(span, { minItems: 1 }),
  entities_by_label: byLabel,
});

/** The spans are where they say, in order; the masks stand where the spans were, and nothing else changed. */
function checkSpans(mask: (text: string, label: string) => string) {
  return ({ redacted_text, entities, entities_by_label }: Json, text: string): string[] => {
    const wrong = entities.filter((one: Json) => text.slice(one.start, one.end) !== one.text);
    const inOrder = entities.every((one: Json, i: number) => i === 0 || entities[i - 1].end <= one.start);
    const labels = new Set(entities.map((one: Json) => one.label));
    let masked = '';
    let at = 0;
    for (const one of entities) {
      masked += text.slice(at, one.start) + mask(one.text, one.label);
      at = one.end;
    }
    return [
      ...wrong.map((one: Json) => `"${one.text}" is not at ${one.start}`),
      ...(inOrder ? [] : ['the spans overlap']),
      ...tooFine(
        entities.map((one: Json) => one.score),
        4,
      ),
      ...Object.keys(entities_by_label).filter((label) => !labels.has(label)),
      ...(redacted_text === undefined || redacted_text === masked + text.slice(at) ? [] : [redacted_text]),
    ];
  };
}

const asLabel = (_text: string, label: string) => `[${label.toUpperCase().replaceAll(' ', '_')}]`;
const pii = (
  name: string,
  options: Record<string, unknown>,
  shape: TSchema,
  mask: (text: string, label: string) => string = asLabel,
): TaskCase => ({
  name,
  model: 'zlm-v1-pii-edge',
  text: LETTER,
  metadata: options,
  shape,
  check: checkSpans(mask),
  route: { path: '/v1/gliner', body: options },
});

const extract = (
  name: string,
  text: string,
  options: Record<string, unknown>,
  shape: TSchema,
  check: NonNullable<TaskCase['check']> = () => [],
): TaskCase => ({
  name,
  model: 'zlm-v1-extract-edge',
  text,
  metadata: options,
  shape,
  check,
  route: { path: '/v1/gliner', body: options },
});

const texts = Type.Array(name, { uniqueItems: true });

const SUMMARY: TaskCase = {
  name: 'a text',
  model: 'zlm-v1-summary-cloud',
  text: MATCH,
  shape: null,
  check: (summary: string, text) => {
    const sentences = text.split(/(?<=\.) /).filter((sentence) => summary.includes(sentence));
    const isWhole = sentences.join(' ') === summary && sentences.length >= 1 && sentences.length <= 4;
    return isWhole ? [] : [`"${summary}" is not one to four sentences of the text`];
  },
  route: { path: '/v1/summary', body: {} },
};

const FOLLOW_UP: TaskCase = {
  name: 'a text',
  model: 'zlm-v1-followup-questions-edge',
  text: MATCH,
  shape: null,
  check: (answer: string) => {
    const lines = answer.split('\n');
    const wrong = lines.filter((line) => !/^\D.*\?$/.test(line) || line !== line.trim());
    return lines.length === 3 && new Set(lines).size === 3 && wrong.length === 0 ? [] : [answer];
  },
};

const each = (value: TSchema) =>
  strict(Object.fromEntries(MODERATION_CATEGORIES.map((category) => [category, value])));
const MODERATION: TaskCase = {
  name: 'a text',
  model: 'zlm-v1-moderation-edge',
  text: MATCH,
  shape: strict({
    flagged: Type.Boolean(),
    categories: each(Type.Boolean()),
    category_scores: each(score),
    category_applied_input_types: each(Type.Tuple([Type.Literal('text')])),
  }),
  check: ({ flagged, categories, category_scores }) => [
    ...(flagged === Object.values(categories).includes(true) ? [] : ['flagged does not fit its categories']),
    ...tooFine(Object.values(category_scores), 4),
  ],
};

const EMBEDDING: TaskCase = {
  name: 'a text',
  model: 'zlm-v1-embed-edge',
  text: MATCH,
  shape: Type.Array(Type.Number({ minimum: -1, maximum: 1 }), { minItems: 256, maxItems: 256 }),
};

export const TASK_CASES: readonly TaskCase[] = [
  EMBEDDING,
  {
    ...EMBEDDING,
    name: 'with dimensions, in base64',
    metadata: { encoding_format: 'base64', dimensions: 64 },
    shape: Type.String({ minLength: 344, maxLength: 344 }),
  },
  SUMMARY,
  iab(
    'zlm-v1-iab-classify-edge',
    strict({
      audience: Type.Array(strict({ name, score })),
      content: strict({ iab_1_0: scored, iab_2_2: scored }),
    }),
    checkIab,
    {},
  ),
  iab('zlm-v1-iab-classify-edge-enriched', profile, checkEntries, { enriched: true }),
  iab('zlm-v1-iab-classify-cloud', profile, checkEntries, { model: 'zlm-v1-iab-classify-cloud' }),
  zeroShot('labels in brackets', { instructions: '[sports, finance, politics]' }),
  zeroShot('labels without brackets', { instructions: 'sports, finance, politics' }),
  zeroShot('labels in quotes', { instructions: '["sports", "finance", "politics"]' }),
  zeroShot('labels in single quotes', { instructions: "['sports', 'finance', 'politics']" }),
  zeroShot('labels in metadata', { metadata: { labels: LABELS } }),
  zeroShot(
    'a threshold',
    { metadata: { labels: LABELS, threshold: 0.4 } },
    {
      shape: strict(Object.fromEntries(LABELS.map((label) => [label, Type.Optional(score)]))),
      check: (answer) =>
        Object.values<number>(answer)
          .filter((one) => one < 0.4)
          .map(String),
    },
  ),
  zeroShot('each label by itself', { metadata: { labels: LABELS, multi_label: true } }, { check: () => [] }),
  zeroShot(
    'labels as they are spelled',
    { metadata: { labels: ['Great News!', 'großer Mist'] }, text: REVIEW },
    {
      shape: strict({ 'Great News!': score, 'großer Mist': score }),
    },
  ),
  extract(
    'ner',
    MATCH,
    { usecase: 'ner', labels: ['person', 'location', 'date'], threshold: 0.5 },
    strict({ entities: strict({ person: texts, location: texts, date: texts }) }),
    ({ entities }, text) =>
      Object.values<string[]>(entities).flatMap((list) => [
        ...list.filter((one) => !text.includes(one)),
        ...list.filter((one, i) => i > 0 && text.indexOf(one) < text.indexOf(list[i - 1]!)),
      ]),
  ),
  extract(
    'json',
    SHOP,
    {
      usecase: 'json',
      schema: {
        product: [
          'name::str::Full product name',
          'price::float::Price in dollars',
          'materials::list',
          'in_stock::bool',
          'condition::[new|used]::str',
        ],
      },
    },
    strict({
      data: strict({
        product: Type.Array(
          strict({
            name: orNull(name),
            price: orNull(Type.Number()),
            materials: orNull(Type.Array(name)),
            in_stock: orNull(Type.Boolean()),
            condition: orNull(Type.Union([Type.Literal('new'), Type.Literal('used')])),
          }),
          { minItems: 1 },
        ),
      }),
    }),
  ),
  extract(
    'classification',
    REVIEW,
    {
      usecase: 'classification',
      schema: { sentiment: ['positive', 'negative', 'neutral'], topic: ['electronics', 'food'] },
    },
    strict({
      classification: strict({
        sentiment: Type.Union(['positive', 'negative', 'neutral'].map((one) => Type.Literal(one))),
        topic: Type.Union(['electronics', 'food'].map((one) => Type.Literal(one))),
      }),
    }),
  ),
  pii('redact', { usecase: 'redact' }, redacted),
  pii('redact with labels', { usecase: 'redact', mask: 'label' }, redacted),
  pii('redact with a character', { usecase: 'redact', mask: '#' }, redacted, (text) =>
    '#'.repeat(text.length),
  ),
  pii('redact with char', { usecase: 'redact', mask: 'char' }, redacted, (text) => '*'.repeat(text.length)),
  pii('extract-pii', { usecase: 'extract-pii', threshold: 0.5 }, found),
  pii('extract, its other name', { usecase: 'extract' }, found),
  pii('ner', { usecase: 'ner' }, found),
  pii('some categories', { usecase: 'extract-pii', categories: ['contact', 'financial'] }, found),
  pii('some labels', { usecase: 'extract-pii', labels: ['email', 'phone number'] }, found),
  FOLLOW_UP,
  MODERATION,
];

/** Options that a model refuses, each with an example in the message that it accepts. */
export const WRONG_OPTIONS: readonly {
  readonly model: string;
  readonly wrong: Readonly<Record<string, unknown>>;
  readonly route?: string;
}[] = [
  { model: 'zlm-v1-zeroshot-edge', wrong: {} },
  { model: 'zlm-v1-zeroshot-edge', wrong: { labels: ['only one'] } },
  { model: 'zlm-v1-zeroshot-edge', wrong: { labels: LABELS, threshold: 2 } },
  { model: 'zlm-v1-extract-edge', wrong: {}, route: '/v1/gliner' },
  { model: 'zlm-v1-extract-edge', wrong: { usecase: 'translate' }, route: '/v1/gliner' },
  { model: 'zlm-v1-extract-edge', wrong: { usecase: 'ner' }, route: '/v1/gliner' },
  { model: 'zlm-v1-extract-edge', wrong: { usecase: 'ner', labels: [] }, route: '/v1/gliner' },
  { model: 'zlm-v1-extract-edge', wrong: { usecase: 'json' }, route: '/v1/gliner' },
  { model: 'zlm-v1-extract-edge', wrong: { usecase: 'json', schema: ['name'] }, route: '/v1/gliner' },
  {
    model: 'zlm-v1-extract-edge',
    wrong: { usecase: 'classification', schema: { mood: ['good'] } },
    route: '/v1/gliner',
  },
  { model: 'zlm-v1-pii-edge', wrong: { usecase: 'hide' }, route: '/v1/gliner' },
  { model: 'zlm-v1-pii-edge', wrong: { usecase: 'redact', mask: 'stars' }, route: '/v1/gliner' },
  { model: 'zlm-v1-pii-edge', wrong: { usecase: 'redact', categories: ['hobbies'] }, route: '/v1/gliner' },
  { model: 'zlm-v1-pii-edge', wrong: { usecase: 'redact', labels: ['shoe size'] }, route: '/v1/gliner' },
  { model: 'zlm-v1-pii-edge', wrong: { usecase: 'redact', threshold: 'low' }, route: '/v1/gliner' },
  { model: 'zlm-v1-embed-edge', wrong: { encoding_format: 'hex' } },
  { model: 'zlm-v1-embed-edge', wrong: { dimensions: 100_000 }, route: '/v1/embeddings' },
];
