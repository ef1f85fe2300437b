/** Budgets as tenants see and change them: behind the fence, by the functions of migrations/0007_admission.sql. */
import type { Budget, SpenderKind } from '@zerogpu/ledger';
import type { NanoDollars } from '@zerogpu/protocol';
import type { PoolClient } from 'pg';
import type { TenantScope } from '../store/tenant-fence.ts';

export interface Spender {
  readonly kind: SpenderKind;
  readonly id: string;
}

/**
 * Row-level security says the same once more. $3 is the spender that is asked for, or null for all. An organization has
 * at most thousands of spenders with a budget, each set by hand.
 */
const READ = `
SELECT b.spender_id AS "spenderId", b.kind, b.monthly_limit AS "monthlyLimit", b.held,
  CASE WHEN b.month < ledger.month_of($4) THEN 0 ELSE b.spent END AS spent
FROM ledger.budgets b JOIN organizations o ON o.wallet_id = b.account_id
WHERE o.id = $1 AND b.spender_id = coalesce($3, b.spender_id) AND ($2::uuid IS NULL OR b.spender_id = $2
  OR EXISTS (SELECT 1 FROM api_keys k WHERE k.project_id = $2 AND k.id = b.spender_id))
ORDER BY array_position(ARRAY['organization', 'project', 'key'], b.kind), b.spender_id
LIMIT 10000`;
const SET = 'SELECT set_tenant_budget($1, $2, $3, $4) AS done';
const REMOVE = 'SELECT remove_tenant_budget($1, $2) AS done';
const HAS_KEY = 'SELECT 1 FROM api_keys WHERE project_id = $1 AND id = $2';

/** @param now milliseconds since 1970: says which month */
export async function readTenantBudgets(
  db: PoolClient,
  scope: TenantScope,
  now: number,
  spenderId: string | null = null,
): Promise<Budget[]> {
  const values = [scope.organizationId, scope.projectId, spenderId, new Date(now)];
  const { rows } = await db.query<Budget>(READ, values);
  return rows;
}

/** @returns false when there is no such spender in the scope of the transaction */
export async function setTenantBudget(
  db: PoolClient,
  { kind, id }: Spender,
  monthlyLimit: NanoDollars,
  now: number,
): Promise<boolean> {
  return done(await db.query(SET, [kind, id, monthlyLimit, new Date(now)]));
}

/** @returns false when there is no such spender in the scope of the transaction, or it has no budget */
export async function removeTenantBudget(db: PoolClient, { kind, id }: Spender): Promise<boolean> {
  return done(await db.query(REMOVE, [kind, id]));
}

export async function projectHasKey(db: PoolClient, projectId: string, keyId: string): Promise<boolean> {
  return (await db.query(HAS_KEY, [projectId, keyId])).rows.length > 0;
}

function done({ rows }: { readonly rows: readonly { readonly done: boolean }[] }): boolean {
  return rows[0]?.done === true;
}
