/** Finds batches that are to end, and takes them one at a time. */
import { newId } from '@zerogpu/protocol';
import type { Pool, PoolClient } from 'pg';
import { inTransaction } from '../../store/transaction.ts';
import type { Ending, TakenBatch } from './taken-batch.ts';

export interface TakeServices {
  readonly pool: Pool;
  /** By whom: its row in `batch_workers` says that it lives. */
  readonly workerId: string;
  /** Milliseconds since 1970; what has expired is judged by it. */
  now(): number;
}

/** Enough that two who look at the same time find different ones. */
const CANDIDATES = 8;

/**
 * $1 the worker, $2 the time. The counters say whether all lines are done, so that no line is looked at. Lines under way
 * are few, all batches together: they are read as a whole, by the index of those that run.
 */
const IS_TO_END = `CASE
  WHEN b.ending IS NOT NULL THEN b.worker_id = $1
    OR NOT EXISTS (SELECT 1 FROM batch_workers w WHERE w.id = b.worker_id AND w.alive_until > now())
  WHEN b.status = 'in_progress' AND b.completed + b.failed >= b.total THEN true
  WHEN b.status = 'cancelling' OR b.expires_at <= $2 THEN b.id NOT IN (
    SELECT l.batch_id FROM batch_lines l WHERE l.state = 'running')
  ELSE false END`;
/** One that is validated ends otherwise: it fails. */
const MAY_END = "b.status IN ('in_progress', 'finalizing', 'cancelling')";

/**
 * Of each organization its oldest, then of each its next: who has many, with large files, keeps nobody else's waiting.
 * $3 those that this worker leaves alone for now.
 */
const FIND = `
SELECT id FROM (
  SELECT b.id, row_number() OVER (PARTITION BY p.organization_id ORDER BY b.id) AS place
  FROM batches b JOIN projects p ON p.id = b.project_id
  WHERE ${MAY_END} AND NOT b.id = ANY ($3::text[]) AND ${IS_TO_END}) ended
ORDER BY place, id LIMIT ${CANDIDATES}`;

/** By itself, so that what is judged next is seen as it is with the lock: handing out lines locks the batch, too. */
const LOCK = 'SELECT 1 FROM batches WHERE id = $1 FOR UPDATE SKIP LOCKED';
const HOW = `coalesce(b.ending, CASE
  WHEN b.status = 'cancelling' THEN 'cancelled'
  WHEN b.completed + b.failed >= b.total THEN 'completed'
  ELSE 'expired' END)`;
const TAKE = `
UPDATE batches b SET worker_id = $1, ending = ${HOW},
  coming_output_id = coalesce(b.coming_output_id, $4), coming_error_id = coalesce(b.coming_error_id, $5),
  status = CASE WHEN ${HOW} = 'completed' AND b.status = 'in_progress' THEN 'finalizing' ELSE b.status END,
  finalizing_at = CASE WHEN ${HOW} = 'completed' THEN coalesce(b.finalizing_at, $2) END
WHERE b.id = $3 AND ${MAY_END} AND ${IS_TO_END}
RETURNING b.id, b.project_id, b.ending, b.coming_output_id, b.coming_error_id`;

/** @param except batches that are left alone */
export async function findBatches(services: TakeServices, except: readonly string[]): Promise<string[]> {
  const { pool, workerId, now } = services;
  const { rows } = await pool.query<{ id: string }>(FIND, [workerId, new Date(now()), except]);
  return rows.map(({ id }) => id);
}

interface Row {
  readonly id: string;
  readonly project_id: string;
  readonly ending: Ending;
  readonly coming_output_id: string;
  readonly coming_error_id: string;
}

/** @returns null when it is not to end after all, or is another's */
export function takeBatch(services: TakeServices, id: string): Promise<TakenBatch | null> {
  return inTransaction(services.pool, async (db) => {
    const locked = await db.query(LOCK, [id]);
    return locked.rowCount === 0 ? null : await takeLocked(db, services, id);
  });
}

async function takeLocked(
  db: PoolClient,
  { workerId, now }: TakeServices,
  id: string,
): Promise<TakenBatch | null> {
  const at = now();
  const outputId = newId('file', at);
  const values = [workerId, new Date(at), id, outputId, newId('file', at)];
  const row = (await db.query<Row>(TAKE, values)).rows[0];
  if (row === undefined) return null;
  return {
    id,
    projectId: row.project_id,
    ending: row.ending,
    outputId: row.coming_output_id,
    errorId: row.coming_error_id,
    again: row.coming_output_id !== outputId,
  };
}
