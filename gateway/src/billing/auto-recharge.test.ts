import { checkInvariants, credit } from '@zerogpu/ledger';
import { describe, expect, it } from 'vitest';
import { onEveryPostgres } from '../testing/postgres.ts';
import { DOLLAR, type Organization, ScriptedBilling } from '../testing/scripted-billing.ts';
import { rechargeRound } from './auto-recharge.ts';
import { startBillingRounds } from './billing-rounds.ts';
import { retryAfter } from './recharge-state.ts';
import { reconcile } from './reconcile.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DECLINES = '4000000000000341';

describe('retryAfter', () => {
  it('waits longer each time, and then no more', () => {
    expect([1, 2, 3, 4].map(retryAfter)).toEqual([HOUR, 6 * HOUR, 24 * HOUR, null]);
  });
});

onEveryPostgres('auto recharge', (database) => {
  it('fills up below the threshold only, and rests a minute', async () => {
    const billing = new ScriptedBilling(await database());
    const organization = await recharging(billing, '4242424242424242');
    await give(billing, organization, 20n * DOLLAR);
    expect(await rechargeRound(billing.parts)).toEqual([]);
    await hold(billing, organization, DOLLAR);
    expect(await rechargeRound(billing.parts)).toMatchObject([{ state: 'succeeded', amount: 10n * DOLLAR }]);
    expect(await billing.balance(organization)).toBe(30n * DOLLAR);
    await hold(billing, organization, 25n * DOLLAR);
    expect(await rechargeRound(billing.parts)).toEqual([]);
    billing.now += 2 * MINUTE;
    expect(await rechargeRound(billing.parts)).toHaveLength(1);
    expect(billing.told.map(({ kind }) => kind)).toEqual(['recharge.succeeded', 'recharge.succeeded']);
  });

  it('of many gateways at once one acts', async () => {
    const billing = new ScriptedBilling(await database());
    const organization = await recharging(billing, '4242424242424242');
    for (let round = 0; round < 5; round++) {
      const made = await Promise.all(Array.from({ length: 6 }, () => rechargeRound(billing.parts)));
      expect(made.flat()).toHaveLength(round === 0 || round === 2 ? 1 : 0);
      if (round === 1) billing.now += 2 * MINUTE;
    }
    expect(await billing.balance(organization)).toBe(20n * DOLLAR);
    expect(await checkInvariants(billing.pool)).toEqual([]);
  });

  it('never makes a second recharge while one is open, and the reconciler finishes that one', async () => {
    const billing = new ScriptedBilling(await database());
    const organization = await recharging(billing, '4242424242424242');
    billing.fault = (method) => (method === 'confirmCharge' ? 'after' : null);
    expect(await rechargeRound(billing.parts)).toMatchObject([{ state: 'pending' }]);
    billing.fault = () => null;
    billing.now += 10 * MINUTE;
    expect(await rechargeRound(billing.parts)).toEqual([]);
    await reconcile(billing.parts);
    expect(await billing.balance(organization)).toBe(10n * DOLLAR);
  });

  it('holds the cap of the month, and goes on in the next', async () => {
    const billing = new ScriptedBilling(await database());
    const organization = await recharging(billing, '4242424242424242', {
      cap: 25n * DOLLAR,
      threshold: 100n * DOLLAR,
    });
    for (let i = 0; i < 4; i++) {
      await rechargeRound(billing.parts);
      billing.now += 2 * MINUTE;
    }
    expect(await billing.balance(organization)).toBe(20n * DOLLAR);
    expect(await settings(billing)).toMatchObject({ state: 'capped', enabled: true });
    expect((await settings(billing))?.check_after).toEqual(new Date(Date.UTC(2030, 5, 1)));
    expect(billing.told.filter(({ kind }) => kind === 'recharge.failed')).toHaveLength(1);
    billing.now = Date.UTC(2030, 5, 1) + MINUTE;
    await rechargeRound(billing.parts);
    expect(await billing.balance(organization)).toBe(30n * DOLLAR);
    expect(await settings(billing)).toMatchObject({ state: 'on', reason: null });
  });

  it('tries a declined card after one hour, six and a day, then switches itself off and says so', async () => {
    const billing = new ScriptedBilling(await database());
    const organization = await recharging(billing, DECLINES);
    for (const [failures, wait] of [
      [1, HOUR],
      [2, 6 * HOUR],
      [3, 24 * HOUR],
    ] as const) {
      expect(await rechargeRound(billing.parts)).toMatchObject([{ state: 'failed' }]);
      const due = new Date(billing.now + wait);
      expect(await settings(billing)).toMatchObject({ state: 'retrying', failures, check_after: due });
      billing.now += wait - 1;
      expect(await rechargeRound(billing.parts)).toEqual([]);
      billing.now += 1;
    }
    expect(await rechargeRound(billing.parts)).toMatchObject([{ state: 'failed' }]);
    expect(await settings(billing)).toMatchObject({
      state: 'stopped',
      enabled: false,
      failures: 4,
      reason: 'The card was declined',
    });
    billing.now += 100 * HOUR;
    expect(await rechargeRound(billing.parts)).toEqual([]);
    expect(billing.told.map(({ kind }) => kind)).toEqual([
      'recharge.failed',
      'recharge.failed',
      'recharge.failed',
      'recharge.switched_off',
    ]);
    expect(billing.told.at(-1)?.title).toBe(
      'The auto recharge has switched itself off: The card was declined',
    );
    const { rows } = await billing.pool.query(
      'SELECT action, person_id FROM audit_log ORDER BY id DESC LIMIT 1',
    );
    expect(rows).toEqual([{ action: 'auto_recharge.stopped', person_id: null }]);
    expect(await billing.balance(organization)).toBe(0n);
  });

  it('a card that works again begins anew', async () => {
    const billing = new ScriptedBilling(await database());
    const organization = await recharging(billing, DECLINES);
    await rechargeRound(billing.parts);
    await billing.pool.query("UPDATE sandbox_objects SET body = body - 'declines' WHERE id LIKE 'pm_%'");
    billing.now += HOUR;
    await rechargeRound(billing.parts);
    expect(await settings(billing)).toMatchObject({ state: 'on', failures: 0, reason: null });
    expect(await billing.balance(organization)).toBe(10n * DOLLAR);
  });

  it('a card that wants its holder fails with nobody there', async () => {
    const billing = new ScriptedBilling(await database());
    await recharging(billing, '4000002760003184');
    const made = await rechargeRound(billing.parts);
    expect(made).toMatchObject([{ state: 'failed', failure_code: 'authentication_required' }]);
  });

  it('without a card it switches itself off', async () => {
    const billing = new ScriptedBilling(await database());
    await recharging(billing, '4242424242424242');
    await billing.pool.query('UPDATE payment_methods SET removed_at = now(), is_default = false');
    expect(await rechargeRound(billing.parts)).toEqual([]);
    expect(await settings(billing)).toMatchObject({ state: 'stopped', reason: 'There is no card to charge' });
  });

  it('its rounds do all of it, forget removed cards at the provider, and leave nothing running', async () => {
    const billing = new ScriptedBilling(await database());
    const organization = await recharging(billing, '4242424242424242');
    const rounds = startBillingRounds(billing.parts, 10);
    while ((await billing.balance(organization)) === 0n)
      await new Promise((resolve) => setTimeout(resolve, 10));
    await billing.pool.query('UPDATE payment_methods SET removed_at = now(), is_default = false');
    while (!billing.calls.includes('forgetCard')) await new Promise((resolve) => setTimeout(resolve, 10));
    await rounds.stop();
    const { rows } = await billing.pool.query('SELECT 1 FROM payment_methods WHERE detached_at IS NULL');
    expect(rows).toEqual([]);
  });
});

async function recharging(
  billing: ScriptedBilling,
  card: string,
  { cap = 100n * DOLLAR, threshold = 20n * DOLLAR } = {},
): Promise<Organization> {
  const organization = await billing.organization(card);
  await billing.pool.query(
    `INSERT INTO auto_recharges (organization_id, enabled, threshold, amount, monthly_cap, state, check_after)
     VALUES ($1, true, $2, $3, $4, 'on', $5)`,
    [organization.id, threshold, 10n * DOLLAR, cap, new Date(billing.now)],
  );
  return organization;
}

async function give(
  { pool, now }: ScriptedBilling,
  { walletId }: Organization,
  amount: bigint,
): Promise<void> {
  await credit(pool, { walletId, amount, reference: null, description: 'test', at: now });
}

/** As much of the wallet is promised to requests that run. */
async function hold({ pool }: ScriptedBilling, { walletId }: Organization, held: bigint): Promise<void> {
  await pool.query('UPDATE ledger.accounts SET held = $2 WHERE id = $1', [walletId, held]);
}

async function settings({ pool }: ScriptedBilling) {
  const { rows } = await pool.query<{ check_after: Date }>('SELECT * FROM auto_recharges');
  return rows[0];
}
