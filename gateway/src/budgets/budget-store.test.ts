import { checkInvariants, type SpenderKind } from '@zerogpu/ledger';
import type { Pool } from 'pg';
import { describe, expect, it } from 'vitest';
import type { Caller } from '../flow.ts';
import { Settler } from '../metering/settle.ts';
import { HoldBook } from '../quota/hold-money.ts';
import { Secrets } from '../store/secrets.ts';
import { inTenant } from '../store/tenant-fence.ts';
import { onEveryPostgres } from '../testing/postgres.ts';
import { makeAsking, makeSettlement, makeTenant } from '../testing/tenant.ts';
import { projectHasKey, readTenantBudgets, removeTenantBudget, setTenantBudget } from './budget-store.ts';

const secrets = new Secrets('a secret of the tests, long enough');
const NOW = Date.now();

const scopeOf = ({ organizationId, projectId }: Caller, kind: SpenderKind) => ({
  organizationId,
  projectId: kind === 'organization' ? null : projectId,
});
const spenderOf = (caller: Caller, kind: SpenderKind) => ({
  kind,
  id: { organization: caller.organizationId, project: caller.projectId, key: caller.keyId }[kind],
});

/** As an administrator of `who`, a budget of `whose`. */
function set(pool: Pool, who: Caller, kind: SpenderKind, limit: bigint, whose = who): Promise<boolean> {
  return inTenant(pool, scopeOf(who, kind), (db) => setTenantBudget(db, spenderOf(whose, kind), limit, NOW));
}

function read(pool: Pool, who: Caller, kind: SpenderKind) {
  const scope = scopeOf(who, kind);
  return inTenant(pool, scope, (db) => readTenantBudgets(db, scope, NOW));
}

onEveryPostgres('budgets of tenants', (database) => {
  const kinds = ['organization', 'project', 'key'] as const;

  it.each(kinds)('of the %s are set, read and removed by their own', async (kind) => {
    const pool = await database();
    const { caller } = await makeTenant(pool, secrets);
    expect(await set(pool, caller, kind, 500n)).toBe(true);
    expect(await set(pool, caller, kind, 400n)).toBe(true);
    const { id } = spenderOf(caller, kind);
    expect(await read(pool, caller, kind)).toEqual([
      { spenderId: id, kind, monthlyLimit: 400n, spent: 0n, held: 0n },
    ]);
    const remove = () =>
      inTenant(pool, scopeOf(caller, kind), (db) => removeTenantBudget(db, spenderOf(caller, kind)));
    expect(await remove()).toBe(true);
    expect(await remove()).toBe(false);
  });

  it.each(kinds)('of the %s are not there for anybody else', async (kind) => {
    const pool = await database();
    const [{ caller: ours }, { caller: theirs }] = [
      await makeTenant(pool, secrets),
      await makeTenant(pool, secrets),
    ];
    expect(await set(pool, ours, kind, 500n)).toBe(true);
    expect(await set(pool, theirs, kind, 1n, ours)).toBe(false);
    const scope = scopeOf(theirs, kind);
    expect(await inTenant(pool, scope, (db) => removeTenantBudget(db, spenderOf(ours, kind)))).toBe(false);
    expect(await read(pool, theirs, kind)).toEqual([]);
    // The first fence forgotten: row-level security still shows nothing.
    const { rows } = await inTenant(pool, scope, (db) => db.query('SELECT * FROM ledger.budgets'));
    expect(rows).toEqual([]);
    expect(await inTenant(pool, scope, (db) => projectHasKey(db, ours.projectId, ours.keyId))).toBe(false);
  });

  it('of the whole organization are not for one project, nor those of another project', async () => {
    const pool = await database();
    const { caller } = await makeTenant(pool, secrets);
    await set(pool, caller, 'organization', 500n);
    const scope = scopeOf(caller, 'project');
    const organization = spenderOf(caller, 'organization');
    expect(await inTenant(pool, scope, (db) => setTenantBudget(db, organization, 1n, NOW))).toBe(false);
    const { rows } = await inTenant(pool, scope, (db) => db.query('SELECT * FROM ledger.budgets'));
    expect(rows).toEqual([]);
  });

  it.each([
    'UPDATE ledger.budgets SET monthly_limit = 1',
    'DELETE FROM ledger.budgets',
    "SELECT ledger.set_budget(gen_random_uuid(), 'key', gen_random_uuid(), 1, 0, now())",
    'SELECT * FROM ledger.holds',
    'SELECT * FROM rate_limits',
  ])('cannot be gone around: %s', async (sql) => {
    const pool = await database();
    const { caller } = await makeTenant(pool, secrets);
    const attempt = inTenant(pool, scopeOf(caller, 'organization'), (db) => db.query(sql));
    await expect(attempt).rejects.toThrow('permission denied');
  });

  describe('set while requests run', () => {
    it('are exact to the request', async () => {
      const pool = await database();
      const { caller } = await makeTenant(pool, secrets);
      const holds = new HoldBook(pool, 2);
      const settler = new Settler({ pool, secrets, gatewayName: 'gateway-1', concurrency: 2 });
      const one = async () => {
        const settlement = makeSettlement(caller, { startedAt: Date.now(), cost: 7n });
        await holds.take(makeAsking(caller, settlement.requestId, { amount: 10n }));
        await settler.settle(settlement);
      };
      const several = async () => {
        for (let i = 0; i < 10; i++) await one();
      };
      const setting = async () => {
        for (const kind of kinds) {
          await one();
          expect(await set(pool, caller, kind, 900_000n)).toBe(true);
        }
      };
      await Promise.all([several(), several(), several(), several(), setting()]);
      const budgets = [
        ...(await read(pool, caller, 'organization')),
        ...(await read(pool, caller, 'project')),
      ];
      expect(budgets.map(({ spent, held }) => [spent, held])).toEqual(
        Array(budgets.length).fill([43n * 7n, 0n]),
      );
      expect(new Set(budgets.map(({ kind }) => kind)).size).toBe(3);
      expect(await checkInvariants(pool)).toEqual([]);
      await Promise.all([holds.close(), settler.close()]);
    });
  });
});
