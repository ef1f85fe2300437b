/** A batch as the admin API shows it. Pure. */
import type { Static } from '@sinclair/typebox';
import type { BatchProgress, ProjectBatch } from '@zerogpu/protocol';
import { type BatchRow, TERMINAL } from './batch.ts';
import type { BatchNews } from './batch-tail.ts';
import { progressOf } from './progress.ts';

/** With the key that made it. */
export interface ProjectBatchRow extends BatchRow {
  readonly key_id: string;
  readonly key_name: string;
  readonly key_masked: string;
}

type Shown = Static<typeof ProjectBatch>;

/** @param now milliseconds since 1970 */
export function shownForPeople(row: ProjectBatchRow, now: number): Shown {
  const { id, project_id, endpoint, status, input_file_id, output_file_id, error_file_id } = row;
  return {
    ...{ id, project_id, endpoint, status },
    key: { id: row.key_id, name: row.key_name, masked: row.key_masked },
    ...{ input_file_id, output_file_id, error_file_id },
    request_counts: countsOf(row),
    progress: shownProgress(row, now, null),
    errors: row.errors === null ? null : JSON.parse(row.errors),
    metadata: JSON.parse(row.metadata),
    created_at: row.created_at.toISOString(),
    in_progress_at: timeOf(row.in_progress_at),
    expires_at: row.expires_at.toISOString(),
    finalizing_at: timeOf(row.finalizing_at),
    completed_at: timeOf(row.completed_at),
    failed_at: timeOf(row.failed_at),
    expired_at: timeOf(row.expired_at),
    cancelling_at: timeOf(row.cancelling_at),
    cancelled_at: timeOf(row.cancelled_at),
  };
}

/** @param now milliseconds since 1970 */
export function shownNews(news: BatchNews, now: number): Static<typeof BatchProgress> {
  const { id, status, rate } = news;
  return { id, status, request_counts: countsOf(news), progress: shownProgress(news, now, rate) };
}

function shownProgress(
  batch: Parameters<typeof progressOf>[0],
  now: number,
  measured: number | null,
): Shown['progress'] {
  if (TERMINAL.has(batch.status)) return null;
  const { linesPerSecond, estimatedEnd } = progressOf(batch, now, measured);
  return {
    // Thousandths: a slow batch has its rate too.
    lines_per_second: linesPerSecond === null ? null : Math.round(linesPerSecond * 1000) / 1000,
    estimated_end: estimatedEnd === null ? null : new Date(estimatedEnd).toISOString(),
  };
}

function countsOf({ total, completed, failed }: Pick<BatchRow, 'total' | 'completed' | 'failed'>) {
  return { total, completed, failed };
}

const timeOf = (time: Date | null) => time?.toISOString() ?? null;
