import type { NanoDollars } from '@zerogpu/protocol';
import { type LedgerClient, onlyRow } from './client.ts';

export interface HoldRequest {
  /** 1 to 128 characters; the same id twice holds once. */
  readonly requestId: string;
  /** A wallet. */
  readonly accountId: string;
  /** Whose budgets, besides the organization's, the request draws on. */
  readonly projectId: string;
  readonly keyId: string;
  /** The most that the request can cost; zero or more. */
  readonly amount: NanoDollars;
  /** Milliseconds since 1970 after which the sweeper may return it. */
  readonly expiresAt: number;
}

/** Held, or what did not cover it. */
export type HoldResult = 'held' | 'balance' | 'organization_budget' | 'project_budget' | 'key_budget';

/**
 * `durable`: on the disk when the call returns. `quick`: on the disk within a second, without waiting for it. A crash
 * of the database in between forgets the hold and what it subtracted together, so that the books stay right; the
 * request then settles as `hold_lost`. Only for a call that is its own transaction, because the whole one is quick.
 */
export type HoldCommit = 'durable' | 'quick';

const TAKE_HOLDS = {
  durable: {
    name: 'ledger.take_holds',
    text: 'SELECT ledger.take_holds($1, $2, $3, $4, $5, $6, $7) AS results',
  },
  quick: {
    name: 'ledger.take_holds.quick',
    text: `SELECT ledger.take_holds($1, $2, $3, $4, $5, $6, $7) AS results, set_config('synchronous_commit', 'off', true)`,
  },
};

/** The first six parameters of `ledger.take_holds`. */
export function holdColumns(requests: readonly HoldRequest[]): unknown[] {
  return [
    requests.map((r) => r.requestId),
    requests.map((r) => r.accountId),
    requests.map((r) => r.projectId),
    requests.map((r) => r.keyId),
    requests.map((r) => r.amount),
    requests.map((r) => new Date(r.expiresAt).toISOString()),
  ];
}

/**
 * Holds money for many requests in one statement: each, in the order given, is granted exactly when what is then
 * left of its account, and of every budget of its organization, project and key, covers it.
 * @param at milliseconds since 1970: says which month's budgets
 * @returns one result per request, in order; an account that does not exist covers nothing
 */
export async function takeHolds(
  client: LedgerClient,
  requests: readonly HoldRequest[],
  at: number,
  commit: HoldCommit = 'durable',
): Promise<HoldResult[]> {
  if (requests.length === 0) return [];
  const values = [...holdColumns(requests), new Date(at)];
  const { rows } = await client.query({ ...TAKE_HOLDS[commit], values });
  return onlyRow<{ results: HoldResult[] }>(rows).results;
}

export interface ChargeItem {
  readonly requestId: string;
  /** From zero to what was held; the rest of the hold is given back. */
  readonly charge: NanoDollars;
}

/**
 * `already_settled`: charged before, so nothing happened now. `hold_lost`: the hold expired and went back, so nothing
 * can be charged.
 */
export type SettleResult = 'settled' | 'already_settled' | 'hold_lost';

const SETTLE_HOLDS = {
  name: 'ledger.settle_holds',
  text: 'SELECT ledger.settle_holds($1, $2, $3) AS results',
};

/**
 * Charges requests and gives the rest of their holds back, in one statement.
 * @param at milliseconds since 1970: the time of the postings
 * @returns one result per item, in order
 * @throws when a charge is above its hold, an id is there twice, or an id that was charged holds again; then nothing
 *   of the call has happened
 */
export async function settleHolds(
  client: LedgerClient,
  items: readonly ChargeItem[],
  at: number,
): Promise<SettleResult[]> {
  if (items.length === 0) return [];
  const values = [items.map((i) => i.requestId), items.map((i) => i.charge), new Date(at)];
  const { rows } = await client.query({ ...SETTLE_HOLDS, values });
  return onlyRow<{ results: SettleResult[] }>(rows).results;
}

const RELEASE_EXPIRED = 'SELECT ledger.release_expired($1, $2) AS released';

/**
 * Gives back holds whose time has passed: their request died without settling.
 * @param now milliseconds since 1970
 * @param most bound of one call; call again while it returns this many
 * @returns how many were released
 */
export async function releaseExpired(client: LedgerClient, now: number, most = 1000): Promise<number> {
  const { rows } = await client.query({ text: RELEASE_EXPIRED, values: [new Date(now), most] });
  return onlyRow<{ released: number }>(rows).released;
}
