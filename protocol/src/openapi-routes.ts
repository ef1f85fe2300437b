/** The routes of the API under `/v1` and of operations: what the OpenAPI document says of each. */
import type { ErrorCode } from './errors.ts';
import { MAX_TEXT_LENGTH } from './inference.ts';
import { batchRoutes } from './openapi-batches.ts';
import { fileRoutes } from './openapi-files.ts';
import { EXAMPLE_ID, type ParameterName, SUMMARY_MODEL } from './openapi-parts.ts';
import type { Json, JsonObject, SchemaName } from './openapi-schemas.ts';
import { wholeRoutes } from './openapi-tasks.ts';

/** A route of the API: what the document says of it. */
export interface ApiRoute {
  readonly method: 'get' | 'post' | 'delete';
  /** As in OpenAPI, with `{name}` for a part of the path. */
  readonly path: string;
  readonly operationId: string;
  readonly tag: 'inference' | 'models' | 'files' | 'batches' | 'operations';
  readonly summary: string;
  readonly description?: string;
  /** False for routes that anybody may read. */
  readonly key: boolean;
  readonly request?: {
    /** JSON unless told. */
    readonly contentType?: 'multipart/form-data';
    readonly schema: SchemaName;
    readonly examples: JsonObject;
  };
  /** Of the path and the query, besides those that every route of its kind has. */
  readonly parameters?: readonly ParameterName[];
  readonly answer: RouteAnswer;
  /** Every error that the route can answer; 499 is never sent, so it is nowhere here. */
  readonly errors: readonly ErrorCode[];
}

export interface RouteAnswer {
  readonly description: string;
  readonly contentType: 'application/json' | 'application/jsonl' | 'text/plain';
  readonly schema?: SchemaName;
  readonly example?: Json;
  /** What `stream: true` sends, in words and as one example of the bytes. */
  readonly stream?: {
    readonly schema: SchemaName | null;
    readonly description: string;
    readonly example: string;
  };
  /** Answers other than 200 that are not errors of the table. */
  readonly others?: { readonly [status: string]: string };
}

/** What any route with a key may answer. */
const KEYED: readonly ErrorCode[] = ['invalid_api_key', 'invalid_project', 'internal_error'];

/** What every route that runs a model may answer. */
const INFERENCE: readonly ErrorCode[] = [
  'invalid_json',
  'invalid_type',
  'invalid_value',
  'missing_required_parameter',
  'string_above_max_length',
  ...KEYED,
  'model_not_allowed',
  'model_not_found',
  'request_timeout',
  'idempotency_conflict',
  'request_too_large',
  'unsupported_media_type',
  'context_length_exceeded',
  'insufficient_quota',
  'rate_limit_exceeded',
  'no_capacity',
  'model_unavailable',
  'upstream_timeout',
];

const NEWS =
  'The city council of Lindau voted on Tuesday to close the harbour road to cars from May. ' +
  'Shop owners fear for their trade, while residents hope for quieter nights. ' +
  'A shuttle bus will run every ten minutes between the station and the harbour.';
const SUMMARY = 'The city council of Lindau voted on Tuesday to close the harbour road to cars from May.';
const IAB_MODEL = 'zlm-v1-iab-classify-edge';
const CREATED = 1_796_000_000;

const responsesAnswer: JsonObject = {
  id: `resp_${EXAMPLE_ID}`,
  object: 'response',
  created: CREATED,
  created_at: CREATED,
  status: 'completed',
  error: null,
  incomplete_details: null,
  model: SUMMARY_MODEL,
  output: [
    {
      id: `msg_${EXAMPLE_ID}`,
      type: 'message',
      role: 'assistant',
      status: 'completed',
      content: [{ type: 'output_text', text: SUMMARY, annotations: [] }],
    },
  ],
  usage: {
    input_tokens: 49,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: 19,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: 68,
  },
};

const chatUsage: JsonObject = {
  prompt_tokens: 49,
  completion_tokens: 19,
  total_tokens: 68,
  prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
  completion_tokens_details: {
    reasoning_tokens: 0,
    audio_tokens: 0,
    accepted_prediction_tokens: 0,
    rejected_prediction_tokens: 0,
  },
};

const chatAnswer: JsonObject = {
  id: `chatcmpl-${EXAMPLE_ID}`,
  object: 'chat.completion',
  created: CREATED,
  model: SUMMARY_MODEL,
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: SUMMARY, annotations: [] },
      finish_reason: 'stop',
      logprobs: null,
    },
  ],
  usage: chatUsage,
  service_tier: 'default',
  system_fingerprint: null,
};

const modelEntry: JsonObject = {
  id: SUMMARY_MODEL,
  object: 'model',
  created: CREATED,
  owned_by: 'zerogpu',
  zerogpu: {
    task: 'summarization',
    family: 'built-in',
    description: 'Picks the one to four sentences that carry a text, unchanged and in order',
    params: null,
    max_tokens: 8192,
    error_on_max_token: false,
    max_output_tokens: 1024,
    price_per_million: { input: '0.02', output: '0.05' },
    routes: ['/v1/responses', '/v1/chat/completions', '/v1/summary'],
    licence: 'Apache-2.0',
    licence_notice: 'Weights trained on Wikipedia (CC BY-SA 3.0) and Wikinews (CC BY 2.5) texts',
    hub: null,
    stand_in: null,
    available: true,
    edge_nodes: 1,
    fallback: false,
    how_to_serve: null,
  },
};

const component: JsonObject = { status: 'ok', error: null };
const healthAnswer: JsonObject = {
  status: 'ok',
  components: {
    worker: component,
    deviceRegistry: component,
    keys: component,
    database: component,
    cloudInference: component,
  },
};

const RESPONSES: ApiRoute = {
  method: 'post',
  path: '/v1/responses',
  operationId: 'createResponse',
  tag: 'inference',
  summary: 'Run a model on a text or a conversation',
  description: `\`input\` is a string of 1 to ${MAX_TEXT_LENGTH} characters or an array of messages. Unknown fields are ignored.`,
  key: true,
  request: {
    schema: 'ResponsesRequest',
    examples: {
      text: { summary: 'Summarize a text', value: { model: SUMMARY_MODEL, input: NEWS } },
      messages: {
        summary: 'Classify the user turns of a conversation',
        value: { model: IAB_MODEL, input: [{ role: 'user', content: NEWS }] },
      },
    },
  },
  answer: {
    description: 'The answer, complete; with `stream: true` its events while it is made',
    contentType: 'application/json',
    schema: 'ResponsesAnswer',
    example: responsesAnswer,
    stream: {
      schema: null,
      description:
        'Server-sent events of the OpenAI Responses vocabulary: `response.created`, `response.output_item.added`, ' +
        '`response.content_part.added`, `response.output_text.delta` for each piece, the matching `….done` events, ' +
        'and `response.completed` with the whole answer last, sent once the request is settled.',
      example:
        'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"The city"}\n\n',
    },
  },
  errors: INFERENCE,
};

const CHAT: ApiRoute = {
  method: 'post',
  path: '/v1/chat/completions',
  operationId: 'createChatCompletion',
  tag: 'inference',
  summary: 'Run a model on a conversation',
  description:
    'A model with a single task works on the last user message. Unknown fields are ignored; `n` may only be 1.',
  key: true,
  request: {
    schema: 'ChatRequest',
    examples: {
      text: {
        summary: 'Summarize a text',
        value: { model: SUMMARY_MODEL, messages: [{ role: 'user', content: NEWS }] },
      },
      parts: {
        summary: 'Classify a text sent in parts, streamed',
        value: {
          model: IAB_MODEL,
          messages: [{ role: 'user', content: [{ type: 'text', text: NEWS }] }],
          stream: true,
          stream_options: { include_usage: true },
        },
      },
    },
  },
  answer: {
    description: 'The answer, complete; with `stream: true` its chunks while it is made',
    contentType: 'application/json',
    schema: 'ChatAnswer',
    example: chatAnswer,
    stream: {
      schema: 'ChatChunk',
      description:
        'Server-sent events, each a `chat.completion.chunk`. With `stream_options.include_usage` the last chunk carries ' +
        'the usage. The stream ends with `data: [DONE]`, sent once the request is settled.',
      example: `data: {"id":"chatcmpl-${EXAMPLE_ID}","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"The city"},"finish_reason":null,"logprobs":null}]}\n\n`,
    },
  },
  errors: INFERENCE,
};

/** Every route that the document describes, in its order. */
export const API_ROUTES: readonly ApiRoute[] = [
  RESPONSES,
  CHAT,
  ...wholeRoutes(INFERENCE),
  {
    method: 'get',
    path: '/v1/models',
    operationId: 'listModels',
    tag: 'models',
    summary: 'List the models with their limits, prices and availability now',
    key: true,
    answer: {
      description: 'Every model that the project may use',
      contentType: 'application/json',
      schema: 'ModelList',
      example: { object: 'list', data: [modelEntry] },
    },
    errors: KEYED,
  },
  {
    method: 'get',
    path: '/v1/models/{id}',
    operationId: 'getModel',
    tag: 'models',
    summary: 'One model with its limits, prices and availability now',
    key: true,
    answer: {
      description: 'The model',
      contentType: 'application/json',
      schema: 'Model',
      example: modelEntry,
    },
    errors: [...KEYED, 'model_not_found'],
  },
  ...fileRoutes(KEYED),
  ...batchRoutes(KEYED),
  {
    method: 'get',
    path: '/health',
    operationId: 'getHealth',
    tag: 'operations',
    summary: 'The state of every component',
    key: false,
    answer: {
      description: 'The worst state of the components, and each of them',
      contentType: 'application/json',
      schema: 'Health',
      example: healthAnswer,
      others: { '503': 'Down: nothing can be answered' },
    },
    errors: [],
  },
  {
    method: 'get',
    path: '/health/live',
    operationId: 'getLiveness',
    tag: 'operations',
    summary: 'Whether the process runs; an orchestrator restarts it when not',
    key: false,
    answer: { description: 'It runs', contentType: 'application/json' },
    errors: [],
  },
  {
    method: 'get',
    path: '/health/ready',
    operationId: 'getReadiness',
    tag: 'operations',
    summary: 'Whether requests may be sent here; an orchestrator sends none when not',
    key: false,
    answer: {
      description: 'Ready',
      contentType: 'application/json',
      others: { '503': 'Not ready: starting, draining, or without its database' },
    },
    errors: [],
  },
  {
    method: 'get',
    path: '/metrics',
    operationId: 'getMetrics',
    tag: 'operations',
    summary: 'Counters and histograms in the Prometheus text format',
    key: false,
    answer: { description: 'The metrics', contentType: 'text/plain' },
    errors: [],
  },
  {
    method: 'get',
    path: '/openapi.json',
    operationId: 'getOpenApi',
    tag: 'operations',
    summary: 'This document',
    key: false,
    answer: { description: 'OpenAPI 3.1', contentType: 'application/json' },
    errors: [],
  },
];
