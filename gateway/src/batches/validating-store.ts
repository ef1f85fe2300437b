/** A batch while its lines are read: the worker's own work, as the role that owns the tables. */
import type { ClientBase } from 'pg';
import { BATCH_COLUMNS, type BatchRow } from './batch.ts';
import type { InputLine } from './validate-input.ts';

/** Which batch, and who has it: who lost it to somebody else writes nothing more. */
export interface Held {
  readonly id: string;
  readonly workerId: string;
}

const HELD = "id = $1 AND status = 'validating' AND worker_id = $2";

/**
 * Not worth a wait for the disk: the commit that begins the batch comes after all of them, and waits. Ids are JSON, in
 * which no line ends. Twice is as once, because a connection that breaks does not say what became of a statement.
 */
const INSERT_LINES = {
  name: 'batches.insert-lines',
  text: `
WITH quick AS (SELECT set_config('synchronous_commit', 'off', true)),
ours AS (SELECT id FROM batches WHERE ${HELD} FOR SHARE)
INSERT INTO batch_lines (batch_id, number, custom_id, start, length)
SELECT ours.id, line.number, line.custom_id, line.start, line.length FROM quick, ours,
  unnest($3::int[], string_to_array($4, E'\\n'), $5::bigint[], $6::int[]) AS line (number, custom_id, start, length)
ON CONFLICT DO NOTHING`,
};

/** Who cancelled it meanwhile has it cancelled now. */
const START = `
UPDATE batches SET status = CASE WHEN cancelling_at IS NULL THEN 'in_progress' ELSE 'cancelling' END,
  total = $3, in_progress_at = $4, worker_id = NULL
WHERE ${HELD} RETURNING ${BATCH_COLUMNS}`;
const FAIL = `
UPDATE batches SET status = 'failed', errors = $3, failed_at = $4, worker_id = NULL
WHERE ${HELD} RETURNING ${BATCH_COLUMNS}`;
const DELETE_LINES = 'DELETE FROM batch_lines WHERE batch_id = $1';
const FIND = `SELECT ${BATCH_COLUMNS} FROM batches WHERE id = $1`;

export async function insertLines(
  db: Pick<ClientBase, 'query'>,
  held: Held,
  lines: readonly InputLine[],
): Promise<void> {
  // As texts of our own making: the driver takes ten times as long over arrays.
  const list = (values: readonly number[]) => `{${values.join(',')}}`;
  const numbers = list(lines.map((line) => line.number));
  const ids = lines.map((line) => line.customId).join('\n');
  const places = [list(lines.map((line) => line.start)), list(lines.map((line) => line.length))];
  await db.query({ ...INSERT_LINES, values: [held.id, held.workerId, numbers, ids, ...places] });
}

/** @returns null when the batch is not this worker's any more */
export async function startBatch(
  db: ClientBase,
  held: Held,
  total: number,
  now: number,
): Promise<BatchRow | null> {
  const { rows } = await db.query<BatchRow>(START, [held.id, held.workerId, total, new Date(now)]);
  return rows[0] ?? null;
}

/** @param errors JSON @returns null when the batch is not this worker's any more */
export async function failBatch(
  db: ClientBase,
  held: Held,
  errors: string,
  now: number,
): Promise<BatchRow | null> {
  const { rows } = await db.query<BatchRow>(FAIL, [held.id, held.workerId, errors, new Date(now)]);
  if (rows[0] === undefined) return null;
  await db.query(DELETE_LINES, [held.id]);
  return rows[0];
}

export async function readBatch(db: Pick<ClientBase, 'query'>, id: string): Promise<BatchRow | null> {
  return (await db.query<BatchRow>(FIND, [id])).rows[0] ?? null;
}
