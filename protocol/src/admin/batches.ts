import { Type } from '@sinclair/typebox';
import { BATCH_STATUSES, BatchError } from '../schema/batches.ts';
import { listOf, nullable, paging, Time, Uuid } from './common.ts';
import { declare, project } from './route.ts';

const Status = Type.Union(
  BATCH_STATUSES.map((status) => Type.Literal(status)),
  { description: `one of ${BATCH_STATUSES.map((status) => `"${status}"`).join(', ')}` },
);

/** `completed` and `failed` are done; the rest of `total` is still to come. */
const RequestCounts = Type.Object({
  total: Type.Integer(),
  completed: Type.Integer(),
  failed: Type.Integer(),
});

const Progress = Type.Object({
  lines_per_second: nullable(Type.Number({ description: 'as measured; null until something was' })),
  estimated_end: nullable(Time),
});

/** The facts of `/v1/batches`, with times as everywhere here. */
export const ProjectBatch = Type.Object(
  {
    id: Type.String(),
    project_id: Uuid,
    endpoint: Type.String(),
    status: Status,
    /** The key with which it was made, and with which its lines are asked. */
    key: Type.Object({ id: Uuid, name: Type.String(), masked: Type.String() }),
    input_file_id: Type.String(),
    output_file_id: nullable(Type.String()),
    error_file_id: nullable(Type.String()),
    request_counts: RequestCounts,
    /** Null once it has ended. */
    progress: nullable(Progress),
    /** Of a failed one: why it was not begun. Null otherwise. */
    errors: nullable(Type.Array(BatchError)),
    metadata: Type.Record(Type.String(), Type.Unknown()),
    created_at: Time,
    in_progress_at: nullable(Time),
    expires_at: Time,
    finalizing_at: nullable(Time),
    completed_at: nullable(Time),
    failed_at: nullable(Time),
    expired_at: nullable(Time),
    cancelling_at: nullable(Time),
    cancelled_at: nullable(Time),
  },
  { $id: 'ProjectBatch' },
);

/** What changes while a batch runs. */
export const BatchProgress = Type.Object(
  {
    id: Type.String(),
    status: Status,
    request_counts: RequestCounts,
    progress: nullable(Progress),
  },
  { $id: 'BatchProgress' },
);

const BATCHES = '/api/projects/{projectId}/batches';
const BATCH = `${BATCHES}/{batchId}` as const;

export const batchRoutes = declare({
  listBatches: {
    method: 'get',
    path: BATCHES,
    tag: 'batches',
    summary: 'The batches of a project, newest first',
    access: project('viewer'),
    query: Type.Object({ status: Type.Optional(Status), ...paging }),
    answer: listOf(ProjectBatch),
    errors: ['query_timeout'],
  },
  streamBatches: {
    method: 'get',
    path: `${BATCHES}/stream`,
    tag: 'batches',
    summary: 'How the open batches of a project get on, as server-sent events',
    description:
      'Events `batch`: at first one for each open batch, then one whenever something has changed, about one a second of each batch at most, the last of them with the status in which it ended. Of the 100 newest open ones. `end` when the session or the membership has ended.',
    access: project('viewer'),
    answer: BatchProgress,
    content: ['text/event-stream'],
    errors: ['rate_limit_exceeded'],
  },
  getBatch: {
    method: 'get',
    path: BATCH,
    tag: 'batches',
    summary: 'One batch',
    access: project('viewer'),
    answer: ProjectBatch,
  },
  cancelBatch: {
    method: 'post',
    path: `${BATCH}/cancel`,
    tag: 'batches',
    summary: 'Cancels a batch: lines that are under way finish, the others do not begin',
    access: project('developer'),
    answer: ProjectBatch,
    errors: ['batch_not_cancellable'],
    audit: 'batch.cancelled',
  },
});
