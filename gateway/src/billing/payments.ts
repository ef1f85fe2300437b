/**
 * Payments as they go. Whoever hears of one first (the request that made it, a webhook, the reconciler of any gateway)
 * applies what the provider says; its state and its credit change in one transaction, so the credit is posted once.
 */
import { credit } from '@zerogpu/ledger';
import { dollarsText } from '@zerogpu/protocol';
import type { PoolClient } from 'pg';
import { inTransaction } from '../store/transaction.ts';
import type { BillingParts } from './parts.ts';
import { nextStep, type PaymentState, type Step } from './payment-state.ts';
import {
  type ChargeOutcome,
  declineMessage,
  isTestMoney,
  ProviderError,
  type ProviderMode,
} from './provider.ts';
import { settleRecharge } from './recharge-state.ts';

export interface PaymentRow {
  readonly organization_id: string;
  readonly id: string;
  readonly provider: ProviderMode;
  readonly source: 'manual' | 'auto_recharge';
  readonly method_id: string;
  readonly brand: string;
  readonly last_four: string;
  readonly amount: bigint;
  readonly refunded: bigint;
  readonly state: PaymentState;
  readonly provider_payment: string | null;
  readonly failure_code: string | null;
  readonly created_at: Date;
  readonly settled_at: Date | null;
}

export const PAYMENT_COLUMNS = `organization_id, id, provider, source, method_id, brand, last_four, amount, refunded,
  state, provider_payment, failure_code, created_at, settled_at`;

const LOCK = `SELECT ${PAYMENT_COLUMNS} FROM payments WHERE id = $1 FOR UPDATE`;
const READ = `SELECT ${PAYMENT_COLUMNS} FROM payments WHERE id = $1`;
const CARD_AND_CUSTOMER = `
SELECT m.token, c.customer FROM payments p
JOIN payment_methods m ON m.organization_id = p.organization_id AND m.id = p.method_id
JOIN billing_customers c ON c.organization_id = p.organization_id AND c.provider = p.provider
WHERE p.id = $1 AND m.removed_at IS NULL`;
/** Of two charges made for one payment the first named is the payment's; the other is never confirmed. */
const NAME_CHARGE = `
UPDATE payments SET provider_payment = coalesce(provider_payment, $2) WHERE id = $1 AND state = 'pending'
RETURNING provider_payment`;
const SET_STATE = `
UPDATE payments SET state = $2, failure_code = $3, settled_at = $4 WHERE id = $1 RETURNING ${PAYMENT_COLUMNS}`;
const WALLET = 'SELECT wallet_id FROM organizations WHERE id = $1';

/**
 * Takes a new payment to the provider: makes the charge, names it in the database, confirms it.
 * @returns the payment as it is then; still `pending` when the provider does not say what happened
 */
export async function chargePayment(parts: BillingParts, payment: PaymentRow): Promise<PaymentRow> {
  try {
    const charge = await nameCharge(parts, payment);
    if (charge === null) return await readPayment(parts, payment.id);
    return await applyOutcome(
      parts,
      payment.id,
      await parts.provider.confirmCharge(charge, payment.source === 'auto_recharge'),
    );
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    if (error.kind === 'refused')
      return applyOutcome(parts, payment.id, { state: 'failed', code: error.code });
    parts.log.warn({ payment: payment.id, code: error.code }, 'A payment waits for its provider');
    return readPayment(parts, payment.id);
  }
}

/** @returns null when the payment is not to be charged any more */
async function nameCharge({ pool, provider }: BillingParts, payment: PaymentRow): Promise<string | null> {
  if (payment.provider_payment !== null) return payment.provider_payment;
  const { rows } = await pool.query<{ token: string; customer: string }>(CARD_AND_CUSTOMER, [payment.id]);
  const known = rows[0];
  if (known === undefined) throw new ProviderError('refused', 'no_payment_method');
  const made = await provider.createCharge({
    paymentId: payment.id,
    organizationId: payment.organization_id,
    amount: payment.amount,
    ...known,
  });
  const named = await pool.query<{ provider_payment: string }>(NAME_CHARGE, [payment.id, made]);
  return named.rows[0]?.provider_payment ?? null;
}

export async function readPayment({ pool }: BillingParts, id: string): Promise<PaymentRow> {
  const { rows } = await pool.query<PaymentRow>(READ, [id]);
  if (rows[0] === undefined) throw new Error('A payment is gone');
  return rows[0];
}

/** Brings a payment up to what its provider says, and posts its credit with the step to `succeeded`. */
export async function applyOutcome(
  parts: BillingParts,
  id: string,
  outcome: ChargeOutcome,
): Promise<PaymentRow> {
  const { before, after } = await inTransaction(parts.pool, (db) => step(parts, db, id, outcome));
  if (after.state === 'failed' && before.state !== 'failed') await endCharge(parts, after);
  return after;
}

async function step(parts: BillingParts, db: PoolClient, id: string, outcome: ChargeOutcome) {
  const { rows } = await db.query<PaymentRow>(LOCK, [id]);
  const before = rows[0];
  if (before === undefined) throw new Error('A payment is gone');
  const next = nextStep(before.state, whoeverIsThere(before, outcome));
  if (next === null) return { before, after: before };
  const at = parts.now();
  const isOver = next.state === 'succeeded' || next.state === 'failed' || next.state === 'canceled';
  const values = [id, next.state, next.failureCode, isOver ? new Date(at) : null];
  const after = (await db.query<PaymentRow>(SET_STATE, values)).rows[0] ?? before;
  if (next.credited) await post(db, after, outcome, at);
  if (isOver) await tell(parts, db, after, next);
  return { before, after };
}

/** Nobody is there to answer the bank of a card that is charged by itself. */
function whoeverIsThere({ source }: PaymentRow, outcome: ChargeOutcome): ChargeOutcome {
  if (source !== 'auto_recharge' || outcome.state !== 'requires_action') return outcome;
  return { state: 'failed', code: 'authentication_required' };
}

async function post(db: PoolClient, payment: PaymentRow, outcome: ChargeOutcome, at: number): Promise<void> {
  if (outcome.state !== 'succeeded' || outcome.received !== payment.amount) {
    throw new Error(`The provider received another amount for payment ${payment.id} than was asked`);
  }
  const { rows } = await db.query<{ wallet_id: string }>(WALLET, [payment.organization_id]);
  await credit(db, {
    walletId: String(rows[0]?.wallet_id),
    amount: payment.amount,
    reference: `payment:${payment.id}`,
    description: payment.source === 'manual' ? 'Credit' : 'Auto recharge',
    at,
  });
}

async function tell(parts: BillingParts, db: PoolClient, payment: PaymentRow, next: Step): Promise<void> {
  if (payment.source === 'auto_recharge') {
    await settleRecharge(parts, db, payment, next);
    return;
  }
  if (next.state === 'canceled') return;
  const paid = next.state === 'succeeded';
  const amount = dollarsText(payment.amount);
  const why = declineMessage(next.failureCode ?? '');
  await parts.notify(db, {
    organizationId: payment.organization_id,
    projectId: null,
    kind: paid ? 'payment.succeeded' : 'payment.failed',
    severity: paid ? 'info' : 'warning',
    title: paid ? `$${amount} of credit was added` : `A payment of $${amount} failed: ${why}`,
    details: {
      payment_id: payment.id,
      amount,
      test_money: isTestMoney(payment.provider),
      ...(paid ? {} : { failure_code: next.failureCode }),
    },
  });
}

/** So that a browser that knows it cannot go on with it. Without success nothing is lost: money that arrives is credited. */
async function endCharge({ provider, log }: BillingParts, payment: PaymentRow): Promise<void> {
  if (payment.provider_payment === null) return;
  try {
    await provider.cancelCharge(payment.provider_payment);
  } catch (error) {
    const code = error instanceof ProviderError ? error.code : 'unknown';
    log.warn({ payment: payment.id, code }, 'A failed payment could not be ended at its provider');
  }
}
