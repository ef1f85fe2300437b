/** The one statement by which requests are admitted: its function is in migrations/0007_admission.sql. */
import { type HoldRequest, type HoldResult, holdColumns } from '@zerogpu/ledger';
import type { NanoDollars } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import type { LimitState, RateLimits, ScopeLimits } from '../flow.ts';

/** What a request asks for before it runs. */
export interface Asking extends HoldRequest {
  /** What it takes of the limits on tokens; at least one is taken. */
  readonly tokens: number;
  readonly limits: ScopeLimits;
}

/** The limit that had no room. */
export interface Refusal {
  readonly scope: 'key' | 'project';
  readonly what: 'requests' | 'tokens';
  readonly limit: number;
  /** Milliseconds until the same would be granted; null when it is more than the limit gives in any minute. */
  readonly retryMs: number | null;
}

/** A budget that does not cover a request, as it was then. */
export interface SpentBudget {
  readonly limit: NanoDollars;
  readonly spent: NanoDollars;
  readonly held: NanoDollars;
}

type BudgetWord = Exclude<HoldResult, 'held' | 'balance'>;

/** What became of it, and how its rate limits stand now. */
export type Grant = { readonly limits: RateLimits } & (
  | { readonly result: 'held' | 'balance' }
  | { readonly result: 'rate_limited'; readonly refusal: Refusal }
  | { readonly result: BudgetWord; readonly budget: SpentBudget }
);

/**
 * Not waiting for the disk: see `HoldCommit` in the ledger. Where no request has a limit the last parameter is null,
 * and the statement costs what its holds cost.
 */
const ADMIT = {
  name: 'admit.requests',
  text: `SELECT a.results, a.details, set_config('synchronous_commit', 'off', true)
FROM admit_requests($1, $2, $3, $4, $5, $6, $7, $8) a`,
};

/** Columns of `admit_requests`; `n` counts from one. */
interface Row {
  readonly results: ('held' | 'balance' | 'rate_limited' | BudgetWord)[];
  readonly details: {
    readonly limits: readonly Limited[] | null;
    readonly budgets: readonly { n: number; limit: string; spent: string; held: string }[] | null;
  } | null;
}

interface Limited {
  readonly n: number;
  readonly requests?: LimitState;
  readonly tokens?: LimitState;
  readonly refused: Refusal | null;
}

/**
 * Admits many requests, in the order given.
 * @param at milliseconds since 1970: says which month's budgets
 * @returns one result per request, in order
 */
export async function admitRequests(pool: Pool, asking: readonly Asking[], at: number): Promise<Grant[]> {
  const values = [...holdColumns(asking), new Date(at), limitedOnes(asking)];
  const { rows } = await pool.query<Row>({ ...ADMIT, values });
  const { results, details } = rows[0]!;
  const limits = new Map(details?.limits?.map((entry) => [entry.n, entry]));
  const budgets = new Map(details?.budgets?.map((entry) => [entry.n, entry]));
  return results.map((result, i) => grant(result, limits.get(i + 1), budgets.get(i + 1)));
}

/** The parameter `limited` of the function; null where nobody has a limit. */
function limitedOnes(asking: readonly Asking[]): string | null {
  const limited = asking.flatMap(({ tokens, limits: { key, project } }, i) => {
    const each = {
      key_requests: key.requests,
      key_tokens: key.tokens,
      project_requests: project.requests,
      project_tokens: project.tokens,
    };
    return Object.values(each).every((limit) => limit === null) ? [] : [{ n: i + 1, tokens, ...each }];
  });
  return limited.length === 0 ? null : JSON.stringify(limited);
}

const NO_LIMITS: RateLimits = { requests: null, tokens: null };

type Budgets = NonNullable<NonNullable<Row['details']>['budgets']>;

function grant(
  result: Row['results'][number],
  limited: Limited | undefined,
  budget: Budgets[number] | undefined,
): Grant {
  const limits = limited ? { requests: limited.requests ?? null, tokens: limited.tokens ?? null } : NO_LIMITS;
  if (result === 'held' || result === 'balance') return { result, limits };
  if (result === 'rate_limited') {
    if (!limited?.refused) throw new Error('A rate limit refused without saying which');
    return { result, limits, refusal: limited.refused };
  }
  if (!budget) throw new Error('A budget refused without saying how it stands');
  const { limit, spent, held } = budget;
  return { result, limits, budget: { limit: BigInt(limit), spent: BigInt(spent), held: BigInt(held) } };
}
