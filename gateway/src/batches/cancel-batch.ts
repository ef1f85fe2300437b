import { ApiError } from '@zerogpu/protocol';
import type { ClientBase } from 'pg';
import { BATCH_COLUMNS, type BatchRow } from './batch.ts';

/** Behind lines that settle, which keep the row's lock for a moment only. */
const FIND = `SELECT ${BATCH_COLUMNS}, ending FROM batches WHERE project_id = $1 AND id = $2 FOR NO KEY UPDATE`;
/** One that is being validated is cancelled when its lines are known: until then it stays what it is. */
const CANCEL = `
UPDATE batches SET cancelling_at = $3, status = CASE status WHEN 'in_progress' THEN 'cancelling' ELSE status END
WHERE project_id = $1 AND id = $2 RETURNING ${BATCH_COLUMNS}`;

const CANCELLABLE: ReadonlySet<string> = new Set(['validating', 'in_progress', 'cancelling']);

/**
 * From now on no further line of it begins. To be called as tenant (`inTenant`); who cancels twice gets the same twice.
 * @param now milliseconds since 1970
 * @returns null when the project has no such batch
 * @throws ApiError batch_not_cancellable
 */
export async function cancelBatch(
  db: ClientBase,
  projectId: string,
  batchId: string,
  now: number,
): Promise<BatchRow | null> {
  const values = [projectId, batchId];
  const found = (await db.query<BatchRow & { ending: string | null }>(FIND, values)).rows[0];
  if (found === undefined) return null;
  const { ending, ...batch } = found;
  if (!CANCELLABLE.has(batch.status)) throw notCancellable(`is ${batch.status}`);
  // It goes on to be shown so until its files are there.
  if (batch.status === 'in_progress' && ending !== null) throw notCancellable('has expired');
  if (batch.cancelling_at !== null) return batch;
  return (await db.query<BatchRow>(CANCEL, [...values, new Date(now)])).rows[0] ?? null;
}

function notCancellable(what: string): ApiError {
  return new ApiError('batch_not_cancellable', { message: `A batch that ${what} cannot be cancelled` });
}
