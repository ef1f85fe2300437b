/** What the platform does by itself for alerts, on a timer of every gateway. */
import type { Pool } from 'pg';
import type { Notify } from '../admin/event.ts';
import { type Rounds, startRounds } from '../rounds.ts';
import { watchBalances, watchBudgets, watchRunways } from './watch-money.ts';
import { WebhookSender, type WebhookSenderOptions } from './webhook-sender.ts';

export interface AlertRoundsOptions extends Omit<WebhookSenderOptions, 'notify'> {
  readonly notify: Notify;
  /** Between two looks of this gateway into the outbox and at the clock of the rounds. Default 1 s. */
  readonly everyMs?: number;
}

interface Round {
  readonly name: string;
  readonly everyMs: number;
  run(now: number): Promise<unknown>;
}

const EVERY_MS = 1_000;
/** Soon enough for whoever can still stop a runaway program; each reads all budgets of the month. */
const MONEY_EVERY_MS = 15_000;
/** Sums up a week of hours per organization, and moves slowly. */
const RUNWAY_EVERY_MS = 600_000;
const CLEAN_EVERY_MS = 3_600_000;
/** What a person looks back on; the log and the books keep their own. */
const KEEP_EVENTS = '180 days';
const KEEP_DELIVERIES = '30 days';
const DELETE_BATCH = 5_000;

/** Asked every second, so it only reads: taking a round locks its row, which is a write even when it is not due. */
const DUE_ROUNDS = `
SELECT r.name FROM unnest($1::text[], $2::timestamptz[]) AS r (name, next_at) LEFT JOIN alert_rounds a USING (name)
WHERE a.name IS NULL OR a.next_at <= $3 OR a.next_at > r.next_at + interval '1 hour'`;
/** A clock of another gateway that is far ahead must not stop everybody's rounds until then. */
const TAKE_ROUND = `
INSERT INTO alert_rounds (name, next_at) VALUES ($1, $3)
ON CONFLICT (name) DO UPDATE SET next_at = excluded.next_at
WHERE alert_rounds.next_at <= $2 OR alert_rounds.next_at > $3 + interval '1 hour'`;
const DELETE_EVENTS = `
DELETE FROM events WHERE id IN (
  SELECT id FROM events WHERE created_at < $1::timestamptz - interval '${KEEP_EVENTS}' LIMIT ${DELETE_BATCH})`;
const DELETE_DELIVERIES = `
DELETE FROM webhook_deliveries WHERE id IN (
  SELECT id FROM webhook_deliveries WHERE created_at < $1::timestamptz - interval '${KEEP_DELIVERIES}' LIMIT ${DELETE_BATCH})`;

export function startAlertRounds(options: AlertRoundsOptions): Pick<Rounds, 'stop'> {
  const { log, now, everyMs = EVERY_MS } = options;
  const sender = new WebhookSender(options);
  // It claims only what there is room for, so its rounds may overlap: a slow receiver does not keep the others waiting.
  const sending = setInterval(() => {
    const told = (error: unknown) => log.warn({ reason: String(error) }, 'Webhooks could not be sent');
    void sender.round().catch(told);
  }, everyMs);
  sending.unref();
  const round = () => runRounds(options, now());
  const looking = startRounds({ everyMs, round, log, failed: 'Alerts could not be looked for' });
  return {
    async stop() {
      clearInterval(sending);
      await looking.stop();
      await sender.stop();
    },
  };
}

/** Runs the rounds whose time has come and that no other gateway took. */
export async function runRounds(
  { pool, notify }: Pick<AlertRoundsOptions, 'pool' | 'notify'>,
  now: number,
): Promise<void> {
  const rounds = roundsOf(pool, notify);
  const due = await dueRounds(pool, rounds, now);
  for (const { name, everyMs, run } of rounds) {
    if (due.has(name) && (await takeRound(pool, name, everyMs, now))) await run(now);
  }
}

function roundsOf(pool: Pool, notify: Notify): Round[] {
  const services = { pool, notify };
  return [
    {
      name: 'money',
      everyMs: MONEY_EVERY_MS,
      async run(now) {
        await watchBudgets(services, now);
        await watchBalances(services, now);
      },
    },
    { name: 'runway', everyMs: RUNWAY_EVERY_MS, run: (now) => watchRunways(services, now) },
    { name: 'clean', everyMs: CLEAN_EVERY_MS, run: (now) => clean(pool, now) },
  ];
}

async function dueRounds(pool: Pool, rounds: readonly Round[], now: number): Promise<ReadonlySet<string>> {
  const names = rounds.map(({ name }) => name);
  const nextAt = rounds.map(({ everyMs }) => new Date(now + everyMs));
  const { rows } = await pool.query<{ name: string }>(DUE_ROUNDS, [names, nextAt, new Date(now)]);
  return new Set(rows.map(({ name }) => name));
}

export async function takeRound(pool: Pool, name: string, everyMs: number, now: number): Promise<boolean> {
  const { rowCount } = await pool.query(TAKE_ROUND, [name, new Date(now), new Date(now + everyMs)]);
  return rowCount === 1;
}

async function clean(pool: Pool, now: number): Promise<void> {
  await pool.query(DELETE_EVENTS, [new Date(now)]);
  await pool.query(DELETE_DELIVERIES, [new Date(now)]);
}
