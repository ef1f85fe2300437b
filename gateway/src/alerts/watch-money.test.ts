import { randomUUID } from 'node:crypto';
import { credit } from '@zerogpu/ledger';
import { NANOS_PER_DOLLAR } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import { expect, it } from 'vitest';
import { Secrets } from '../store/secrets.ts';
import { type Database, onEveryPostgres } from '../testing/postgres.ts';
import { makeTenant } from '../testing/tenant.ts';
import { runRounds, takeRound } from './alert-rounds.ts';
import { makeNotify } from './notify.ts';
import { writeProjectPercents, writeRules } from './rules.ts';
import { monthOf, watchBalances, watchBudgets, watchRunways } from './watch-money.ts';

const secrets = new Secrets('a secret of the tests, long enough');
const DOLLAR = NANOS_PER_DOLLAR;
const NOW = Date.UTC(2030, 5, 15, 12);
const DAY = 86_400_000;

async function setUp(database: Database, balance = 100n * DOLLAR) {
  const pool = await database();
  const { caller } = await makeTenant(pool, secrets, balance);
  const services = { pool, notify: makeNotify(() => NOW) };
  return {
    pool,
    caller,
    services,
    budget: (kind: string, spender: string, limit: bigint, spent: bigint, now = NOW) =>
      setBudget(pool, caller.walletId, kind, spender, limit, spent, now),
    titles: async () => {
      const { rows } = await pool.query<{ title: string }>('SELECT title FROM events ORDER BY id');
      return rows.map(({ title }) => title);
    },
  };
}

async function setBudget(
  pool: Pool,
  walletId: string,
  kind: string,
  spender: string,
  limit: bigint,
  spent: bigint,
  now: number,
): Promise<void> {
  await pool.query(
    `INSERT INTO ledger.budgets (spender_id, kind, account_id, monthly_limit, month, spent, held)
     VALUES ($1, $2, $3, $4, $5, $6, 0)
     ON CONFLICT (spender_id) DO UPDATE SET monthly_limit = $4, month = $5, spent = $6`,
    [spender, kind, walletId, limit, monthOf(now), spent],
  );
}

/** In the hour before `at`. */
async function spend(pool: Pool, projectId: string, cost: bigint, at: number): Promise<void> {
  const { rows } = await pool.query<{ column_name: string; data_type: string }>(
    `SELECT column_name, data_type FROM information_schema.columns
     WHERE table_name = 'usage_rollups' AND is_nullable = 'NO' AND column_default IS NULL
       AND column_name NOT IN ('project_id', 'resolution', 'bucket', 'cost')`,
  );
  // Whatever else the table asks for: only these four matter here.
  const others = rows.map(({ column_name, data_type }) => [column_name, fillerOf(data_type)] as const);
  const names = others.map(([name]) => `, ${name}`).join('');
  const values = others.map(([, value]) => `, ${value}`).join('');
  await pool.query(
    `INSERT INTO usage_rollups (project_id, resolution, bucket, cost${names})
     VALUES ($1, 'hour', date_trunc('hour', $2::timestamptz), $3${values})`,
    [projectId, new Date(at), cost],
  );
}

function fillerOf(type: string): string {
  if (type === 'uuid') return `'${randomUUID()}'`;
  if (type === 'ARRAY') return "'{}'";
  return type === 'text' ? `''` : '0';
}

onEveryPostgres('money watched', (database) => {
  it('tells of budgets of organization, project and key, each threshold once', async () => {
    const { caller, services, budget, titles, pool } = await setUp(database);
    await budget('organization', caller.organizationId, 100n * DOLLAR, 50n * DOLLAR - 1n);
    await budget('project', caller.projectId, 10n * DOLLAR, 8n * DOLLAR);
    await budget('key', caller.keyId, DOLLAR, DOLLAR);
    expect(await watchBudgets(services, NOW)).toBe(2);
    expect(await watchBudgets(services, NOW)).toBe(0);
    // Several thresholds at once are one message.
    expect((await titles()).sort()).toEqual([
      'The key "test" has used 100 % of its monthly budget of $1.00',
      'The project "test" has used 80 % of its monthly budget of $10.00',
    ]);
    await budget('organization', caller.organizationId, 100n * DOLLAR, 50n * DOLLAR);
    expect(await watchBudgets(services, NOW)).toBe(1);
    const { rows } = await pool.query("SELECT * FROM events WHERE title LIKE 'The organization%'");
    expect(rows).toMatchObject([
      {
        organization_id: caller.organizationId,
        project_id: null,
        kind: 'budget.threshold_reached',
        severity: 'warning',
        details: {
          percent: 50,
          monthly_limit: '100.00',
          spent: '50.00',
          month: '2030-06',
          budget_of: 'organization',
        },
      },
    ]);
    const keys = await pool.query("SELECT project_id, severity FROM events WHERE title LIKE 'The key%'");
    expect(keys.rows).toEqual([{ project_id: caller.projectId, severity: 'critical' }]);
  });

  it('tells again in the next month, and in the same one after it recovered', async () => {
    const { caller, services, budget } = await setUp(database);
    const set = (limit: bigint, spent: bigint, now = NOW) =>
      budget('project', caller.projectId, limit * DOLLAR, spent * DOLLAR, now);
    await set(10n, 5n);
    expect(await watchBudgets(services, NOW)).toBe(1);
    // The limit is raised: it recovers, and half of the new one is news.
    await set(20n, 5n);
    expect(await watchBudgets(services, NOW)).toBe(0);
    await set(20n, 10n);
    expect(await watchBudgets(services, NOW)).toBe(1);
    const later = NOW + 31 * DAY;
    // The row still says last month: nothing is spent in this one.
    expect(await watchBudgets(services, later)).toBe(0);
    await set(20n, 10n, later);
    expect(await watchBudgets(services, later)).toBe(1);
    await set(0n, 0n, later);
    expect(await watchBudgets(services, later)).toBe(0);
  });

  it('goes by the rules of the project, then of the organization', async () => {
    const { pool, caller, services, budget, titles } = await setUp(database);
    const rules = { budgetPercents: [90], lowBalance: null, runwayDays: null };
    await writeRules(pool, caller.organizationId, rules);
    await budget('organization', caller.organizationId, 10n * DOLLAR, 8n * DOLLAR);
    await budget('project', caller.projectId, 10n * DOLLAR, 8n * DOLLAR);
    await budget('key', caller.keyId, 10n * DOLLAR, 1n * DOLLAR);
    expect(await watchBudgets(services, NOW)).toBe(0);
    await writeProjectPercents(pool, caller.projectId, [10, 80]);
    expect(await watchBudgets(services, NOW)).toBe(2);
    expect((await titles()).map((title) => title.slice(0, 18)).sort()).toEqual([
      'The key "test" has',
      'The project "test"',
    ]);
    await writeProjectPercents(pool, caller.projectId, []);
    await budget('project', caller.projectId, 10n * DOLLAR, 10n * DOLLAR);
    expect(await watchBudgets(services, NOW)).toBe(0);
  });

  it('tells of a low balance once, and again when it had recovered', async () => {
    const { caller, services, titles, pool } = await setUp(database, DOLLAR - 1n);
    expect(await watchBalances(services, NOW)).toBe(1);
    expect(await watchBalances(services, NOW)).toBe(0);
    const more = { walletId: caller.walletId, reference: null, description: 'test', at: NOW };
    await credit(pool, { ...more, amount: 1n });
    expect(await watchBalances(services, NOW)).toBe(0);
    await writeRules(pool, caller.organizationId, {
      budgetPercents: [],
      lowBalance: 2n * DOLLAR,
      runwayDays: null,
    });
    expect(await watchBalances(services, NOW)).toBe(1);
    expect((await titles()).sort()).toEqual(['The balance is below $1.00', 'The balance is below $2.00']);
  });

  it('tells nobody who never had money, and nobody who does not want to know', async () => {
    const { pool, services, caller } = await setUp(database, 1n);
    await pool.query('UPDATE ledger.accounts SET balance = 0 WHERE owner_id = $1', [caller.organizationId]);
    expect(await watchBalances(services, NOW)).toBe(0);
  });

  it('tells of a short runway, and again only after it was a good deal longer', async () => {
    const { pool, caller, services, titles } = await setUp(database, 10n * DOLLAR);
    await pool.query('UPDATE organizations SET created_at = $1', [new Date(NOW - 30 * DAY)]);
    expect(await watchRunways(services, NOW)).toBe(0);
    await spend(pool, caller.projectId, 14n * DOLLAR, NOW - DAY);
    expect(await watchRunways(services, NOW)).toBe(1);
    expect(await watchRunways(services, NOW)).toBe(0);
    expect(await titles()).toEqual(['At the present spending the balance lasts 5 more days']);
    const more = { walletId: caller.walletId, reference: null, description: 'test', at: NOW };
    // 7.5 days: longer than the rule's seven, but not by a quarter.
    await credit(pool, { ...more, amount: 5n * DOLLAR });
    expect(await watchRunways(services, NOW)).toBe(0);
    await spend(pool, caller.projectId, DOLLAR * 7n, NOW - 3 * DAY);
    expect(await watchRunways(services, NOW)).toBe(0);
    await credit(pool, { ...more, amount: 100n * DOLLAR });
    expect(await watchRunways(services, NOW)).toBe(0);
    await spend(pool, caller.projectId, DOLLAR * 700n, NOW - 2 * DAY);
    expect(await watchRunways(services, NOW)).toBe(1);
    // Spending of more than a week ago is none.
    expect(await watchRunways(services, NOW + 30 * DAY)).toBe(0);
  });

  it('tells once, however many gateways look at the same moment', async () => {
    const { caller, services, budget, titles } = await setUp(database, DOLLAR / 2n);
    await budget('project', caller.projectId, DOLLAR, DOLLAR);
    const looks = Array.from({ length: 4 }, () => [
      watchBudgets(services, NOW),
      watchBalances(services, NOW),
    ]);
    const told = await Promise.all(looks.flat());
    expect(told.reduce((sum, one) => sum + one, 0)).toBe(2);
    expect(await titles()).toHaveLength(2);
  });

  it('rounds are taken by one gateway at a time, whatever its clock says', async () => {
    const { pool, services, caller, budget, titles } = await setUp(database);
    const take = (now: number) => takeRound(pool, 'x', 15_000, now);
    const taken = await Promise.all(Array.from({ length: 4 }, () => take(NOW)));
    expect(taken.filter(Boolean)).toHaveLength(1);
    expect(await take(NOW + 14_999)).toBe(false);
    expect(await take(NOW + 15_000)).toBe(true);
    // Somebody's clock was years ahead: the others do not wait for it.
    expect(await take(NOW + 1_000 * DAY)).toBe(true);
    expect(await take(NOW + 30_000)).toBe(true);
    await budget('project', caller.projectId, DOLLAR, DOLLAR);
    await Promise.all(Array.from({ length: 4 }, () => runRounds(services, NOW)));
    expect(await titles()).toHaveLength(1);
    await budget('organization', caller.organizationId, DOLLAR, DOLLAR);
    await runRounds(services, NOW + 14_999);
    expect(await titles()).toHaveLength(1);
    await runRounds(services, NOW + 15_000);
    expect(await titles()).toHaveLength(2);
  });
});
