/**
 * Finishes what a killed or unlucky gateway left: payments, refunds, cards to forget. Every gateway runs it; rows are
 * claimed with SKIP LOCKED, and a row that two work on nevertheless comes out the same.
 */
import type { BillingParts } from './parts.ts';
import { applyOutcome, chargePayment, PAYMENT_COLUMNS, type PaymentRow } from './payments.ts';
import { ProviderError } from './provider.ts';
import { giveBack, REFUND_COLUMNS, type RefundRow } from './refunds.ts';

/** At once: each waits for the provider, and holds a connection only in between. */
const AT_ONCE = 8;
/** Looks come after one minute, two, four, …, and then hourly. */
const NEXT_LOOK = "$1::timestamptz + least(60 * power(2, least(looks, 6)), 3600) * interval '1 second'";
/** Nobody wants to be charged for what was asked this long ago and never began. */
const STALE_MS = 3_600_000;
/** How long a person has to answer the card's bank. */
const ACTION_MS = 24 * 3_600_000;

const CLAIM_PAYMENTS = `
UPDATE payments SET looks = looks + 1, look_after = ${NEXT_LOOK} WHERE id IN (
  SELECT id FROM payments WHERE state IN ('pending', 'requires_action') AND look_after <= $1 AND provider = $2
  ORDER BY look_after LIMIT ${AT_ONCE} FOR UPDATE SKIP LOCKED
) RETURNING ${PAYMENT_COLUMNS}`;
const CLAIM_REFUNDS = `
UPDATE refunds SET looks = looks + 1, look_after = ${NEXT_LOOK} WHERE id IN (
  SELECT r.id FROM refunds r JOIN payments p ON p.id = r.payment_id AND p.provider = $2
  WHERE r.state = 'pending' AND r.look_after <= $1
  ORDER BY r.look_after LIMIT ${AT_ONCE} FOR UPDATE OF r SKIP LOCKED
) RETURNING ${REFUND_COLUMNS}`;
const CARDS_TO_FORGET = `
SELECT organization_id, id, token FROM payment_methods
WHERE removed_at IS NOT NULL AND detached_at IS NULL AND provider = $1 ORDER BY removed_at LIMIT ${AT_ONCE}`;
const FORGOTTEN = 'UPDATE payment_methods SET detached_at = $3 WHERE organization_id = $1 AND id = $2';

/** One round. @returns how many rows were looked at */
export async function reconcile(parts: BillingParts): Promise<number> {
  const due = [new Date(parts.now()), parts.provider.mode];
  const payments = await parts.pool.query<PaymentRow>(CLAIM_PAYMENTS, due);
  await Promise.all(payments.rows.map((payment) => quietly(parts, payment.id, () => lookAt(parts, payment))));
  const refunds = await parts.pool.query<RefundRow>(CLAIM_REFUNDS, due);
  await Promise.all(refunds.rows.map((refund) => quietly(parts, refund.id, () => giveBack(parts, refund))));
  const forgotten = await forgetCards(parts);
  return payments.rows.length + refunds.rows.length + forgotten;
}

/** One row's trouble is not the others'. */
async function quietly({ log }: BillingParts, id: string, look: () => Promise<unknown>): Promise<void> {
  try {
    await look();
  } catch (error) {
    const reason = error instanceof ProviderError ? error.message : String(error).slice(0, 200);
    log.warn({ id, reason }, 'A payment or refund waits for its next look');
  }
}

export async function lookAt(parts: BillingParts, payment: PaymentRow): Promise<PaymentRow> {
  const age = parts.now() - payment.created_at.getTime();
  const charge = payment.provider_payment;
  if (charge === null) {
    if (age < STALE_MS) return chargePayment(parts, payment);
    return applyOutcome(parts, payment.id, { state: 'canceled' });
  }
  const outcome = await parts.provider.readCharge(charge);
  if (outcome.state === 'unconfirmed' && age < STALE_MS) return chargePayment(parts, payment);
  const tooLate = outcome.state === 'unconfirmed' || (outcome.state === 'requires_action' && age > ACTION_MS);
  return applyOutcome(parts, payment.id, tooLate ? await parts.provider.cancelCharge(charge) : outcome);
}

async function forgetCards(parts: BillingParts): Promise<number> {
  const { pool, provider, now } = parts;
  const { rows } = await pool.query<{ organization_id: string; id: string; token: string }>(CARDS_TO_FORGET, [
    provider.mode,
  ]);
  for (const { organization_id, id, token } of rows) {
    await quietly(parts, id, async () => {
      await provider.forgetCard(token);
      await pool.query(FORGOTTEN, [organization_id, id, new Date(now())]);
    });
  }
  return rows.length;
}
