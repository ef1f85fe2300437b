import type { BatchRow } from './batch.ts';

/** How a batch that has not ended gets on. */
export interface Progress {
  /** Null while nothing of it was done. */
  readonly linesPerSecond: number | null;
  /** Milliseconds since 1970 at which the last line is done at this rate; null when nobody knows. */
  readonly estimatedEnd: number | null;
}

type Running = Pick<BatchRow, 'status' | 'total' | 'completed' | 'failed' | 'in_progress_at' | 'expires_at'>;

const UNKNOWN: Progress = { linesPerSecond: null, estimatedEnd: null };

/**
 * Only lines are foreseen: of a batch that is read, cancelled or whose files are made, no end is told.
 * @param now milliseconds since 1970
 * @param measured lines a second of late, by those who watch it; null where nobody does, then the mean since it began
 */
export function progressOf(batch: Running, now: number, measured: number | null = null): Progress {
  if (batch.status !== 'in_progress') return UNKNOWN;
  const rate = measured ?? meanRate(batch, now);
  if (rate === null) return UNKNOWN;
  return { linesPerSecond: rate, estimatedEnd: estimate(batch, now, rate) };
}

/** Less than a second of work is chance. */
const LEAST_MS = 1_000;

function meanRate({ completed, failed, in_progress_at }: Running, now: number): number | null {
  const ms = in_progress_at === null ? 0 : now - in_progress_at.getTime();
  const done = completed + failed;
  return ms < LEAST_MS || done === 0 ? null : (done * 1000) / ms;
}

/** A batch ends when it expires, if not before. */
function estimate(batch: Running, now: number, rate: number): number | null {
  if (rate <= 0) return null;
  const left = Math.max(0, batch.total - batch.completed - batch.failed);
  return Math.round(Math.min(now + (left * 1000) / rate, Math.max(now, batch.expires_at.getTime())));
}
