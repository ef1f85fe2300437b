import { checkInvariants } from '@zerogpu/ledger';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inTransaction } from '../store/transaction.ts';
import { onEveryPostgres } from '../testing/postgres.ts';
import { DOLLAR, type Fault, type Organization, ScriptedBilling } from '../testing/scripted-billing.ts';
import type { BillingParts } from './parts.ts';
import { nextStep, type PaymentState } from './payment-state.ts';
import { applyOutcome, chargePayment, type PaymentRow, readPayment } from './payments.ts';
import type { ChargeOutcome } from './provider.ts';
import { reconcile } from './reconcile.ts';
import { applyRefund, beginRefund, giveBack, type RefundRow } from './refunds.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const outcomes = fc.constantFrom<ChargeOutcome>(
  { state: 'unconfirmed' },
  { state: 'pending' },
  { state: 'requires_action', clientSecret: null },
  { state: 'succeeded', received: 1n },
  { state: 'failed', code: 'card_declined' },
  { state: 'canceled' },
);

describe('nextStep', () => {
  it('credits exactly once when money arrived, in whatever order words come, and never otherwise', () => {
    fc.assert(
      fc.property(fc.array(outcomes, { maxLength: 12 }), (words) => {
        let state: PaymentState = 'pending';
        let credits = 0;
        for (const word of words) {
          const step = nextStep(state, word);
          if (step?.credited) credits++;
          state = step?.state ?? state;
        }
        const arrived = words.some((word) => word.state === 'succeeded');
        expect(credits).toBe(arrived ? 1 : 0);
        expect(state === 'succeeded').toBe(arrived);
      }),
    );
  });

  it('goes back to nothing that was over, but for money that came after all', () => {
    for (const over of ['failed', 'canceled'] as const) {
      expect(nextStep(over, { state: 'pending' })).toBeNull();
      expect(nextStep(over, { state: 'requires_action', clientSecret: null })).toBeNull();
      expect(nextStep(over, { state: 'succeeded', received: 1n })).toMatchObject({ credited: true });
    }
  });
});

onEveryPostgres('payments', (database) => {
  it('a charge that succeeds is credited, and told', async () => {
    const billing = new ScriptedBilling(await database());
    const organization = await billing.organization();
    const paid = await chargePayment(billing.parts, await billing.begin(organization));
    expect(paid).toMatchObject({ state: 'succeeded', failure_code: null });
    expect(await billing.balance(organization)).toBe(25n * DOLLAR);
    expect(billing.told.map(({ kind }) => kind)).toEqual(['payment.succeeded']);
  });

  it('a declined one is not, says why, and is ended at the provider', async () => {
    const billing = new ScriptedBilling(await database());
    const organization = await billing.organization('4000000000000341');
    const paid = await chargePayment(billing.parts, await billing.begin(organization));
    expect(paid).toMatchObject({ state: 'failed', failure_code: 'card_declined' });
    expect(await billing.balance(organization)).toBe(0n);
    expect(billing.told).toEqual([
      { kind: 'payment.failed', title: 'A payment of $25.00 failed: The card was declined' },
    ]);
    expect(billing.calls.at(-1)).toBe('cancelCharge');
  });

  it('another amount than was asked is never credited', async () => {
    const billing = new ScriptedBilling(await database());
    const organization = await billing.organization();
    const { id } = await billing.begin(organization);
    await expect(applyOutcome(billing.parts, id, { state: 'succeeded', received: 1n })).rejects.toThrow(
      'amount',
    );
    expect(await readPayment(billing.parts, id)).toMatchObject({ state: 'pending' });
    expect(await billing.balance(organization)).toBe(0n);
  });

  const CHARGE_STEPS = ['createCharge', 'confirmCharge'] as const;
  const kills = CHARGE_STEPS.flatMap((method) =>
    (['before', 'after'] as const).map((fault): [string, Fault] => [method, fault]),
  );

  it.each(kills)(
    'a gateway that dies at %s, %s it happened, is made good: credit once',
    async (method, fault) => {
      const billing = new ScriptedBilling(await database());
      const organization = await billing.organization();
      billing.fault = (called) => (called === method ? fault : null);
      const payment = await chargePayment(billing.parts, await billing.begin(organization));
      expect(payment.state).toBe('pending');
      expect(await billing.balance(organization)).toBe(0n);
      billing.fault = () => null;
      billing.now += 2 * MINUTE;
      expect(await reconcile(billing.parts)).toBe(1);
      expect(await readPayment(billing.parts, payment.id)).toMatchObject({ state: 'succeeded' });
      expect(await billing.balance(organization)).toBe(25n * DOLLAR);
      expect(await reconcile(billing.parts)).toBe(0);
      expect(await chargesOf(billing)).toBe(1);
      expect(await checkInvariants(billing.pool)).toEqual([]);
    },
  );

  it('a gateway that dies between the charge and its credit is made good by all the others at once', async () => {
    const billing = new ScriptedBilling(await database());
    const organization = await billing.organization();
    const payment = await billing.begin(organization);
    const charge = await billing.sandbox.createCharge({
      paymentId: payment.id,
      organizationId: organization.id,
      customer: 'c',
      token: await tokenOf(billing, organization),
      amount: payment.amount,
    });
    await billing.pool.query('UPDATE payments SET provider_payment = $2 WHERE id = $1', [payment.id, charge]);
    await billing.sandbox.confirmCharge(charge, false);
    billing.now += 2 * MINUTE;
    const looked = await Promise.all(Array.from({ length: 4 }, () => reconcile(billing.parts)));
    expect(looked.reduce((sum, one) => sum + one)).toBeGreaterThan(0);
    expect(await billing.balance(organization)).toBe(25n * DOLLAR);
  });

  it('a provider that does not answer for months is asked every hour, and no oftener', async () => {
    const billing = new ScriptedBilling(await database());
    const payment = await billing.begin(await billing.organization());
    await billing.pool.query('UPDATE payments SET looks = 5000, provider_payment = $2 WHERE id = $1', [
      payment.id,
      'pi',
    ]);
    billing.fault = () => 'before';
    expect(await reconcile(billing.parts)).toBe(1);
    billing.now += HOUR - 1;
    expect(await reconcile(billing.parts)).toBe(0);
    billing.now += 1;
    expect(await reconcile(billing.parts)).toBe(1);
  });

  it('what was asked an hour ago and never charged is given up, not charged late', async () => {
    const billing = new ScriptedBilling(await database());
    const organization = await billing.organization();
    for (const method of ['createCharge', 'confirmCharge']) {
      billing.fault = (called) => (called === method ? 'before' : null);
      const { id } = await chargePayment(billing.parts, await billing.begin(organization));
      billing.fault = () => null;
      billing.now += HOUR;
      await reconcile(billing.parts);
      expect(await readPayment(billing.parts, id)).toMatchObject({ state: 'canceled' });
    }
    expect(await billing.balance(organization)).toBe(0n);
  });

  it('a bank that nobody answered within a day ends the payment', async () => {
    const billing = new ScriptedBilling(await database());
    const organization = await billing.organization('4000002760003184');
    const payment = await chargePayment(billing.parts, await billing.begin(organization));
    expect(payment.state).toBe('requires_action');
    billing.now += 23 * HOUR;
    await reconcile(billing.parts);
    expect(await readPayment(billing.parts, payment.id)).toMatchObject({ state: 'requires_action' });
    billing.now += 2 * HOUR;
    await reconcile(billing.parts);
    expect(await readPayment(billing.parts, payment.id)).toMatchObject({ state: 'canceled' });
  });

  it('a payment that is canceled while its charge is made is not confirmed', async () => {
    const billing = new ScriptedBilling(await database());
    const organization = await billing.organization();
    const payment = await billing.begin(organization);
    await applyOutcome(billing.parts, payment.id, { state: 'canceled' });
    expect(await chargePayment(billing.parts, payment)).toMatchObject({ state: 'canceled' });
    expect(billing.calls).not.toContain('confirmCharge');
  });

  it('a refund takes the credit first, and gives it back when the provider refuses', async () => {
    const billing = new ScriptedBilling(await database());
    const organization = await billing.organization();
    const payment = await chargePayment(billing.parts, await billing.begin(organization));
    const refund = await refundOf(billing.parts, payment, 10n * DOLLAR);
    expect(await billing.balance(organization)).toBe(15n * DOLLAR);
    await applyRefund(billing.parts, refund.id, { state: 'failed', id: null, code: 'declined' });
    await applyRefund(billing.parts, refund.id, { state: 'failed', id: null, code: 'declined' });
    await applyRefund(billing.parts, refund.id, { state: 'succeeded', id: 're_1' });
    expect(await billing.balance(organization)).toBe(25n * DOLLAR);
    expect(await readPayment(billing.parts, payment.id)).toMatchObject({ refunded: 0n });
  });

  it.each(['before', 'after'] as const)(
    'a refund whose gateway dies %s the provider did it happens once',
    async (fault) => {
      const billing = new ScriptedBilling(await database());
      const organization = await billing.organization();
      const payment = await chargePayment(billing.parts, await billing.begin(organization));
      billing.fault = (called) => (called === 'refund' ? fault : null);
      const refund = await giveBack(billing.parts, await refundOf(billing.parts, payment, 10n * DOLLAR));
      expect(refund.state).toBe('pending');
      billing.fault = () => null;
      billing.now += 2 * MINUTE;
      await reconcile(billing.parts);
      const { rows } = await billing.pool.query('SELECT state FROM refunds');
      expect(rows).toEqual([{ state: 'succeeded' }]);
      expect(await billing.balance(organization)).toBe(15n * DOLLAR);
    },
  );

  it('whatever comes in whatever order and however often: credit once, refunds once, books right', async () => {
    const billing = new ScriptedBilling(await database());
    const acts = fc.constantFrom<Act>(
      'charge',
      'answer',
      'webhook',
      'reconcile',
      'refund',
      'repeat',
      'cancel',
      'approve',
    );
    const plan = fc.record({
      card: fc.constantFrom('4242424242424242', '4000000000000341', '4000002760003184', '4000008260003178'),
      acts: fc.array(fc.tuple(acts, fc.constantFrom<Fault | null>(null, null, 'before', 'after')), {
        maxLength: 10,
      }),
    });
    await fc.assert(
      fc.asyncProperty(plan, ({ card, acts: planned }) => playAndCheck(billing, card, planned)),
      { numRuns: 60 },
    );
    expect(await checkInvariants(billing.pool)).toEqual([]);
  }, 120_000);
});

type Act = 'charge' | 'answer' | 'webhook' | 'reconcile' | 'refund' | 'repeat' | 'cancel' | 'approve';

/** Two of the acts at a time, as if on two gateways; each of their calls of the provider may fail. */
async function playAndCheck(
  billing: ScriptedBilling,
  card: string,
  planned: readonly (readonly [Act, Fault | null])[],
) {
  const organization = await billing.organization(card);
  const payment = await billing.begin(organization);
  for (let i = 0; i < planned.length; i += 2) {
    const pair = planned.slice(i, i + 2);
    billing.fault = () => pair[0]?.[1] ?? null;
    await Promise.allSettled(pair.map(([act]) => play(billing, payment, act)));
    billing.now += 2 * MINUTE;
  }
  billing.fault = () => null;
  await reconcile(billing.parts);
  const after = await readPayment(billing.parts, payment.id);
  const charge = await billing.sandbox.readCharge(after.provider_payment ?? '').catch(() => null);
  const arrived = charge?.state === 'succeeded' ? payment.amount : 0n;
  expect(after.state === 'succeeded').toBe(arrived > 0n);
  expect(await billing.balance(organization)).toBe(arrived - after.refunded);
  await leaveNothingOpen(billing, payment.id);
}

async function play(billing: ScriptedBilling, payment: PaymentRow, act: Act): Promise<void> {
  const { parts } = billing;
  const now = await readPayment(parts, payment.id);
  const charge = now.provider_payment;
  if (act === 'charge') await chargePayment(parts, payment);
  if (act === 'reconcile') await reconcile(parts);
  if (act === 'refund' && now.state === 'succeeded')
    await giveBack(parts, await refundOf(parts, now, 5n * DOLLAR));
  if (act === 'repeat') await repeatRefunds(billing, payment);
  if (charge === null) return;
  if (act === 'answer' || act === 'webhook')
    await applyOutcome(parts, payment.id, await parts.provider.readCharge(charge));
  if (act === 'cancel') await applyOutcome(parts, payment.id, await parts.provider.cancelCharge(charge));
  if (act === 'approve')
    await applyOutcome(parts, payment.id, await parts.provider.continueCharge(charge, 'approve'));
}

function refundOf(parts: BillingParts, payment: PaymentRow, amount: bigint): Promise<RefundRow> {
  return inTransaction(parts.pool, async (db) => {
    await db.query('SELECT 1 FROM payments WHERE id = $1 FOR UPDATE', [payment.id]);
    const refund = await beginRefund(db, {
      organizationId: payment.organization_id,
      paymentId: payment.id,
      amount,
      personId: null,
      at: parts.now(),
    });
    if (refund === null) throw new Error('Insufficient');
    return refund;
  });
}

async function repeatRefunds({ parts, pool }: ScriptedBilling, payment: PaymentRow): Promise<void> {
  const { rows } = await pool.query<{ id: string }>('SELECT id FROM refunds WHERE payment_id = $1', [
    payment.id,
  ]);
  for (const { id } of rows) await applyRefund(parts, id, { state: 'succeeded', id: `re_sandbox_${id}` });
}

/** So that the next run's reconciler has its own only. */
async function leaveNothingOpen({ pool }: ScriptedBilling, id: string): Promise<void> {
  await pool.query(
    "UPDATE payments SET state = 'canceled' WHERE id = $1 AND state IN ('pending', 'requires_action')",
    [id],
  );
  await pool.query("UPDATE refunds SET state = 'succeeded' WHERE payment_id = $1 AND state = 'pending'", [
    id,
  ]);
}

async function tokenOf({ pool }: ScriptedBilling, { methodId }: Organization): Promise<string> {
  const { rows } = await pool.query<{ token: string }>('SELECT token FROM payment_methods WHERE id = $1', [
    methodId,
  ]);
  return String(rows[0]?.token);
}

async function chargesOf({ pool }: ScriptedBilling): Promise<number> {
  const { rows } = await pool.query(
    "SELECT id FROM sandbox_objects WHERE id LIKE 'pi_%' AND body->>'state' = 'succeeded'",
  );
  return rows.length;
}
