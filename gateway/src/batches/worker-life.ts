import { newId } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import { type Rounds, startRounds } from '../rounds.ts';
import type { Log } from '../store/log.ts';

export interface WorkerLifeOptions {
  readonly pool: Pool;
  readonly log: Log;
  /** Default 3 s. */
  readonly everyMs?: number;
  /** What this worker has taken stays its own for so long without a sign of life. Default 15 s. */
  readonly leaseMs?: number;
}

/** What says that a worker lives: one row of `batch_workers`, moved on every few seconds. */
export interface WorkerLife {
  /** What stands in `worker_id` of whatever this worker has taken. */
  readonly id: string;
  /** Begins to say so. */
  start(): void;
  /** Removes the row: what this worker still has is anybody's at once. */
  stop(): Promise<void>;
}

/** Five signs to a lease: one that is lost, or a database that starts again, takes nothing away. */
const EVERY_MS = 3_000;
const LEASE_MS = 15_000;

/** By the database's clock, which is the same for all workers. Not worth a wait for the disk. */
const LIVES = `
WITH quick AS (SELECT set_config('synchronous_commit', 'off', true))
INSERT INTO batch_workers AS w (id, alive_until)
SELECT $1, now() + $2 * interval '1 millisecond' FROM quick
ON CONFLICT (id) DO UPDATE SET alive_until = excluded.alive_until`;
const ENDS = 'DELETE FROM batch_workers WHERE id = $1';

export function makeWorkerLife(options: WorkerLifeOptions): WorkerLife {
  const { pool, log, everyMs = EVERY_MS, leaseMs = LEASE_MS } = options;
  const id = newId('worker');
  let rounds: Rounds | null = null;
  const say = () => pool.query({ name: 'batches.lives', text: LIVES, values: [id, leaseMs] });
  return {
    id,
    start() {
      if (rounds !== null) return;
      rounds = startRounds({ everyMs, round: say, log, failed: 'A worker could not say that it lives' });
      rounds.run();
    },
    async stop() {
      await rounds?.stop();
      // Without a database the row ends by itself.
      await pool.query(ENDS, [id]).catch(() => undefined);
    },
  };
}
