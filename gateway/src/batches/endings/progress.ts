import type { BatchRow } from '../batch.ts';

/** How a batch gets on. */
export interface Progress {
  /** Null until there is something to tell by. */
  readonly linesPerSecond: number | null;
  /** Null while nothing moves, and where no further lines are begun. */
  readonly estimatedEnd: Date | null;
}

export type Progressing = Pick<
  BatchRow,
  'status' | 'total' | 'completed' | 'failed' | 'in_progress_at' | 'expires_at'
>;

/** What happened in less is chance. */
const LEAST_MS = 1_000;

/**
 * When a batch ends, if it goes on as it does. Pure.
 *
 * @example
 * // 1,000 of 5,000 lines in 10 seconds: 100 a second, 40 seconds to go
 * progressOf({ status: 'in_progress', total: 5000, completed: 990, failed: 10, … }, now)
 * @param now milliseconds since 1970
 * @param measured lines a second of late, by whoever watched; else the mean since it began counts
 * @returns null where there is no more progress: it has ended
 */
export function progressOf(batch: Progressing, now: number, measured: number | null = null): Progress | null {
  const { status, total, completed, failed } = batch;
  if (status !== 'in_progress' && status !== 'cancelling' && status !== 'finalizing') {
    return status === 'validating' ? { linesPerSecond: null, estimatedEnd: null } : null;
  }
  const linesPerSecond = measured ?? meanOf(batch, now);
  // A line that is cancelled is not worked on, and files are made in a moment: there is nothing to reckon with.
  if (status !== 'in_progress' || linesPerSecond === null || linesPerSecond <= 0) {
    return { linesPerSecond, estimatedEnd: null };
  }
  const left = Math.max(0, total - completed - failed);
  const end = now + (left / linesPerSecond) * 1000;
  // What is not done by then does not run.
  return { linesPerSecond, estimatedEnd: new Date(Math.min(end, batch.expires_at.getTime())) };
}

function meanOf({ completed, failed, in_progress_at }: Progressing, now: number): number | null {
  const elapsed = now - (in_progress_at?.getTime() ?? now);
  const done = completed + failed;
  return elapsed < LEAST_MS || done === 0 ? null : (done * 1000) / elapsed;
}
