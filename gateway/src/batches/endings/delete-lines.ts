import type { Pool } from 'pg';

/** A fraction of a second's work, and no lock on anything that somebody waits for. */
const SLICE = 2_000;

/** Goes on behind the slice before, because the index still leads over what was deleted. */
const DELETE_SLICE = `SELECT delete_batch_lines($1, $2, ${SLICE}) AS upto`;
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
