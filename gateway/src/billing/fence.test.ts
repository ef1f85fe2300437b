import { expect, it } from 'vitest';
import { inTenant } from '../store/tenant-fence.ts';
import { onEveryPostgres } from '../testing/postgres.ts';
import { DOLLAR, ScriptedBilling } from '../testing/scripted-billing.ts';
import { chargePayment } from './payments.ts';

const TABLES = [
  'billing_customers',
  'payment_methods',
  'payment_setups',
  'payments',
  'refunds',
  'auto_recharges',
] as const;

onEveryPostgres('the fence around billing', (database) => {
  /** Two organizations, each with a row in most tables. */
  async function two() {
    const billing = new ScriptedBilling(await database());
    const [one, other] = [await billing.organization(), await billing.organization()];
    for (const organization of [one, other])
      await chargePayment(billing.parts, await billing.begin(organization));
    return { billing, one, other, scope: { organizationId: one.id, projectId: null } };
  }

  it('a statement without a predicate sees its own organization only', async () => {
    const { billing, one, scope } = await two();
    for (const table of TABLES) {
      const { rows } = await inTenant(billing.pool, scope, (db) =>
        db.query(`SELECT organization_id FROM ${table}`),
      );
      expect(rows.every(({ organization_id }) => organization_id === one.id)).toBe(true);
    }
    const { rows } = await inTenant(billing.pool, scope, (db) =>
      db.query('SELECT count(*)::int FROM payments'),
    );
    expect(rows).toEqual([{ count: 1 }]);
  });

  it('what the functions tell of the ledger is the balance and the credits of the own organization', async () => {
    const { billing, scope } = await two();
    await inTenant(billing.pool, scope, async (db) => {
      const { rows } = await db.query('SELECT balance, available FROM billing_balance()');
      expect(rows).toEqual([{ balance: 25n * DOLLAR, available: 25n * DOLLAR }]);
      expect((await db.query('SELECT * FROM billing_other_credits()')).rows).toEqual([]);
    });
  });

  const REFUSED = [
    ["UPDATE payments SET state = 'succeeded'", 'permission denied'],
    ['DELETE FROM payments', 'permission denied'],
    ['UPDATE refunds SET amount = 1', 'permission denied'],
    ['SELECT * FROM sandbox_objects', 'permission denied'],
    ['SELECT * FROM ledger.accounts', 'permission denied'],
    ["SELECT ledger.credit(gen_random_uuid(), 1, 'x', 'x', now())", 'permission denied'],
  ] as const;

  it.each(REFUSED)('nobody who acts for a tenant may %s', async (statement, reason) => {
    const { billing, scope } = await two();
    await expect(inTenant(billing.pool, scope, (db) => db.query(statement))).rejects.toThrow(reason);
  });

  it('nobody who acts for a tenant writes a payment that has succeeded, or for another organization', async () => {
    const { billing, one, other, scope } = await two();
    const insert = `INSERT INTO payments
      (organization_id, provider, source, method_id, brand, last_four, amount, state, created_at, look_after)
      VALUES ($1, 'sandbox', 'manual', $2, 'visa', '4242', 10000000, $3, now(), now())`;
    const write = (values: unknown[]) => inTenant(billing.pool, scope, (db) => db.query(insert, values));
    await expect(write([one.id, one.methodId, 'succeeded'])).rejects.toThrow('row-level security');
    await expect(write([other.id, other.methodId, 'pending'])).rejects.toThrow('row-level security');
    await write([one.id, one.methodId, 'pending']);
  });
});
