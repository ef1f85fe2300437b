import type { LedgerClient } from './client.ts';

/** The books do not add up: always a defect or a hand in the tables, never a customer's doing. */
export interface Violation {
  readonly rule:
    | 'balances_sum_to_zero'
    | 'balance_is_sum_of_postings'
    | 'held_is_sum_of_holds'
    | 'no_balance_below_zero'
    | 'one_charge_per_request'
    | 'postings_have_accounts'
    | 'budget_held_is_sum_of_holds'
    | 'budgets_are_looked_for';
  /** The account, request or spender; null for the sum over all. */
  readonly subject: string | null;
  readonly detail: string;
}

/** One statement, so that all of it sees the same moment while gateways keep settling. Reads every posting. */
const CHECK = `
WITH flow AS (
  SELECT id, sum(amount) AS total FROM (
    SELECT to_account AS id, amount FROM ledger.postings
    UNION ALL
    SELECT from_account, -amount FROM ledger.postings
  ) moves GROUP BY id
), promised AS (
  SELECT account_id AS id, sum(amount) AS total FROM ledger.holds GROUP BY account_id
)
SELECT 'balances_sum_to_zero' AS rule, NULL AS subject, 'all balances together are ' || sum(balance) AS detail
  FROM ledger.accounts HAVING sum(balance) <> 0
UNION ALL
SELECT 'balance_is_sum_of_postings', a.id::text, 'balance ' || a.balance || ', postings ' || coalesce(f.total, 0)
  FROM ledger.accounts a LEFT JOIN flow f USING (id) WHERE a.balance <> coalesce(f.total, 0)
UNION ALL
SELECT 'held_is_sum_of_holds', a.id::text, 'held ' || a.held || ', holds ' || coalesce(p.total, 0)
  FROM ledger.accounts a LEFT JOIN promised p USING (id) WHERE a.held <> coalesce(p.total, 0)
UNION ALL
SELECT 'no_balance_below_zero', a.id::text, a.kind || ' with balance ' || a.balance || ', held ' || a.held
  FROM ledger.accounts a WHERE a.kind <> 'funding' AND (a.balance < 0 OR a.balance < a.held)
UNION ALL
SELECT 'one_charge_per_request', p.request_id, count(*) || ' charges'
  FROM ledger.postings p WHERE p.kind = 'charge' GROUP BY p.request_id HAVING count(*) > 1
UNION ALL
SELECT 'postings_have_accounts', f.id::text, 'postings of ' || f.total || ' without an account'
  FROM flow f WHERE NOT EXISTS (SELECT 1 FROM ledger.accounts a WHERE a.id = f.id)
UNION ALL
SELECT 'budget_held_is_sum_of_holds', b.spender_id::text, 'held ' || b.held || ', holds ' || p.total
  FROM ledger.budgets b CROSS JOIN LATERAL (
    SELECT coalesce(sum(h.amount), 0) AS total FROM ledger.holds h WHERE h.account_id = b.account_id
      AND (b.kind = 'organization' OR b.spender_id = CASE b.kind WHEN 'project' THEN h.project_id ELSE h.key_id END)
  ) p WHERE b.held <> p.total
UNION ALL
SELECT 'budgets_are_looked_for', a.id::text, 'budgeted ' || a.budgeted
  FROM ledger.accounts a
  WHERE a.budgeted <> EXISTS (SELECT 1 FROM ledger.budgets b WHERE b.account_id = a.id)`;

/** @returns every broken rule; empty when the books are right */
export async function checkInvariants(client: LedgerClient): Promise<Violation[]> {
  const { rows } = await client.query({ text: CHECK });
  return rows as Violation[];
}
