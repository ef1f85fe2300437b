/** What the OpenAPI document says of batches. */
import type { ErrorCode } from './errors.ts';
import { EXAMPLE_ID } from './openapi-parts.ts';
import type { ApiRoute } from './openapi-routes.ts';
import type { JsonObject } from './openapi-schemas.ts';
import { BATCH_ENDPOINT } from './schema/batches.ts';

const CREATED = 1_796_000_000;
const DAY_S = 86_400;

const REQUEST: JsonObject = {
  input_file_id: `file-${EXAMPLE_ID}`,
  endpoint: BATCH_ENDPOINT,
  completion_window: '24h',
  metadata: { name: 'reviews of May' },
};

const BATCH: JsonObject = {
  id: `batch_${EXAMPLE_ID}`,
  object: 'batch',
  endpoint: BATCH_ENDPOINT,
  errors: null,
  input_file_id: `file-${EXAMPLE_ID}`,
  completion_window: '24h',
  status: 'in_progress',
  output_file_id: null,
  error_file_id: null,
  created_at: CREATED,
  in_progress_at: CREATED + 2,
  expires_at: CREATED + DAY_S,
  finalizing_at: null,
  completed_at: null,
  failed_at: null,
  expired_at: null,
  cancelling_at: null,
  cancelled_at: null,
  request_counts: { total: 50_000, completed: 1_234, failed: 1 },
  metadata: { name: 'reviews of May' },
};

const CREATE: Omit<ApiRoute, 'errors'> = {
  method: 'post',
  path: '/v1/batches',
  operationId: 'createBatch',
  tag: 'batches',
  summary: 'Answer a file of requests within a day, at half the price',
  description:
    'The file holds one request a line: `{"custom_id","method":"POST","url","body"}`. All of it is checked before the ' +
    'answer. The first line that is not as it must be is told with its number in `line`, and the batch is kept as ' +
    '`failed` with the same in `errors`. `metadata` has at most 16 keys of 64 characters with texts of 512.',
  key: true,
  request: { schema: 'BatchRequest', examples: { batch: { summary: 'A file of requests', value: REQUEST } } },
  answer: {
    description: 'The batch: its lines are being worked on',
    contentType: 'application/json',
    schema: 'Batch',
    example: BATCH,
  },
};

const LIST: Omit<ApiRoute, 'errors'> = {
  method: 'get',
  path: '/v1/batches',
  operationId: 'listOwnBatches',
  tag: 'batches',
  summary: 'List the batches of the project, newest first',
  key: true,
  parameters: ['BatchLimit', 'BatchAfter'],
  answer: {
    description: 'A page of batches; the next one goes on `after` its `last_id`',
    contentType: 'application/json',
    schema: 'BatchList',
    example: {
      object: 'list',
      data: [BATCH],
      first_id: `batch_${EXAMPLE_ID}`,
      last_id: `batch_${EXAMPLE_ID}`,
      has_more: false,
    },
  },
};

const GET: Omit<ApiRoute, 'errors'> = {
  method: 'get',
  path: '/v1/batches/{batch_id}',
  operationId: 'getOwnBatch',
  tag: 'batches',
  summary: 'One batch, with how many of its lines are done',
  key: true,
  parameters: ['BatchId'],
  answer: {
    description: 'The batch',
    contentType: 'application/json',
    schema: 'Batch',
    example: BATCH,
  },
};

const CANCEL: Omit<ApiRoute, 'errors'> = {
  method: 'post',
  path: '/v1/batches/{batch_id}/cancel',
  operationId: 'cancelOwnBatch',
  tag: 'batches',
  summary: 'Begin no further line of a batch',
  description:
    'Lines that are under way finish; the others go to the error file as `batch_cancelled`. A batch whose file is ' +
    'still being read says so in `cancelling_at`, and is `cancelling` once it was read. Cancelling twice is as once.',
  key: true,
  parameters: ['BatchId'],
  answer: {
    description: 'The batch',
    contentType: 'application/json',
    schema: 'Batch',
    example: { ...BATCH, status: 'cancelling', cancelling_at: CREATED + 60 },
  },
};

/** @param keyed what any route with a key may answer */
export function batchRoutes(keyed: readonly ErrorCode[]): readonly ApiRoute[] {
  return [
    {
      ...CREATE,
      errors: [
        'invalid_json',
        'invalid_type',
        'invalid_value',
        'missing_required_parameter',
        ...keyed,
        'file_not_found',
        'request_timeout',
        'idempotency_conflict',
        'request_too_large',
        'unsupported_media_type',
        'rate_limit_exceeded',
        'storage_error',
        'no_capacity',
        'upstream_timeout',
      ],
    },
    { ...LIST, errors: ['invalid_limit', 'invalid_value', ...keyed, 'no_capacity'] },
    { ...GET, errors: [...keyed, 'batch_not_found', 'no_capacity'] },
    { ...CANCEL, errors: [...keyed, 'batch_not_found', 'batch_not_cancellable', 'no_capacity'] },
  ];
}
