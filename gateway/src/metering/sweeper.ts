import { checkInvariants, releaseExpired } from '@zerogpu/ledger';
import type { Pool } from 'pg';
import { type Rounds, startRounds } from '../rounds.ts';
import type { Log } from '../store/log.ts';
import { dropOldLog, ensureLogPartitions, rollUpDays } from '../store/log-partitions.ts';

export interface SweeperOptions {
  readonly pool: Pool;
  readonly log: Log;
  /** The log is kept for so many days. */
  readonly logDays: number;
  /** Between two looks for expired holds, answers and bodies. Default 5 s. */
  readonly everyMs?: number;
  /** Between two checks of the books, which read every posting. Default 10 minutes. */
  readonly checkEveryMs?: number;
  /** Between two looks after partitions and days. Default 10 minutes. */
  readonly tendEveryMs?: number;
}

const BATCH = 1_000;
/** Bounds one round; what is left is done in the next. */
const MAX_BATCHES = 20;

/** In slices, so that no transaction is long; `SKIP LOCKED` because another gateway may sweep the same rows. */
const DELETE_EXPIRED_ANSWERS = `
DELETE FROM idempotency_keys WHERE (project_id, key) IN (
  SELECT project_id, key FROM idempotency_keys WHERE expires_at <= $1
  ORDER BY expires_at LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)`;
const DELETE_EXPIRED_CREATIONS = `
DELETE FROM admin_creations WHERE attempt IN (
  SELECT attempt FROM admin_creations WHERE expires_at <= $1
  ORDER BY expires_at LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)`;
const DELETE_EXPIRED_PAYLOADS = `
DELETE FROM request_payloads WHERE (project_id, request_id) IN (
  SELECT project_id, request_id FROM request_payloads WHERE expires_at <= $1
  ORDER BY expires_at LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)`;
/** A limit whose allowance is whole again is like one that was never drawn on. $1 is nanoseconds since 1970. */
const DELETE_WHOLE_LIMITS = `
DELETE FROM rate_limits WHERE (scope_id, what) IN (
  SELECT scope_id, what FROM rate_limits WHERE whole_at <= $1 LIMIT ${BATCH} FOR UPDATE SKIP LOCKED)`;
/** For a gateway whose clock is ahead of the database's, by which limits are counted. */
const CLOCKS_DIFFER_MS = 60_000;

/**
 * Gives expired holds back, forgets expired answers, bodies and rate limits, checks the books, and looks after the log: partitions
 * made ahead, old ones dropped, days rolled up. Every gateway may run one.
 */
export function startSweeper(options: SweeperOptions): Pick<Rounds, 'stop'> {
  const { pool, log, logDays } = options;
  const every = (everyMs: number, round: () => Promise<unknown>) =>
    startRounds({ everyMs, round, log, failed: 'A sweep failed' });
  const sweeping = every(options.everyMs ?? 5_000, () => sweep(pool, log, Date.now()));
  const checking = every(options.checkEveryMs ?? 600_000, () => check(pool, log));
  const tending = every(options.tendEveryMs ?? 600_000, () => tend(pool, log, logDays, Date.now()));
  // A gateway that was away for long may find no partition for this week.
  tending.run();
  return {
    async stop() {
      await Promise.all([sweeping.stop(), checking.stop(), tending.stop()]);
    },
  };
}

export interface Swept {
  readonly holds: number;
  readonly answers: number;
  readonly payloads: number;
}

/** One round. @returns how much went */
export async function sweep(pool: Pool, log: Log, now: number): Promise<Swept> {
  const holds = await inBatches(() => releaseExpired(pool, now, BATCH));
  if (holds > 0) log.warn({ holds }, 'Gave back holds of requests that never settled');
  const expired = (statement: string) =>
    inBatches(async () => (await pool.query(statement, [new Date(now)])).rowCount ?? 0);
  const answers = (await expired(DELETE_EXPIRED_ANSWERS)) + (await expired(DELETE_EXPIRED_CREATIONS));
  const payloads = await expired(DELETE_EXPIRED_PAYLOADS);
  const whole = BigInt(now - CLOCKS_DIFFER_MS) * 1_000_000n;
  await inBatches(async () => (await pool.query(DELETE_WHOLE_LIMITS, [whole])).rowCount ?? 0);
  return { holds, answers, payloads };
}

/** Partitions and days. What fails is told, and does not keep the rest from happening. */
export async function tend(pool: Pool, log: Log, logDays: number, now: number): Promise<void> {
  const results = await Promise.allSettled([
    ensureLogPartitions(pool, now),
    dropOldLog(pool, now, logDays),
    rollUpDays(pool),
  ]);
  for (const result of results) {
    if (result.status === 'rejected')
      log.warn({ reason: String(result.reason) }, 'Could not look after the log');
  }
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
