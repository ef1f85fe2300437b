/**
 * The OpenAPI 3.1 description of the API, built from the same schemas and the same error table that the gateway
 * checks requests and throws errors with. The gateway serves it at `/openapi.json`; `protocol/openapi.json` is its
 * copy for readers and generators.
 */
import type { TSchema } from '@sinclair/typebox';
import { ERRORS, type ErrorCode } from './errors.ts';
import { MAX_TEXT_LENGTH } from './inference.ts';
import { wholeRoutes } from './openapi-tasks.ts';
import { ChatAnswer, ChatChunk, ChatRequest } from './schema/chat.ts';
import { ErrorBody } from './schema/common.ts';
import {
  EmbeddingsAnswer,
  EmbeddingsRequest,
  ModerationsAnswer,
  ModerationsRequest,
} from './schema/embeddings.ts';
import { Health, ModelEntry, ModelList } from './schema/models.ts';
import { ResponsesAnswer, ResponsesRequest } from './schema/responses.ts';
import {
  GlinerAnswer,
  GlinerRequest,
  IabAnswer,
  IabRequest,
  SummaryAnswer,
  SummaryRequest,
} from './schema/tasks.ts';

/** The version of the platform, the same for every room. */
export const VERSION = '0.1.0';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type JsonObject = { readonly [key: string]: Json };

/** A whole OpenAPI 3.1 document; only JSON inside. */
export interface OpenApiDocument {
  readonly openapi: '3.1.0';
  readonly info: JsonObject;
  readonly servers: readonly Json[];
  readonly security: readonly Json[];
  readonly tags: readonly Json[];
  readonly paths: { readonly [path: string]: JsonObject };
  readonly components: { readonly [section: string]: JsonObject };
}

/** A route of the API: what the document says of it. */
export interface ApiRoute {
  readonly method: 'get' | 'post';
  /** As in OpenAPI, with `{name}` for a part of the path. */
  readonly path: string;
  readonly operationId: string;
  readonly tag: 'inference' | 'models' | 'operations';
  readonly summary: string;
  readonly description?: string;
  /** False for routes that anybody may read. */
  readonly key: boolean;
  readonly request?: { readonly schema: keyof typeof SCHEMAS; readonly examples: JsonObject };
  readonly answer: RouteAnswer;
  /** Every error that the route can answer; 499 is never sent, so it is nowhere here. */
  readonly errors: readonly ErrorCode[];
}

interface RouteAnswer {
  readonly description: string;
  readonly contentType: 'application/json' | 'text/plain';
  readonly schema?: keyof typeof SCHEMAS;
  readonly example?: Json;
  /** What `stream: true` sends, in words and as one example of the bytes. */
  readonly stream?: {
    readonly schema: keyof typeof SCHEMAS | null;
    readonly description: string;
    readonly example: string;
  };
  /** Answers other than 200 that are not errors of the table. */
  readonly others?: { readonly [status: string]: string };
}

const SCHEMAS = {
  ResponsesRequest,
  ResponsesAnswer,
  ChatRequest,
  ChatAnswer,
  ChatChunk,
  EmbeddingsRequest,
  EmbeddingsAnswer,
  ModerationsRequest,
  ModerationsAnswer,
  SummaryRequest,
  SummaryAnswer,
  IabRequest,
  IabAnswer,
  GlinerRequest,
  GlinerAnswer,
  Model: ModelEntry,
  ModelList,
  Health,
  Error: ErrorBody,
} as const satisfies Record<string, TSchema>;

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
const SUMMARY_MODEL = 'zlm-v1-summary-cloud';
const IAB_MODEL = 'zlm-v1-iab-classify-edge';
const EXAMPLE_ID = '01kc0p3m9t4x7q2d8r5v6w1y3z';
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

/** Errors that belong to no single route: a wrong address or a wrong method. */
export const ADDRESS_ERRORS: readonly ErrorCode[] = ['not_found', 'method_not_allowed'];

const REQUEST_ID_HEADER: JsonObject = { 'x-request-id': { $ref: '#/components/headers/RequestId' } };

/** On every answer that went as far as a rate limit, when the operator set one. */
const RATE_LIMIT_HEADERS: JsonObject = Object.fromEntries(
  ['requests', 'tokens'].flatMap((kind) =>
    ['Limit', 'Remaining', 'Reset'].map((what) => [
      `x-ratelimit-${what.toLowerCase()}-${kind}`,
      { $ref: `#/components/headers/RateLimit${what}` },
    ]),
  ),
);

const REQUESTED_MODEL_HEADER: JsonObject = {
  'x-zerogpu-requested-model': { $ref: '#/components/headers/RequestedModel' },
};

/** Builds the document; the same for every call. */
export function openApiDocument(): OpenApiDocument {
  return {
    openapi: '3.1.0',
    info: {
      title: 'ZeroGPU',
      version: VERSION,
      description:
        'One OpenAI-compatible API in front of small models on the devices you already own. ' +
        `Every error has one envelope. An address that does not exist answers ${errorNames(ADDRESS_ERRORS)}.`,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'This server' }],
    security: [{ apiKey: [] }, { bearer: [] }],
    tags: [
      { name: 'inference', description: 'Run a model' },
      { name: 'models', description: 'What can be run' },
      { name: 'operations', description: 'For those who run the server' },
    ],
    paths: paths(),
    components: { schemas: schemas(), securitySchemes, parameters, headers },
  };
}

function errorNames(codes: readonly ErrorCode[]): string {
  return codes.map((code) => `${ERRORS[code].status} \`${code}\``).join(' or ');
}

function paths(): Record<string, JsonObject> {
  const all: Record<string, JsonObject> = {};
  for (const route of API_ROUTES) all[route.path] = { ...all[route.path], [route.method]: operation(route) };
  return all;
}

function operation(route: ApiRoute): JsonObject {
  const parameterRefs = routeParameters(route);
  return {
    operationId: route.operationId,
    tags: [route.tag],
    summary: route.summary,
    ...(route.description ? { description: route.description } : {}),
    ...(route.key ? {} : { security: [] }),
    ...(parameterRefs.length > 0 ? { parameters: parameterRefs } : {}),
    ...(route.request ? { requestBody: requestBody(route.request) } : {}),
    responses: {
      '200': answer(route.answer, runsModel(route)),
      ...otherAnswers(route.answer),
      ...errorAnswers(route.errors, runsModel(route)),
    },
  };
}

/** Only there are limits taken and answers replayed, and another model may stand in. */
function runsModel({ tag }: ApiRoute): boolean {
  return tag === 'inference';
}

function routeParameters(route: ApiRoute): Json[] {
  const names: string[] = [];
  if (route.path.includes('{id}')) names.push('ModelId');
  if (route.key) names.push('ProjectId');
  if (route.method === 'post') names.push('IdempotencyKey');
  return names.map((name) => ({ $ref: `#/components/parameters/${name}` }));
}

function requestBody({ schema, examples }: NonNullable<ApiRoute['request']>): JsonObject {
  return { required: true, content: { 'application/json': { schema: ref(schema), examples } } };
}

function answer(
  { description, contentType, schema, example, stream }: RouteAnswer,
  runs: boolean,
): JsonObject {
  const replayed = { 'idempotent-replayed': { $ref: '#/components/headers/IdempotentReplayed' } };
  const charged: JsonObject = runs ? { ...RATE_LIMIT_HEADERS, ...REQUESTED_MODEL_HEADER, ...replayed } : {};
  const body: JsonObject = {
    schema: schema ? ref(schema) : { type: contentType === 'text/plain' ? 'string' : 'object' },
    ...(example === undefined ? {} : { example }),
  };
  const events: JsonObject = stream
    ? {
        'text/event-stream': {
          schema: {
            type: 'string',
            description: stream.description,
            ...(stream.schema
              ? { contentMediaType: 'application/json', contentSchema: ref(stream.schema) }
              : {}),
          },
          example: stream.example,
        },
      }
    : {};
  const headers = { ...REQUEST_ID_HEADER, ...charged };
  return { description, headers, content: { [contentType]: body, ...events } };
}

function otherAnswers({ others }: RouteAnswer): JsonObject {
  const entries = Object.entries(others ?? {});
  return Object.fromEntries(
    entries.map(([status, description]) => [status, { description, headers: REQUEST_ID_HEADER }]),
  );
}

/** What may end a request after its rate limits were looked at. */
const LIMITED: readonly ErrorCode[] = [
  'invalid_value',
  'request_too_large',
  'rate_limit_exceeded',
  'internal_error',
  'no_capacity',
  'model_unavailable',
  'upstream_timeout',
];

/** One answer a status, with an example for each code that has it. @param runs the route runs a model */
function errorAnswers(codes: readonly ErrorCode[], runs: boolean): JsonObject {
  const byStatus = Map.groupBy(codes, (code) => ERRORS[code].status);
  const statuses = [...byStatus.keys()].sort((a, b) => a - b);
  return Object.fromEntries(
    statuses.map((status) => [String(status), errorAnswer(byStatus.get(status) ?? [], runs)]),
  );
}

function errorAnswer(codes: readonly ErrorCode[], runs: boolean): JsonObject {
  const retryable = codes.some((code) => ERRORS[code].retryable);
  const examples = Object.fromEntries(codes.map((code) => [code, { value: exampleError(code) }]));
  return {
    description: codes.map((code) => `\`${code}\`: ${ERRORS[code].message}`).join('; '),
    headers: {
      ...REQUEST_ID_HEADER,
      ...(retryable ? { 'retry-after': { $ref: '#/components/headers/RetryAfter' } } : {}),
      ...(runs && codes.some((code) => LIMITED.includes(code))
        ? { ...RATE_LIMIT_HEADERS, ...REQUESTED_MODEL_HEADER }
        : {}),
    },
    content: { 'application/json': { schema: ref('Error'), examples } },
  };
}

function exampleError(code: ErrorCode): JsonObject {
  const { message, type } = ERRORS[code];
  return { error: { message, type, code, param: null } };
}

const ref = (name: keyof typeof SCHEMAS): JsonObject => ({ $ref: `#/components/schemas/${name}` });

/** The schemas as plain JSON: what TypeBox keeps for itself are symbols and `$id`s. */
function schemas(): JsonObject {
  const entries = Object.entries(SCHEMAS).map(([name, schema]): [string, Json] => {
    const { $id: _, ...plain } = JSON.parse(JSON.stringify(schema));
    return [name, withReferences(plain, name)];
  });
  return Object.fromEntries(entries);
}

/** A schema that holds another named one refers to it by name. */
function withReferences(value: Json, owner: string): Json {
  if (Array.isArray(value)) return value.map((item: Json) => withReferences(item, owner));
  if (!isObject(value)) return value;
  const id = value['$id'];
  if (typeof id === 'string' && id !== owner && id in SCHEMAS) return { $ref: `#/components/schemas/${id}` };
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withReferences(item, owner)]));
}

function isObject(value: Json): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const securitySchemes: JsonObject = {
  apiKey: {
    type: 'apiKey',
    in: 'header',
    name: 'x-api-key',
    description: 'An API key, `zgpu-api-…`. Wins when both are sent.',
  },
  bearer: {
    type: 'http',
    scheme: 'bearer',
    description: 'The same key as a bearer token, so that an OpenAI client works with its `apiKey` alone.',
  },
};

const parameters: JsonObject = {
  ProjectId: {
    name: 'x-project-id',
    in: 'header',
    required: false,
    description:
      'The project that the caller means. Absent: the project of the key. Another project than the key’s: 403.',
    schema: { type: 'string', format: 'uuid' },
  },
  IdempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    required: false,
    description:
      'Within a project and for 24 hours, the same key with the same body replays the first answer ' +
      '(`idempotent-replayed: true`) and charges nothing; with another body it is 409.',
    schema: { type: 'string', minLength: 1, maxLength: 255 },
  },
  ModelId: {
    name: 'id',
    in: 'path',
    required: true,
    description: 'The id of a model',
    schema: { type: 'string', minLength: 1, maxLength: 256 },
    example: SUMMARY_MODEL,
  },
};

const headers: JsonObject = {
  RequestId: {
    description: 'The id of this request, on every answer and in the log',
    schema: { type: 'string', example: `req_${EXAMPLE_ID}` },
  },
  RetryAfter: {
    description: 'After how many seconds a retry makes sense, where that is known',
    schema: { type: 'integer', minimum: 0 },
  },
  RateLimitLimit: {
    description: 'What the key may use in a minute',
    schema: { type: 'integer', minimum: 1 },
  },
  RateLimitRemaining: {
    description: 'What is left of it after this request',
    schema: { type: 'integer', minimum: 0 },
  },
  RateLimitReset: {
    description: 'After how long all of it is there again, in seconds',
    schema: { type: 'string', pattern: '^\\d+s$', example: '12s' },
  },
  RequestedModel: {
    description: 'The model that was asked for, where a stand-in ran; what ran is the `model` of the answer',
    schema: { type: 'string', example: 'gliner2-base-v1' },
  },
  IdempotentReplayed: {
    description:
      'This is the answer that the same Idempotency-Key was given before; nothing is charged for it',
    schema: { type: 'string', const: 'true' },
  },
};
