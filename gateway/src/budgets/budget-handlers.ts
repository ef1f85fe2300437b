import type { Budget } from '@zerogpu/ledger';
import { type AdminRouteName, type budgetRoutes, dollarsText, parseDollars } from '@zerogpu/protocol';
import type { PoolClient } from 'pg';
import { notThere } from '../admin/access.ts';
import type { AdminContext, Handlers } from '../admin/handler.ts';
import { isUuid, type TenantScope } from '../store/tenant-fence.ts';
import {
  projectHasKey,
  readTenantBudgets,
  removeTenantBudget,
  type Spender,
  setTenantBudget,
} from './budget-store.ts';

type Context = Pick<
  AdminContext<AdminRouteName>,
  'organizationId' | 'projectId' | 'now' | 'tenant' | 'audit'
>;

export const budgetHandlers: Handlers<keyof typeof budgetRoutes> = {
  listBudgets: list,
  getOrganizationBudget: (context) => get(context, organizationOf(context)),
  setOrganizationBudget: (context) => set(context, organizationOf(context), context.body.monthly_limit),
  removeOrganizationBudget: (context) => remove(context, organizationOf(context)),

  listProjectBudgets: list,
  getProjectBudget: (context) => get(context, projectOf(context)),
  setProjectBudget: (context) => set(context, projectOf(context), context.body.monthly_limit),
  removeProjectBudget: (context) => remove(context, projectOf(context)),

  getKeyBudget: (context) => get(context, keyOf(context)),
  setKeyBudget: (context) => set(context, keyOf(context), context.body.monthly_limit),
  removeKeyBudget: (context) => remove(context, keyOf(context)),
};

const organizationOf = ({ organizationId }: Context): Spender => ({
  kind: 'organization',
  id: organizationId,
});
const projectOf = ({ projectId }: Context): Spender => ({ kind: 'project', id: projectId });
const keyOf = ({ params }: { readonly params: { readonly keyId: string } }): Spender => ({
  kind: 'key',
  id: params.keyId,
});

async function list(context: Context) {
  const budgets = await context.tenant((db) => readTenantBudgets(db, scopeOf(context), context.now));
  return { object: 'list' as const, data: budgets.map((budget) => shown(budget, context.now)), next: null };
}

function get(context: Context, spender: Spender) {
  return context.tenant(async (db) => {
    await mustBeThere(db, context, spender);
    return one(db, context, spender);
  });
}

function set(context: Context, spender: Spender, limit: string) {
  return context.tenant(async (db) => {
    await mustBeThere(db, context, spender);
    // The schema lets through nothing else.
    const nanos = parseDollars(limit) ?? 0n;
    if (!(await setTenantBudget(db, spender, nanos, context.now))) throw notThere(spender.kind);
    const details = { spender: spender.kind, monthly_limit: dollarsText(nanos) };
    await context.audit(db, { kind: 'budget', id: spender.id, details });
    return one(db, context, spender);
  });
}

function remove(context: Context, spender: Spender) {
  return context.tenant(async (db) => {
    await mustBeThere(db, context, spender);
    if (!(await removeTenantBudget(db, spender))) throw notThere('budget');
    await context.audit(db, { kind: 'budget', id: spender.id, details: { spender: spender.kind } });
  });
}

/** Of a key: who may use the route was looked up by its project only. */
async function mustBeThere(db: PoolClient, { projectId }: Context, { kind, id }: Spender): Promise<void> {
  if (kind !== 'key') return;
  if (!isUuid(id) || !(await projectHasKey(db, projectId, id))) throw notThere('key');
}

async function one(db: PoolClient, context: Context, spender: Spender) {
  const [budget] = await readTenantBudgets(db, scopeOf(context), context.now, spender.id);
  if (budget === undefined) throw notThere('budget');
  return shown(budget, context.now);
}

function scopeOf({ organizationId, projectId }: Context): TenantScope {
  return { organizationId, projectId: projectId === '' ? null : projectId };
}

function shown({ kind, spenderId, monthlyLimit, spent, held }: Budget, now: number) {
  const remaining = monthlyLimit - spent - held;
  const date = new Date(now);
  return {
    spender: kind,
    id: spenderId,
    monthly_limit: dollarsText(monthlyLimit),
    spent: dollarsText(spent),
    held: dollarsText(held),
    remaining: dollarsText(remaining > 0n ? remaining : 0n),
    share: monthlyLimit === 0n ? 1 : shareOf(spent, monthlyLimit),
    month: date.toISOString().slice(0, 7),
    resets_at: new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1)).toISOString(),
  };
}

/** For people to look at: to a millionth, rounded down. */
function shareOf(spent: bigint, limit: bigint): number {
  return Number((spent * 1_000_000n) / limit) / 1_000_000;
}
