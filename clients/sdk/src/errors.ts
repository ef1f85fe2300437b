/**
 * One error class per kind of failure, all with the same fields, so that `catch` can choose by class, by
 * `status` or by `code`. Messages never hold the API key.
 */

/** What is known of a failure; everything but the message may be missing. */
export interface ErrorFields {
  /** HTTP status; null when no answer arrived (connection, timeout, abort). */
  readonly status?: number | null;
  /** The platform's code, such as `model_not_found`. */
  readonly code?: string | null;
  /** The platform's type, such as `invalid_request_error`. */
  readonly type?: string | null;
  /** The field of the request that is at fault. */
  readonly param?: string | null;
  /** Of an input file's validation: the line at fault, from 1. */
  readonly line?: number | null;
  /** `x-request-id` of the answer; quote it when asking the operator. */
  readonly requestId?: string | null;
  readonly headers?: Headers | null;
  readonly cause?: unknown;
}

/** Every error that this package throws. */
export class ZeroGPUError extends Error {
  // Written out in every class: a minifier changes what `new.target.name` gives.
  override readonly name: string = 'ZeroGPUError';
  readonly status: number | null;
  readonly code: string | null;
  readonly type: string | null;
  readonly param: string | null;
  readonly line: number | null;
  readonly requestId: string | null;
  readonly headers: Headers | null;

  constructor(message: string, fields: ErrorFields = {}) {
    super(message, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.status = fields.status ?? null;
    this.code = fields.code ?? null;
    this.type = fields.type ?? null;
    this.param = fields.param ?? null;
    this.line = fields.line ?? null;
    this.requestId = fields.requestId ?? null;
    this.headers = fields.headers ?? null;
  }
}

/** 400 and 422: the request is malformed; `param` names the field. */
export class BadRequestError extends ZeroGPUError {
  override readonly name = 'BadRequestError';
}
/** 401: the key is missing, unknown or revoked. */
export class AuthenticationError extends ZeroGPUError {
  override readonly name = 'AuthenticationError';
}
/** 403: the project is not the key's, or the model is not enabled for it. */
export class PermissionDeniedError extends ZeroGPUError {
  override readonly name = 'PermissionDeniedError';
}
/** 404: no such model, file, batch or address. */
export class NotFoundError extends ZeroGPUError {
  override readonly name = 'NotFoundError';
}
/** 409: for instance an `Idempotency-Key` that was used before with another body, or a batch that has ended. */
export class ConflictError extends ZeroGPUError {
  override readonly name = 'ConflictError';
}
/** 413: the body or the file is larger than the server accepts. */
export class RequestTooLargeError extends ZeroGPUError {
  override readonly name = 'RequestTooLargeError';
}
/** 415: the server does not take this content type. */
export class UnsupportedMediaTypeError extends ZeroGPUError {
  override readonly name = 'UnsupportedMediaTypeError';
}
/** 420 of type `context_length_exceeded`: the input is longer than the model accepts. */
export class ContextLengthExceededError extends ZeroGPUError {
  override readonly name = 'ContextLengthExceededError';
}
/** 420 (or 429) of type `insufficient_quota`: the balance does not cover the request. */
export class InsufficientQuotaError extends ZeroGPUError {
  override readonly name = 'InsufficientQuotaError';
}
/** 429: too many requests; thrown once the retries are used up. */
export class RateLimitError extends ZeroGPUError {
  override readonly name = 'RateLimitError';
}
/** 500, 502 and every other 5xx without a class of its own. */
export class InternalServerError extends ZeroGPUError {
  override readonly name = 'InternalServerError';
}
/** 503: nothing can serve the model at the moment. */
export class ServiceUnavailableError extends ZeroGPUError {
  override readonly name = 'ServiceUnavailableError';
}
/** 408 and 504, and this client's own `timeout` (then `status` is null). */
export class TimeoutError extends ZeroGPUError {
  override readonly name = 'TimeoutError';
}
/** No answer, or one that broke off: refused, reset, name not found, a stream without its end. */
export class ConnectionError extends ZeroGPUError {
  override readonly name = 'ConnectionError';
}
/** The caller's AbortSignal fired; `cause` is the signal's reason. */
export class AbortedError extends ZeroGPUError {
  override readonly name = 'AbortedError';
}

const CLASS_OF_STATUS: Readonly<Record<number, typeof ZeroGPUError>> = {
  400: BadRequestError,
  401: AuthenticationError,
  403: PermissionDeniedError,
  404: NotFoundError,
  408: TimeoutError,
  409: ConflictError,
  413: RequestTooLargeError,
  415: UnsupportedMediaTypeError,
  422: BadRequestError,
  429: RateLimitError,
  503: ServiceUnavailableError,
  504: TimeoutError,
};

const CLASS_OF_TYPE: Readonly<Record<string, typeof ZeroGPUError>> = {
  context_length_exceeded: ContextLengthExceededError,
  insufficient_quota: InsufficientQuotaError,
};

function classOf(status: number, type: string | null): typeof ZeroGPUError {
  const byType = type === null ? undefined : ownValue(CLASS_OF_TYPE, type);
  return byType ?? CLASS_OF_STATUS[status] ?? (status >= 500 ? InternalServerError : ZeroGPUError);
}

/** The status that an error inside a stream stands for: there the HTTP status was sent long before. */
const STATUS_OF_TYPE: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  permission_error: 403,
  conflict_error: 409,
  context_length_exceeded: 420,
  insufficient_quota: 420,
  rate_limit_exceeded: 429,
  internal_error: 500,
  service_unavailable: 503,
  timeout_error: 504,
};

/** Looked at before the type: some types stand for several statuses, and OpenAI's flat form has no type. */
export const STATUS_OF_CODE = {
  invalid_json: 400,
  invalid_type: 400,
  invalid_value: 400,
  missing_required_parameter: 400,
  string_above_max_length: 400,
  invalid_content_type: 400,
  invalid_multipart: 400,
  invalid_purpose: 400,
  missing_file: 400,
  empty_file: 400,
  invalid_limit: 400,
  invalid_api_key: 401,
  not_signed_in: 401,
  sign_in_failed: 401,
  invalid_project: 403,
  model_not_allowed: 403,
  role_insufficient: 403,
  origin_not_allowed: 403,
  model_not_found: 404,
  not_found: 404,
  file_not_found: 404,
  batch_not_found: 404,
  method_not_allowed: 405,
  request_timeout: 408,
  idempotency_conflict: 409,
  batch_not_cancellable: 409,
  state_conflict: 409,
  request_too_large: 413,
  file_too_large: 413,
  unsupported_media_type: 415,
  range_not_satisfiable: 416,
  context_length_exceeded: 420,
  insufficient_quota: 420,
  rate_limit_exceeded: 429,
  client_closed_request: 499,
  internal_error: 500,
  storage_error: 500,
  server_error: 500,
  no_capacity: 503,
  model_unavailable: 503,
  query_timeout: 504,
  upstream_timeout: 504,
} as const satisfies Record<string, number>;

const MAX_MESSAGE_LENGTH = 2_000;

interface Envelope {
  readonly message: string | null;
  readonly type: string | null;
  readonly code: string | null;
  readonly param: string | null;
  readonly line: number | null;
}

/**
 * The typed error of an answer that is not 2xx.
 * @param body what arrived of the body, perhaps cut, perhaps not JSON at all
 * @param hide removes secrets from text that a server sent
 */
export function errorOfAnswer(
  status: number,
  headers: Headers,
  body: string,
  hide: (text: string) => string,
): ZeroGPUError {
  const envelope = readEnvelope(parseJson(body));
  const message = envelope?.message ?? describeForeignAnswer(status, headers);
  const type = envelope?.type ?? null;
  return new (classOf(status, type))(hide(cut(message)), {
    ...hiddenFields(envelope, hide),
    status,
    headers,
    requestId: headers.get('x-request-id'),
  });
}

/** The typed error of an error event inside a stream, or null when the event is none. */
export function errorOfEvent(
  event: Readonly<Record<string, unknown>>,
  headers: Headers,
  hide: (text: string) => string,
): ZeroGPUError | null {
  const envelope = readEnvelope(failureIn(event));
  if (envelope === null) return null;
  const status =
    (envelope.code === null ? undefined : ownValue<number>(STATUS_OF_CODE, envelope.code)) ??
    (envelope.type === null ? undefined : ownValue(STATUS_OF_TYPE, envelope.type)) ??
    500;
  return new (classOf(status, envelope.type ?? envelope.code))(
    hide(cut(envelope.message ?? 'The stream ended with an error')),
    { ...hiddenFields(envelope, hide), status, headers, requestId: headers.get('x-request-id') },
  );
}

/** Where servers put the error: `{error}`, OpenAI's flat `{type:"error",…}`, or a failed response's own. */
function failureIn(event: Readonly<Record<string, unknown>>): unknown {
  if (isRecord(event['error'])) return event;
  if (event['type'] === 'error') return { error: { ...event, type: null } };
  if (event['type'] !== 'response.failed') return null;
  const response = isRecord(event['response']) ? event['response'] : {};
  return isRecord(response['error']) ? response : { error: {} };
}

function readEnvelope(value: unknown): Envelope | null {
  if (!isRecord(value) || !isRecord(value['error'])) return null;
  const { message, type, code, param, line } = value['error'];
  return {
    message: textOf(message),
    type: textOf(type),
    code: textOf(code),
    param: textOf(param),
    line: Number.isSafeInteger(line) ? Number(line) : null,
  };
}

function hiddenFields(envelope: Envelope | null, hide: (text: string) => string): ErrorFields {
  const field = (value: string | null | undefined): string | null => (value ? hide(cut(value)) : null);
  return {
    type: field(envelope?.type),
    code: field(envelope?.code),
    param: field(envelope?.param),
    line: envelope?.line ?? null,
  };
}

function describeForeignAnswer(status: number, headers: Headers): string {
  const contentType = headers.get('content-type') ?? 'no content type';
  return `The server answered ${status} with a body that is not an error of this API (${contentType}); check baseURL and what stands between`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const cut = (text: string): string =>
  text.length <= MAX_MESSAGE_LENGTH ? text : `${text.slice(0, MAX_MESSAGE_LENGTH)}…`;
const textOf = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);
const ownValue = <T>(table: Readonly<Record<string, T>>, key: string): T | undefined =>
  Object.hasOwn(table, key) ? table[key] : undefined;

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
