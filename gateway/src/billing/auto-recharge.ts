/** Fills balances up by themselves. Every gateway runs it; the database lets one act for an organization at a time. */
import { dollarsText } from '@zerogpu/protocol';
import type { PoolClient } from 'pg';
import { inTransaction } from '../store/transaction.ts';
import { auditOwnAct, type BillingParts } from './parts.ts';
import { chargePayment, PAYMENT_COLUMNS, type PaymentRow } from './payments.ts';
import { declineMessage } from './provider.ts';
import { REST_MS, stop } from './recharge-state.ts';

/** Organizations a round: each is charged at its provider before the next round begins. */
const AT_ONCE = 8;

/**
 * Organizations with less than their threshold available. Rows that another gateway has just worked on are locked, or
 * have a later `check_after` when the lock is had: PostgreSQL asks again for that, though not for the balance.
 */
const CLAIM = `
SELECT a.organization_id, a.amount, a.monthly_cap, a.state, a.failures
FROM auto_recharges a
JOIN organizations o ON o.id = a.organization_id JOIN ledger.accounts w ON w.id = o.wallet_id
WHERE a.enabled AND a.check_after <= $1 AND w.balance - w.held < a.threshold
  AND NOT EXISTS (SELECT 1 FROM payments p WHERE p.organization_id = a.organization_id
    AND p.source = 'auto_recharge' AND p.state IN ('pending', 'requires_action'))
ORDER BY a.check_after LIMIT ${AT_ONCE} FOR UPDATE OF a SKIP LOCKED`;
const DEFAULT_CARD = `
SELECT id, brand, last_four FROM payment_methods
WHERE organization_id = $1 AND provider = $2 AND is_default AND removed_at IS NULL`;
/** Since the first of the month, UTC, at `$2`. */
export const CHARGED_THIS_MONTH = `
SELECT coalesce(sum(amount), 0)::bigint AS charged FROM payments
WHERE organization_id = $1 AND source = 'auto_recharge' AND state IN ('pending', 'requires_action', 'succeeded')
  AND created_at >= date_trunc('month', $2::timestamptz, 'UTC')`;
const INSERT_PAYMENT = `
INSERT INTO payments (organization_id, provider, source, method_id, brand, last_four, amount, created_at, look_after)
VALUES ($1, $2, 'auto_recharge', $3, $4, $5, $6, $7, $8) RETURNING ${PAYMENT_COLUMNS}`;
const REST =
  "UPDATE auto_recharges SET check_after = $2, state = CASE state WHEN 'capped' THEN 'on' ELSE state END WHERE organization_id = $1";
const CAP = `
UPDATE auto_recharges SET state = 'capped', reason = $2,
  check_after = (date_trunc('month', $3::timestamptz, 'UTC') AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC'
WHERE organization_id = $1`;

interface Due {
  readonly organization_id: string;
  readonly amount: bigint;
  readonly monthly_cap: bigint;
  readonly state: string;
  readonly failures: number;
}

/** One round. @returns the payments that it made, as they are then */
export async function rechargeRound(parts: BillingParts): Promise<PaymentRow[]> {
  const begun = await inTransaction(parts.pool, async (db) => {
    const { rows } = await db.query<Due>(CLAIM, [new Date(parts.now())]);
    const payments: PaymentRow[] = [];
    for (const due of rows) payments.push(...(await begin(parts, db, due)));
    return payments;
  });
  return Promise.all(begun.map((payment) => chargePayment(parts, payment)));
}

/** Under the lock of the organization's row. @returns the payment to charge, or none */
async function begin(parts: BillingParts, db: PoolClient, due: Due): Promise<PaymentRow[]> {
  const { organization_id: id, amount } = due;
  const at = new Date(parts.now());
  const card = (await db.query(DEFAULT_CARD, [id, parts.provider.mode])).rows[0];
  if (card === undefined) {
    await stop(parts, db, id, due.failures, declineMessage('no_payment_method'));
    return [];
  }
  const { rows } = await db.query<{ charged: bigint }>(CHARGED_THIS_MONTH, [id, at]);
  if ((rows[0]?.charged ?? 0n) + amount > due.monthly_cap) {
    await cap(parts, db, due, at);
    return [];
  }
  const later = new Date(parts.now() + REST_MS);
  const values = [id, parts.provider.mode, card.id, card.brand, card.last_four, amount, at, later];
  const made = await db.query<PaymentRow>(INSERT_PAYMENT, values);
  await db.query(REST, [id, later]);
  const payment = made.rows[0];
  if (payment === undefined) throw new Error('A recharge was not written');
  const details = { amount: dollarsText(amount) };
  await auditOwnAct(db, id, 'auto_recharge.started', 'payment', payment.id, details);
  return [payment];
}

async function cap({ notify }: BillingParts, db: PoolClient, due: Due, at: Date): Promise<void> {
  const monthlyCap = dollarsText(due.monthly_cap);
  const reason = `Another recharge would be more than the $${monthlyCap} allowed in a month`;
  await db.query(CAP, [due.organization_id, reason, at]);
  if (due.state === 'capped') return;
  const details = { monthly_cap: monthlyCap, reason };
  const { organization_id: id } = due;
  await auditOwnAct(db, id, 'auto_recharge.capped', 'organization', id, details);
  await notify(db, {
    organizationId: id,
    projectId: null,
    kind: 'recharge.failed',
    severity: 'warning',
    title: `The balance is not recharged: ${reason}`,
    details,
  });
}
