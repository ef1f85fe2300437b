/** What dead workers left, and what is old. */
import { type BatchError, idsFrom } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import type { Notify } from '../../admin/event.ts';
import { ENDED_STATES } from '../../store/batch-states.ts';
import { inTransaction } from '../../store/transaction.ts';
import { BATCH_COLUMNS, type BatchRow } from '../batch.ts';
import { batchEvent } from '../batch-event.ts';

const ABANDONED = `b.status = 'validating'
  AND NOT EXISTS (SELECT 1 FROM batch_workers w WHERE w.id = b.worker_id AND w.alive_until > now())`;
const FIND_ABANDONED = `SELECT b.id FROM batches b WHERE ${ABANDONED} ORDER BY b.id LIMIT 100`;
const FAIL = `
UPDATE batches b SET status = 'failed', failed_at = $2, errors = $3, total = 0, completed = 0, failed = 0,
  worker_id = NULL, leaves_lines = true
WHERE b.id = $1 AND ${ABANDONED} RETURNING ${BATCH_COLUMNS}`;
const ORGANIZATION = 'SELECT organization_id FROM projects WHERE id = $1';

const STOPPED: readonly BatchError[] = [
  {
    code: 'internal_error',
    message: 'The server stopped while it read the input file; create the batch again',
    line: null,
    param: null,
  },
];

/** Batches whose input was read by a worker that is dead: nobody goes on with them. @returns how many */
export async function failAbandoned(pool: Pool, notify: Notify, now: number): Promise<number> {
  const { rows } = await pool.query<{ id: string }>(FIND_ABANDONED);
  for (const { id } of rows) await failOne(pool, notify, id, now);
  return rows.length;
}

function failOne(pool: Pool, notify: Notify, id: string, now: number): Promise<void> {
  return inTransaction(pool, async (db) => {
    const failed = await db.query<BatchRow>(FAIL, [id, new Date(now), JSON.stringify(STOPPED)]);
    const batch = failed.rows[0];
    if (batch === undefined) return;
    const { rows } = await db.query<{ organization_id: string }>(ORGANIZATION, [batch.project_id]);
    await notify(db, batchEvent(batch, rows[0]!.organization_id));
  });
}

/** Dead for an hour, and nothing is in its hands any more. */
const DELETE_WORKERS = `
DELETE FROM batch_workers w WHERE w.alive_until < now() - interval '1 hour'
  AND w.id NOT IN (SELECT l.worker_id FROM batch_lines l WHERE l.state = 'running' AND l.worker_id IS NOT NULL)`;

export async function forgetDeadWorkers(pool: Pool): Promise<number> {
  return (await pool.query(DELETE_WORKERS)).rowCount ?? 0;
}

/** From one batch that has lines to the next, past all the lines between. */
const FIND_STRAY = `
WITH RECURSIVE found AS (
  (SELECT batch_id FROM batch_lines ORDER BY batch_id LIMIT 1)
  UNION ALL
  SELECT (SELECT l.batch_id FROM batch_lines l WHERE l.batch_id > found.batch_id ORDER BY l.batch_id LIMIT 1)
  FROM found WHERE found.batch_id IS NOT NULL)
UPDATE batches SET leaves_lines = true
WHERE id IN (SELECT batch_id FROM found) AND status IN ${ENDED_STATES} AND NOT leaves_lines`;

/** Lines that were written of a batch after it had ended, by one who was taken for dead. @returns of how many batches */
export async function findStrayLines(pool: Pool): Promise<number> {
  return (await pool.query(FIND_STRAY)).rowCount ?? 0;
}

const DELETE_OLD = `
DELETE FROM batches WHERE id IN (
  SELECT id FROM batches WHERE id < $1 AND status IN ${ENDED_STATES} AND NOT leaves_lines
  ORDER BY id LIMIT 1000 FOR UPDATE SKIP LOCKED)`;

/** A thousand at a time of those that were made so many days ago: ids are times. @returns how many went */
export async function forgetOldBatches(pool: Pool, now: number, days: number): Promise<number> {
  const before = idsFrom('batch', now - days * 24 * 60 * 60 * 1000);
  return (await pool.query(DELETE_OLD, [before])).rowCount ?? 0;
}
