import { type Static, Type } from '@sinclair/typebox';

export const BATCH_STATUSES = [
  'validating',
  'failed',
  'in_progress',
  'finalizing',
  'completed',
  'cancelling',
  'cancelled',
  'expired',
] as const;
export type BatchStatus = (typeof BATCH_STATUSES)[number];

/** What batches may ask for unless the operator allows more. */
export const BATCH_ENDPOINT = '/v1/chat/completions';

const Seconds = Type.Integer({ description: 'seconds since 1970' });
const MaybeSeconds = Type.Union([Seconds, Type.Null()]);
const MaybeText = Type.Union([Type.String(), Type.Null()]);

/** Why a batch was not begun: the first fault of its input file. */
export const BatchError = Type.Object({
  code: Type.String(),
  message: Type.String(),
  /** In the input file, from 1; null where no line is at fault. */
  line: Type.Union([Type.Integer(), Type.Null()]),
  param: MaybeText,
});
export type BatchError = Static<typeof BatchError>;

/** What is asked of `POST /v1/batches`; whatever else clients send is ignored. */
export const BatchRequest = Type.Object({
  input_file_id: Type.String({ description: 'of a file with the purpose `batch`' }),
  endpoint: Type.String({ description: 'what every line asks for in its `url`', examples: [BATCH_ENDPOINT] }),
  completion_window: Type.Literal('24h'),
  metadata: Type.Optional(
    Type.Record(Type.String({ maxLength: 64 }), Type.String({ maxLength: 512 }), { maxProperties: 16 }),
  ),
});

/** One batch, as `/v1/batches` shows it. */
export const BatchObject = Type.Object(
  {
    id: Type.String(),
    object: Type.Literal('batch'),
    endpoint: Type.String(),
    errors: Type.Union([
      Type.Object({ object: Type.Literal('list'), data: Type.Array(BatchError) }),
      Type.Null(),
    ]),
    input_file_id: Type.String(),
    completion_window: Type.Literal('24h'),
    status: Type.Union(BATCH_STATUSES.map((status) => Type.Literal(status))),
    output_file_id: MaybeText,
    error_file_id: MaybeText,
    created_at: Seconds,
    in_progress_at: MaybeSeconds,
    expires_at: Seconds,
    finalizing_at: MaybeSeconds,
    completed_at: MaybeSeconds,
    failed_at: MaybeSeconds,
    expired_at: MaybeSeconds,
    cancelling_at: MaybeSeconds,
    cancelled_at: MaybeSeconds,
    request_counts: Type.Object({
      total: Type.Integer(),
      completed: Type.Integer(),
      failed: Type.Integer(),
    }),
    metadata: Type.Record(Type.String(), Type.Unknown()),
  },
  { $id: 'Batch' },
);
export type BatchObject = Static<typeof BatchObject>;

export const BatchList = Type.Object(
  {
    object: Type.Literal('list'),
    data: Type.Array(BatchObject),
    first_id: MaybeText,
    last_id: MaybeText,
    has_more: Type.Boolean(),
  },
  { $id: 'BatchList' },
);
export type BatchList = Static<typeof BatchList>;

/** What a failed line's `error.code` may be. */
export const LINE_ERROR_CODES = [
  'invalid_request_error',
  'context_length_exceeded',
  'authentication_error',
  'not_found_error',
  'request_too_large',
  'insufficient_quota',
  'rate_limit_exceeded',
  'internal_error',
  'batch_cancelled',
  'batch_expired',
] as const;
export type LineErrorCode = (typeof LINE_ERROR_CODES)[number];

/** Why a line has no answer. */
export interface LineError {
  readonly code: LineErrorCode;
  /** Begins with the code of older clients, such as `[legacy:http_400]`. */
  readonly message: string;
  readonly param: string | null;
}
