/**
 * Every error that the platform can answer, in one table. A code that is not here cannot be thrown.
 * The wire envelope is `{"error":{"message","type","code","param"}}` on every route.
 */
import { withoutSecrets } from './keys.ts';

export interface ErrorRow {
  /** HTTP status of the answer. 499 is logged and never sent. */
  readonly status: number;
  /** The envelope's `type`; OpenAI's clients and ours choose their error class by it and by the status. */
  readonly type: string;
  /** True when the same request may succeed later without a change by the caller. */
  readonly retryable: boolean;
  /** Whose fault it is: the caller's, or ours. Ours count against availability. */
  readonly fault: 'caller' | 'platform';
  /** Used when the thrower has nothing more exact to say. */
  readonly message: string;
}

const caller = (status: number, type: string, message: string, retryable = false): ErrorRow => ({
  status,
  type,
  retryable,
  fault: 'caller',
  message,
});
const platform = (status: number, type: string, message: string): ErrorRow => ({
  status,
  type,
  retryable: true,
  fault: 'platform',
  message,
});

export const ERRORS = {
  invalid_json: caller(400, 'invalid_request_error', 'The body is not valid JSON'),
  invalid_type: caller(400, 'invalid_request_error', 'A field has the wrong type'),
  invalid_value: caller(400, 'invalid_request_error', 'A field has a value that is not allowed'),
  missing_required_parameter: caller(400, 'invalid_request_error', 'A required field is missing'),
  string_above_max_length: caller(400, 'invalid_request_error', 'A text is longer than 131072 characters'),
  invalid_content_type: caller(400, 'invalid_request_error', 'The content type must be multipart/form-data'),
  invalid_multipart: caller(400, 'invalid_request_error', 'The body is not valid multipart/form-data'),
  invalid_purpose: caller(400, 'invalid_request_error', 'The purpose must be "batch"'),
  missing_file: caller(400, 'invalid_request_error', 'The form has no part named "file"'),
  empty_file: caller(400, 'invalid_request_error', 'The file is empty'),
  invalid_limit: caller(400, 'invalid_request_error', 'The limit is not a number in the allowed range'),
  invalid_api_key: caller(401, 'authentication_error', 'The API key is missing or not valid'),
  not_signed_in: caller(
    401,
    'authentication_error',
    'Nobody is signed in, or the session has ended; sign in again',
  ),
  sign_in_failed: caller(401, 'authentication_error', 'The email address or the password is wrong'),
  invalid_project: caller(403, 'permission_error', 'The API key does not belong to this project'),
  model_not_allowed: caller(403, 'permission_error', 'The model is not enabled for this project'),
  role_insufficient: caller(403, 'permission_error', 'Your role in this organization does not allow this'),
  origin_not_allowed: caller(
    403,
    'permission_error',
    'A page of another site may not do this with your session',
  ),
  not_found: caller(404, 'invalid_request_error', 'There is nothing at this address'),
  model_not_found: caller(404, 'invalid_request_error', 'The model does not exist'),
  file_not_found: caller(404, 'invalid_request_error', 'The file does not exist'),
  batch_not_found: caller(404, 'invalid_request_error', 'The batch does not exist'),
  method_not_allowed: caller(405, 'invalid_request_error', 'The method is not allowed at this address'),
  request_timeout: caller(408, 'invalid_request_error', 'The body did not arrive in time', true),
  idempotency_conflict: caller(
    409,
    'conflict_error',
    'The Idempotency-Key was used before with another body',
  ),
  batch_not_cancellable: caller(409, 'conflict_error', 'The batch has ended and cannot be cancelled'),
  state_conflict: caller(409, 'conflict_error', 'This is not possible in the present state'),
  request_too_large: caller(413, 'invalid_request_error', 'The body is larger than this server accepts'),
  file_too_large: caller(413, 'invalid_request_error', 'The file is larger than this server accepts'),
  unsupported_media_type: caller(415, 'invalid_request_error', 'The content type must be application/json'),
  range_not_satisfiable: caller(416, 'invalid_request_error', 'Nothing of the file lies in the range'),
  context_length_exceeded: caller(
    420,
    'context_length_exceeded',
    'The input is longer than the model accepts',
  ),
  insufficient_quota: caller(
    420,
    'insufficient_quota',
    'The balance does not cover this request; add credit and try again',
  ),
  rate_limit_exceeded: caller(429, 'rate_limit_exceeded', 'Too many requests; try again later', true),
  client_closed_request: caller(499, 'client_closed_request', 'The caller went away'),
  internal_error: platform(500, 'internal_error', 'Something went wrong on our side'),
  storage_error: platform(500, 'internal_error', 'The file storage did not answer; try again later'),
  no_capacity: platform(503, 'service_unavailable', 'No node is free for this model at the moment'),
  model_unavailable: platform(
    503,
    'service_unavailable',
    'No node and no upstream has this model at the moment',
  ),
  query_timeout: platform(
    504,
    'timeout_error',
    'Reading this took too long; narrow the range of time or the filters, and try again',
  ),
  upstream_timeout: platform(504, 'timeout_error', 'The deadline passed before the model answered'),
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERRORS;

export interface ErrorDetails {
  /** What happened and what to do next; the table's message when absent. Never a stack, a secret or a prompt. */
  readonly message?: string;
  /** The field of the request that is at fault, as a path such as `messages[0].content`. */
  readonly param?: string;
  /** After how many seconds a retry makes sense; sent as `retry-after`. */
  readonly retryAfterSeconds?: number;
  /** Of a JSONL file, from 1. */
  readonly line?: number;
  readonly cause?: unknown;
}

/** The error that every step throws: a row of the table with the details of this case. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: ErrorCode;
  readonly param: string | null;
  readonly retryAfterSeconds: number | null;
  readonly line: number | null;

  constructor(code: ErrorCode, details: ErrorDetails = {}) {
    // Errors quote what the caller wrote, and end up in the caller's logs.
    super(withoutSecrets(details.message ?? ERRORS[code].message), { cause: details.cause });
    this.code = code;
    this.param = typeof details.param === 'string' ? withoutSecrets(details.param) : null;
    this.retryAfterSeconds = details.retryAfterSeconds ?? null;
    this.line = details.line ?? null;
  }

  get row(): ErrorRow {
    return ERRORS[this.code];
  }
}

export interface ErrorEnvelope {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly code: string | null;
    readonly param: string | null;
    /** Only where a line of a JSONL file is at fault. */
    readonly line?: number;
  };
}

export function errorEnvelope(error: ApiError): ErrorEnvelope {
  const { message, row, code, param, line } = error;
  return { error: { message, type: row.type, code, param, ...(line === null ? {} : { line }) } };
}

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code);
}
