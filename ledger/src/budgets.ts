import type { NanoDollars } from '@zerogpu/protocol';
import { type LedgerClient, onlyRow } from './client.ts';

export type SpenderKind = 'organization' | 'project' | 'key';

export interface BudgetSetting {
  /** The wallet from which the spender pays. */
  readonly walletId: string;
  readonly kind: SpenderKind;
  /** uuid; of an organization the owner of the wallet. */
  readonly spenderId: string;
  /** For each calendar month, UTC; zero or more. */
  readonly monthlyLimit: NanoDollars;
  /**
   * What the spender has spent this month, read after `lockSpenders` in the same transaction (READ COMMITTED). A
   * spender that has a budget already keeps what the ledger counted.
   */
  readonly spent: NanoDollars;
  /** Milliseconds since 1970. */
  readonly at: number;
}

const LOCK_SPENDERS = 'SELECT ledger.lock_spenders($1)';
const SET_BUDGET = 'SELECT ledger.set_budget($1, $2, $3, $4, $5, $6)';
const REMOVE_BUDGET = 'SELECT ledger.remove_budget($1, $2) AS removed';

/** Until the transaction ends nothing is held or settled for any spender of this wallet. */
export async function lockSpenders(client: LedgerClient, walletId: string): Promise<void> {
  await client.query({ text: LOCK_SPENDERS, values: [walletId] });
}

/** Gives a spender a budget, or changes its limit; in force for every hold after the commit. */
export async function setBudget(client: LedgerClient, given: BudgetSetting): Promise<void> {
  const { walletId, kind, spenderId, monthlyLimit, spent, at } = given;
  const values = [walletId, kind, spenderId, monthlyLimit, spent, new Date(at)];
  await client.query({ text: SET_BUDGET, values });
}

/** @returns false when the spender has none */
export async function removeBudget(
  client: LedgerClient,
  { walletId, spenderId }: Pick<BudgetSetting, 'walletId' | 'spenderId'>,
): Promise<boolean> {
  const { rows } = await client.query({ text: REMOVE_BUDGET, values: [walletId, spenderId] });
  return onlyRow<{ removed: boolean }>(rows).removed;
}

export interface Budget {
  readonly spenderId: string;
  readonly kind: SpenderKind;
  readonly monthlyLimit: NanoDollars;
  /** In the month of the look. */
  readonly spent: NanoDollars;
  readonly held: NanoDollars;
}

const READ_BUDGETS = `
SELECT spender_id AS "spenderId", kind, monthly_limit AS "monthlyLimit",
  CASE WHEN month < ledger.month_of($2) THEN 0 ELSE spent END AS spent, held
FROM ledger.budgets WHERE account_id = $1 ORDER BY spender_id`;

/**
 * The budgets of all spenders of a wallet.
 * @param at milliseconds since 1970: says which month
 */
export async function readBudgets(client: LedgerClient, walletId: string, at: number): Promise<Budget[]> {
  const { rows } = await client.query({ text: READ_BUDGETS, values: [walletId, new Date(at)] });
  return rows as Budget[];
}
