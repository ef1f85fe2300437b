import { checkInvariants, releaseExpired } from '@zerogpu/ledger';
import type { Pool } from 'pg';
import type { Log } from '../store/log.ts';

export interface SweeperOptions {
  readonly pool: Pool;
  readonly log: Log;
  /** Between two looks for expired holds and answers. Default 5 s. */
  readonly everyMs?: number;
  /** Between two checks of the books, which read every posting. Default 10 minutes. */
  readonly checkEveryMs?: number;
}

export interface Sweeper {
  /** Stops the timers and waits for the round under way. */
  stop(): Promise<void>;
}

const BATCH = 1_000;
/** Bounds one round; what is left is done in the next. */
const MAX_BATCHES = 20;

/** In slices, so that no transaction is long; `SKIP LOCKED` because another gateway may sweep the same rows. */
const DELETE_EXPIRED_ANSWERS = `
DELETE FROM idempotency_keys WHERE (project_id, key) IN (
  SELECT project_id, key FROM idempotency_keys WHERE expires_at <= $1
  ORDER BY expires_at LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)`;

/** Gives expired holds back, forgets expired answers, and checks the books. Every gateway may run one. */
export function startSweeper(options: SweeperOptions): Sweeper {
  const { pool, log } = options;
  const sweeping = every(options.everyMs ?? 5_000, () => sweep(pool, log, Date.now()), log);
  const checking = every(options.checkEveryMs ?? 600_000, () => check(pool, log), log);
  return {
    async stop() {
      await Promise.all([sweeping.stop(), checking.stop()]);
    },
  };
}

/** One round. @returns how much went */
export async function sweep(pool: Pool, log: Log, now: number): Promise<{ holds: number; answers: number }> {
  const holds = await inBatches(() => releaseExpired(pool, now, BATCH));
  if (holds > 0) log.warn({ holds }, 'Gave back holds of requests that never settled');
  const answers = await inBatches(async () => {
    const { rowCount } = await pool.query(DELETE_EXPIRED_ANSWERS, [new Date(now)]);
    return rowCount ?? 0;
  });
  return { holds, answers };
}

async function inBatches(step: () => Promise<number>): Promise<number> {
  let total = 0;
  for (let i = 0; i < MAX_BATCHES; i++) {
    const done = await step();
    total += done;
    if (done < BATCH) break;
  }
  return total;
}

async function check(pool: Pool, log: Log): Promise<void> {
  const violations = await checkInvariants(pool);
  if (violations.length > 0) log.error({ violations: violations.slice(0, 20) }, 'The ledger does not add up');
}

/** Rounds never overlap; a failing one is told and the next one tries again. */
function every(ms: number, round: () => Promise<unknown>, log: Log): Sweeper {
  let running: Promise<unknown> | null = null;
  const timer = setInterval(() => {
    running ??= round()
      .catch((error: unknown) => log.warn({ reason: String(error) }, 'A sweep failed'))
      .finally(() => {
        running = null;
      });
  }, ms);
  timer.unref();
  return {
    async stop() {
      clearInterval(timer);
      await running;
    },
  };
}
