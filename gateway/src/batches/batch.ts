import type { BatchObject, BatchStatus } from '@zerogpu/protocol';

/** A row of `batches`, as far as callers are concerned. */
export interface BatchRow {
  readonly id: string;
  readonly project_id: string;
  readonly endpoint: string;
  readonly input_file_id: string;
  readonly status: BatchStatus;
  /** JSON. */
  readonly metadata: string;
  /** JSON, a list; null but for a failed one. */
  readonly errors: string | null;
  readonly output_file_id: string | null;
  readonly error_file_id: string | null;
  readonly total: number;
  readonly completed: number;
  readonly failed: number;
  readonly created_at: Date;
  readonly expires_at: Date;
  readonly in_progress_at: Date | null;
  readonly finalizing_at: Date | null;
  readonly completed_at: Date | null;
  readonly failed_at: Date | null;
  readonly expired_at: Date | null;
  readonly cancelling_at: Date | null;
  readonly cancelled_at: Date | null;
}

export const BATCH_COLUMNS = `id, project_id, endpoint, input_file_id, status, metadata, errors, output_file_id,
  error_file_id, total, completed, failed, created_at, expires_at, in_progress_at, finalizing_at, completed_at,
  failed_at, expired_at, cancelling_at, cancelled_at`;

/** Nothing becomes of these any more. */
export const TERMINAL: ReadonlySet<BatchStatus> = new Set(['completed', 'failed', 'cancelled', 'expired']);

/** As callers see it. */
export function shownBatch(row: BatchRow): BatchObject {
  return {
    id: row.id,
    object: 'batch',
    endpoint: row.endpoint,
    errors: row.errors === null ? null : { object: 'list', data: JSON.parse(row.errors) },
    input_file_id: row.input_file_id,
    completion_window: '24h',
    status: row.status,
    output_file_id: row.output_file_id,
    error_file_id: row.error_file_id,
    created_at: seconds(row.created_at),
    in_progress_at: secondsOf(row.in_progress_at),
    expires_at: seconds(row.expires_at),
    finalizing_at: secondsOf(row.finalizing_at),
    completed_at: secondsOf(row.completed_at),
    failed_at: secondsOf(row.failed_at),
    expired_at: secondsOf(row.expired_at),
    cancelling_at: secondsOf(row.cancelling_at),
    cancelled_at: secondsOf(row.cancelled_at),
    request_counts: { total: row.total, completed: row.completed, failed: row.failed },
    metadata: JSON.parse(row.metadata),
  };
}

const seconds = (time: Date) => Math.floor(time.getTime() / 1000);
const secondsOf = (time: Date | null) => (time === null ? null : seconds(time));
