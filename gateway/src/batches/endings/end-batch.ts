import type { Pool, PoolClient } from 'pg';
import type { Notify } from '../../admin/event.ts';
import type { Log } from '../../store/log.ts';
import { inTransaction } from '../../store/transaction.ts';
import { BATCH_COLUMNS, type BatchRow } from '../batch.ts';
import { batchEvent } from '../batch-event.ts';
import { BatchLost, type Ending, type TakenBatch } from './taken-batch.ts';
import type { MadeFile, MadeFiles } from './write-output.ts';

export interface EndServices {
  readonly pool: Pool;
  readonly log: Log;
  readonly workerId: string;
  readonly notify: Notify;
  /** For so many days its files are kept. */
  readonly fileDays: number;
  now(): number;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** Taken for dead, a worker finds its batch with another or ended, and then changes nothing. */
const LOCK = `
SELECT b.status, b.total, b.completed, b.failed, p.organization_id
FROM batches b JOIN projects p ON p.id = b.project_id
WHERE b.id = $1 AND b.worker_id = $2 AND b.ending = $3 FOR UPDATE OF b`;
const INSERT_FILE = `
INSERT INTO files (id, project_id, state, purpose, filename, bytes, block_hashes, is_error, created_at, expires_at)
VALUES ($1, $2, 'stored', 'batch_output', $3, $4, $5, $6, $7, $8)`;
const END = `
UPDATE batches SET status = $2, output_file_id = $3, error_file_id = $4, completed = $5, failed = $6,
  completed_at = CASE WHEN $2 = 'completed' THEN $7::timestamptz END,
  cancelled_at = CASE WHEN $2 = 'cancelled' THEN $7::timestamptz END,
  expired_at = CASE WHEN $2 = 'expired' THEN $7::timestamptz END,
  worker_id = NULL, coming_output_id = NULL, coming_error_id = NULL, leaves_lines = true
WHERE id = $1 RETURNING ${BATCH_COLUMNS}`;

type Locked = Pick<BatchRow, 'status' | 'total' | 'completed' | 'failed'> & {
  readonly organization_id: string;
};

/**
 * One transaction that waits for the disk: results were written without waiting, and are on it before this is.
 * @throws BatchLost; what the database says, and then nothing has happened
 */
export function endBatch(services: EndServices, batch: TakenBatch, files: MadeFiles): Promise<BatchRow> {
  return inTransaction(services.pool, async (db) => {
    const { rows } = await db.query<Locked>(LOCK, [batch.id, services.workerId, batch.ending]);
    const locked = rows[0];
    if (locked === undefined) throw new BatchLost(batch.id);
    compareCounts(services.log, batch, locked, files);
    const at = services.now();
    const insert = insertFile(db, batch, at, services.fileDays);
    await insert(files.output, false);
    await insert(files.errors, true);
    const ended = await writeEnd(db, batch, statusOf(batch.ending, locked), files, at);
    await services.notify(db, batchEvent(ended, locked.organization_id));
    return ended;
  });
}

/** Cancelled while its files were made, it is cancelled: its lines are as they are. */
const statusOf = (ending: Ending, { status }: Locked): Ending =>
  status === 'cancelling' ? 'cancelled' : ending;

const insertFile =
  (db: PoolClient, { projectId }: TakenBatch, at: number, days: number) =>
  async (file: MadeFile | null, isError: boolean): Promise<void> => {
    if (file === null) return;
    const { bytes, blockHashes } = file.stored;
    const times = [new Date(at), new Date(at + days * DAY_MS)];
    await db.query(INSERT_FILE, [
      file.id,
      projectId,
      `${file.id}.jsonl`,
      bytes,
      blockHashes,
      isError,
      ...times,
    ]);
  };

async function writeEnd(
  db: PoolClient,
  { id }: TakenBatch,
  status: Ending,
  { output, errors }: MadeFiles,
  at: number,
): Promise<BatchRow> {
  const ids = [output?.id ?? null, errors?.id ?? null];
  const counts = [output?.lines ?? 0, errors?.lines ?? 0];
  const { rows } = await db.query<BatchRow>(END, [id, status, ...ids, ...counts, new Date(at)]);
  return rows[0]!;
}

/** A difference is a defect of ours. What callers are told then is what they find in the files. */
function compareCounts(log: Log, { id }: TakenBatch, batch: Locked, { output, errors }: MadeFiles): void {
  const lines = { completed: output?.lines ?? 0, failed: errors?.lines ?? 0 };
  const counted = { completed: batch.completed, failed: batch.total - batch.completed };
  if (lines.completed === counted.completed && lines.failed === counted.failed) return;
  log.error({ batch: id, counted, lines }, 'The lines of a batch are not as many as were counted');
}
