import type { Pool } from 'pg';

/** A fraction of a second's work, and no lock on anything that somebody waits for. */
const SLICE = 2_000;

/** Goes on behind the slice before, because the index still leads over what was deleted. */
const DELETE_SLICE = `
WITH slice AS (
  SELECT max(number) AS upto FROM (
    SELECT number FROM batch_lines WHERE batch_id = $1 AND number > $2 ORDER BY number LIMIT ${SLICE}) next),
results AS (
  DELETE FROM batch_results WHERE batch_id = $1 AND number > $2 AND number <= (SELECT upto FROM slice)),
lines AS (
  DELETE FROM batch_lines WHERE batch_id = $1 AND number > $2 AND number <= (SELECT upto FROM slice))
SELECT upto FROM slice`;
const DONE = 'UPDATE batches SET leaves_lines = false WHERE id = $1';
const FIND = 'SELECT id FROM batches WHERE leaves_lines ORDER BY id LIMIT 10';

/** Deletes lines and results of a batch that has ended. Begun again from the start, it goes on where it broke off. */
export async function deleteLines(pool: Pool, batchId: string, signal: AbortSignal): Promise<void> {
  let upto: number | null = 0;
  while (upto !== null) {
    signal.throwIfAborted();
    const { rows }: { rows: { upto: number | null }[] } = await pool.query(DELETE_SLICE, [batchId, upto]);
    upto = rows[0]?.upto ?? null;
  }
  await pool.query(DONE, [batchId]);
}

/** What workers left that died between a batch's end and the last slice. @returns how many batches */
export async function deleteLeftLines(pool: Pool, signal: AbortSignal): Promise<number> {
  const { rows } = await pool.query<{ id: string }>(FIND);
  for (const { id } of rows) await deleteLines(pool, id, signal);
  return rows.length;
}
