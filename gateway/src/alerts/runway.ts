import type { NanoDollars } from '@zerogpu/protocol';
import type { ClientBase, Pool } from 'pg';

const DAY_MS = 86_400_000;
/** Spending is averaged over a week, so that weekends count. */
const WINDOW_DAYS = 7;
/** A hundred years: beyond it a number of days says only "long". */
export const LONGEST_DAYS = 36_500;

export interface Funds {
  readonly available: NanoDollars;
  /** Within the window. */
  readonly spent: NanoDollars;
  /** Milliseconds since 1970: when the organization was made. */
  readonly since: number;
}

export interface Runway {
  readonly available: NanoDollars;
  readonly dailySpending: NanoDollars;
  /** To a tenth; null when nothing is spent. */
  readonly days: number | null;
}

/** How long the balance lasts when spending goes on as in the last seven days. Pure. */
export function runwayOf({ available, spent, since }: Funds, now: number): Runway {
  // Whoever came yesterday has not been saving for six days.
  const ms = BigInt(Math.min(Math.max(Math.floor(now - since), DAY_MS), WINDOW_DAYS * DAY_MS));
  const dailySpending = (spent * BigInt(DAY_MS)) / ms;
  if (spent <= 0n) return { available, dailySpending: 0n, days: null };
  const tenths = (available * ms * 10n) / (spent * BigInt(DAY_MS));
  const most = BigInt(LONGEST_DAYS * 10);
  return { available, dailySpending, days: Number(tenths < most ? tenths : most) / 10 };
}

/** When the balance is gone, in milliseconds since 1970. */
export function runsOutAt({ days }: Runway, now: number): number | null {
  return days === null ? null : now + days * DAY_MS;
}

const FUNDS = 'SELECT balance, held, spent, created_at FROM organization_funds($1, $2)';

interface Row {
  readonly balance: bigint;
  readonly held: bigint;
  readonly spent: bigint;
  readonly created_at: Date;
}

/** From the hours of the rollups; the hour in which the window begins counts whole. */
export function windowStart(now: number): Date {
  const hour = 3_600_000;
  return new Date(Math.floor((now - WINDOW_DAYS * DAY_MS) / hour) * hour);
}

/** @returns null when there is no such organization */
export async function readRunway(
  db: ClientBase | Pool,
  organizationId: string,
  now: number,
): Promise<Runway | null> {
  const { rows } = await db.query<Row>(FUNDS, [organizationId, windowStart(now)]);
  const row = rows[0];
  if (row === undefined) return null;
  const { balance, held, spent, created_at } = row;
  return runwayOf({ available: balance - held, spent, since: created_at.getTime() }, now);
}
