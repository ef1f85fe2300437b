/** What answers of every route have in common in the OpenAPI document: errors, headers, parameters. */
import { ERRORS, type ErrorCode } from './errors.ts';
import { DEVICE_CLASSES } from './fleet.ts';
import { type JsonObject, ref } from './openapi-schemas.ts';

export const SUMMARY_MODEL = 'zlm-v1-summary-cloud';
export const EXAMPLE_ID = '01kc0p3m9t4x7q2d8r5v6w1y3z';

export const REQUEST_ID_HEADER: JsonObject = { 'x-request-id': { $ref: '#/components/headers/RequestId' } };

/** On every answer that went as far as a rate limit, when the operator set one. */
export const RATE_LIMIT_HEADERS: JsonObject = Object.fromEntries(
  ['requests', 'tokens'].flatMap((kind) =>
    ['Limit', 'Remaining', 'Reset'].map((what) => [
      `x-ratelimit-${what.toLowerCase()}-${kind}`,
      { $ref: `#/components/headers/RateLimit${what}` },
    ]),
  ),
);

export const REQUESTED_MODEL_HEADER: JsonObject = {
  'x-zerogpu-requested-model': { $ref: '#/components/headers/RequestedModel' },
};

/** Who answered, where somebody was asked. */
export const ORIGIN_HEADERS: JsonObject = {
  'x-zerogpu-route': { $ref: '#/components/headers/Route' },
  'x-zerogpu-node-class': { $ref: '#/components/headers/NodeClass' },
  'x-zerogpu-region': { $ref: '#/components/headers/Region' },
};

export const REPLAYED_HEADER: JsonObject = {
  'idempotent-replayed': { $ref: '#/components/headers/IdempotentReplayed' },
};

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

/**
 * One answer a status, with an example for each code that has it.
 * @param runs the route runs a model
 * @param refusalReplayed what is wrong with what was asked is answered once, as what is made is
 */
export function errorAnswers(
  codes: readonly ErrorCode[],
  runs: boolean,
  refusalReplayed = false,
): JsonObject {
  return byStatus(codes, (same) =>
    errorAnswer(same, runs, refusalReplayed && same.some((code) => ERRORS[code].status === 400)),
  );
}

/** The same by reference: most routes of the admin API can answer the same errors. */
export function errorReferences(codes: readonly ErrorCode[]): JsonObject {
  return byStatus(codes, (same) => ({ $ref: `#/components/responses/${responseName(same)}` }));
}

/** What these references refer to. @param routes the errors of each route */
export function errorResponses(routes: readonly (readonly ErrorCode[])[]): JsonObject {
  const entries = routes
    .flatMap((codes) => [...Map.groupBy(codes, (code) => ERRORS[code].status).values()])
    .map((same): [string, JsonObject] => [responseName(same), errorAnswer(same, false)]);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Such as `not_signed_in.sign_in_failed`. */
const responseName = (codes: readonly ErrorCode[]) => [...codes].sort().join('.');

function byStatus(
  codes: readonly ErrorCode[],
  describe: (codes: readonly ErrorCode[]) => JsonObject,
): JsonObject {
  const groups = Map.groupBy(codes, (code) => ERRORS[code].status);
  const statuses = [...groups].sort(([a], [b]) => a - b);
  return Object.fromEntries(statuses.map(([status, same]) => [String(status), describe(same)]));
}

function errorAnswer(unsorted: readonly ErrorCode[], runs: boolean, replayed = false): JsonObject {
  const codes = [...unsorted].sort();
  const retryable = codes.some((code) => ERRORS[code].retryable);
  const examples = Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }]));
  return {
    description: codes.map((code) => `\`${code}\`: ${ERRORS[code].message}`).join('; '),
    headers: {
      ...REQUEST_ID_HEADER,
      ...(retryable ? { 'retry-after': { $ref: '#/components/headers/RetryAfter' } } : {}),
      ...(runs && codes.some((code) => LIMITED.includes(code))
        ? { ...RATE_LIMIT_HEADERS, ...REQUESTED_MODEL_HEADER, ...ORIGIN_HEADERS }
        : {}),
      ...(replayed ? REPLAYED_HEADER : {}),
    },
    content: { 'application/json': { schema: ref('Error'), examples } },
  };
}

/** One for every error of the table, so that no route repeats it. */
export function errorExamples(): JsonObject {
  const entries = Object.entries(ERRORS).map(([code, { message, type }]) => {
    return [code, { value: { error: { message, type, code, param: null } } }] as const;
  });
  return Object.fromEntries(entries);
}

export const securitySchemes: JsonObject = {
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
  sessionCookie: {
    type: 'apiKey',
    in: 'cookie',
    name: 'zerogpu_session',
    description:
      'The session of a person who signed in with a browser; `__Host-zerogpu_session` over https. Pages of other ' +
      'sites cannot use it.',
  },
  session: {
    type: 'http',
    scheme: 'bearer',
    description: 'The same session as a bearer token, for programs.',
  },
};

export const parameters = {
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
  CreationKey: {
    name: 'Idempotency-Key',
    in: 'header',
    required: false,
    description:
      'For one person, within an organization where the path names one, and for 24 hours: the same key with the same ' +
      'request replays the first answer (`idempotent-replayed: true`) and makes and charges nothing; with another ' +
      'body, or on another path, it is 409. An error is not replayed.',
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
  FileId: {
    name: 'file_id',
    in: 'path',
    required: true,
    description: 'The id of a file',
    schema: { type: 'string' },
    example: `file-${EXAMPLE_ID}`,
  },
  FilePurpose: {
    name: 'purpose',
    in: 'query',
    required: false,
    description: 'Only what was uploaded for batches, or what batches put out',
    schema: { type: 'string', enum: ['batch', 'batch_output'] },
  },
  FileOrder: {
    name: 'order',
    in: 'query',
    required: false,
    description: 'Oldest or newest first',
    schema: { type: 'string', enum: ['asc', 'desc'], default: 'desc' },
  },
  FileLimit: {
    name: 'limit',
    in: 'query',
    required: false,
    description: 'How many of them at most',
    schema: { type: 'integer', minimum: 1, maximum: 10_000, default: 10_000 },
  },
  FileAfter: {
    name: 'after',
    in: 'query',
    required: false,
    description: 'Those that come after this one: the `last_id` of the page before',
    schema: { type: 'string' },
  },
  Range: {
    name: 'range',
    in: 'header',
    required: false,
    description: 'One range of bytes; several at once are answered with all of them',
    schema: { type: 'string' },
    example: 'bytes=0-1023',
  },
  BatchId: {
    name: 'batch_id',
    in: 'path',
    required: true,
    description: 'The id of a batch',
    schema: { type: 'string' },
    example: `batch_${EXAMPLE_ID}`,
  },
  BatchLimit: {
    name: 'limit',
    in: 'query',
    required: false,
    description: 'How many of them at most',
    schema: { type: 'integer', minimum: 1, maximum: 100, default: 20 },
  },
  BatchAfter: {
    name: 'after',
    in: 'query',
    required: false,
    description: 'Those that come after this one: the `last_id` of the page before',
    schema: { type: 'string' },
  },
} as const satisfies JsonObject;
export type ParameterName = keyof typeof parameters;

export const headers: JsonObject = {
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
  Route: {
    description:
      'Whose machine answered: one of the operator’s or a stranger’s (edge), of the organization’s own, of the operator’s fallback (cloud), or another server (upstream)',
    schema: { type: 'string', enum: ['edge', 'own', 'cloud', 'upstream'] },
  },
  NodeClass: {
    description: 'What kind of device answered',
    schema: { type: 'string', enum: [...DEVICE_CLASSES] },
  },
  Region: {
    description: 'The country in which the node that answered stands, where it is known',
    schema: { type: 'string', pattern: '^[A-Z]{2}$', example: 'DE' },
  },
  IdempotentReplayed: {
    description:
      'This is the answer that the same Idempotency-Key was given before; nothing is charged for it',
    schema: { type: 'string', const: 'true' },
  },
};
