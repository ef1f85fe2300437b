/** What the OpenAPI document says of the routes that answer in one piece: embeddings, moderations and the tasks' own. */
import type { ErrorCode } from './errors.ts';
import type { ApiRoute } from './openapi-routes.ts';
import { MODERATION_CATEGORIES } from './schema/embeddings.ts';

const IDEA = 'Ferries will carry commuters across the river while the bridge is rebuilt.';
const REPORT =
  'The city council of Lindau voted on Tuesday to close the harbour road to cars from May. ' +
  'Shop owners fear for their trade, while residents hope for quieter nights. ' +
  'A shuttle bus will run every ten minutes between the station and the harbour.';
const LETTER = 'Ask for Clara Winther at the harbour office, clara@harbour.example.';
const SHORT = 'also without `/v1`';

const each = <T>(value: T): { [category: string]: T } =>
  Object.fromEntries(MODERATION_CATEGORIES.map((category) => [category, value]));

const EMBEDDINGS: Omit<ApiRoute, 'errors'> = {
  method: 'post',
  path: '/v1/embeddings',
  operationId: 'createEmbedding',
  tag: 'inference',
  summary: 'Turn texts into vectors: near vectors, near meanings',
  description:
    'Each of the texts is counted, limited and charged by itself. Arrays of token ids are refused: they belong to ' +
    'another tokenizer. Floats are little-endian 32-bit floats, the same in both formats.',
  key: true,
  request: {
    schema: 'EmbeddingsRequest',
    examples: {
      text: { summary: 'One text', value: { model: 'zlm-v1-embed-edge', input: IDEA } },
      texts: {
        summary: 'Several texts, small',
        value: {
          model: 'zlm-v1-embed-edge',
          input: [IDEA, LETTER],
          encoding_format: 'base64',
          dimensions: 64,
        },
      },
    },
  },
  answer: {
    description: 'A vector for each text, in order',
    contentType: 'application/json',
    schema: 'EmbeddingsAnswer',
    example: {
      object: 'list',
      data: [{ object: 'embedding', index: 0, embedding: [0.0625, -0.125, 0.03125] }],
      model: 'zlm-v1-embed-edge',
      usage: { prompt_tokens: 14, total_tokens: 14 },
    },
  },
};

const MODERATIONS: Omit<ApiRoute, 'errors'> = {
  method: 'post',
  path: '/v1/moderations',
  operationId: 'createModeration',
  tag: 'inference',
  summary: 'Judge texts by thirteen categories of harm',
  description:
    'A string and an array of text parts are one text and get one result; an array of strings gets a result for ' +
    'each. Pictures are refused.',
  key: true,
  request: {
    schema: 'ModerationsRequest',
    examples: {
      text: { summary: 'One text', value: { input: IDEA } },
      parts: {
        summary: 'One text in parts',
        value: { model: 'zlm-v1-moderation-edge', input: [{ type: 'text', text: IDEA }] },
      },
    },
  },
  answer: {
    description: 'A result for each text, in order',
    contentType: 'application/json',
    schema: 'ModerationsAnswer',
    example: {
      id: 'modr-01kc0p3m9t4x7q2d8r5v6w1y3z',
      model: 'zlm-v1-moderation-edge',
      results: [
        {
          flagged: false,
          categories: each(false),
          category_scores: each(0.0012),
          category_applied_input_types: each(['text']),
        },
      ],
    },
  },
};

const SUMMARY: Omit<ApiRoute, 'errors'> = {
  method: 'post',
  path: '/v1/summary',
  operationId: 'createSummary',
  tag: 'inference',
  summary: `Summarize a text in one to four sentences; ${SHORT}`,
  description:
    '`text` or `input` is required; `text` wins. `max_tokens` is a hard bound on the summary, which then ends early.',
  key: true,
  request: {
    schema: 'SummaryRequest',
    examples: { text: { summary: 'Summarize a text', value: { text: REPORT } } },
  },
  answer: {
    description: 'The summary',
    contentType: 'application/json',
    schema: 'SummaryAnswer',
    example: {
      summary: 'The city council of Lindau voted on Tuesday to close the harbour road to cars from May.',
      model: 'zlm-v1-summary-cloud',
      usage: { input_tokens: 49, output_tokens: 19, total_tokens: 68 },
    },
  },
};

const IAB: Omit<ApiRoute, 'errors'> = {
  method: 'post',
  path: '/v1/usecase/classify/iab',
  operationId: 'classifyIab',
  tag: 'inference',
  summary: `Name a text's IAB categories and audiences; ${SHORT}`,
  description:
    '`text` or `input` is required; `text` wins. `enriched` chooses the model where none is named: ' +
    'zlm-v1-iab-classify-edge-enriched for true, else zlm-v1-iab-classify-edge.',
  key: true,
  request: {
    schema: 'IabRequest',
    examples: {
      plain: { summary: 'Categories and audiences', value: { text: REPORT } },
      enriched: { summary: 'The full profile', value: { text: REPORT, enriched: true } },
    },
  },
  answer: {
    description: "The classification, in the model's form",
    contentType: 'application/json',
    schema: 'IabAnswer',
    example: {
      audience: [{ name: 'Interest | News and Politics', score: 0.61 }],
      content: {
        iab_1_0: [{ name: "Law, Gov't & Politics", score: 0.7425 }],
        iab_2_2: [{ name: 'News and Politics', score: 0.6904 }],
      },
      model: 'zlm-v1-iab-classify-edge',
      usage: { input_tokens: 49, output_tokens: 64, total_tokens: 113 },
    },
  },
};

const GLINER: Omit<ApiRoute, 'errors'> = {
  method: 'post',
  path: '/v1/gliner',
  operationId: 'runGliner',
  tag: 'inference',
  summary: `Find what you name in a text, or its personal data; ${SHORT}`,
  description:
    '`text` or `input` is required; `text` wins. The use cases ner, json and classification go to gliner2-base-v1, ' +
    'redact and extract-pii to gliner-multi-pii-v1, where no model is named; without a use case a mask means redact ' +
    'and categories mean extract-pii. An answer longer than the model may write is 400.',
  key: true,
  request: {
    schema: 'GlinerRequest',
    examples: {
      ner: {
        summary: 'Entities by labels of your own',
        value: { text: LETTER, usecase: 'ner', labels: ['person', 'location'] },
      },
      json: {
        summary: 'Records',
        value: { text: LETTER, usecase: 'json', schema: { contact: ['name::str', 'email::str'] } },
      },
      redact: { summary: 'Personal data masked', value: { text: LETTER, usecase: 'redact', mask: 'label' } },
    },
  },
  answer: {
    description: "The task's JSON, by use case",
    contentType: 'application/json',
    schema: 'GlinerAnswer',
    example: {
      entities: { person: ['Clara Winther'], location: ['harbour office'] },
      model: 'zlm-v1-extract-edge',
      usage: { input_tokens: 17, output_tokens: 24, total_tokens: 41 },
    },
  },
};

/** @param errors what a route that runs a model may answer */
export function wholeRoutes(errors: readonly ErrorCode[]): ApiRoute[] {
  return [EMBEDDINGS, MODERATIONS, SUMMARY, IAB, GLINER].map((route) => ({ ...route, errors }));
}
