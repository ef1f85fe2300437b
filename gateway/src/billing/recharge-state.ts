/** What becomes of an organization's auto recharge when a recharge of it ends. */
import { dollarsText } from '@zerogpu/protocol';
import type { PoolClient } from 'pg';
import { auditOwnAct, type BillingParts } from './parts.ts';
import type { Step } from './payment-state.ts';
import { declineMessage } from './provider.ts';

const HOUR_MS = 3_600_000;
/** A card that is empty today may be full tomorrow; after the last of these it is asked no more. */
const RETRY_AFTER_MS: readonly number[] = [1 * HOUR_MS, 6 * HOUR_MS, 24 * HOUR_MS];
/**
 * Between two looks at one organization: longer than any statement may run (30 s), so that a gateway with an older
 * picture of the balance does not act on it.
 */
export const REST_MS = 60_000;

const LOCK = 'SELECT failures FROM auto_recharges WHERE organization_id = $1 AND enabled FOR UPDATE';
const SUCCEEDED = `
UPDATE auto_recharges SET failures = 0, state = 'on', reason = NULL, check_after = $2 WHERE organization_id = $1`;
const RETRY = `
UPDATE auto_recharges SET failures = $2, state = 'retrying', reason = $3, check_after = $4 WHERE organization_id = $1`;
const STOP = `
UPDATE auto_recharges SET failures = $2, state = 'stopped', reason = $3, enabled = false WHERE organization_id = $1`;

export interface Recharge {
  readonly organization_id: string;
  readonly id: string;
  readonly amount: bigint;
}

/** When the next try may be after so many failures in a row; null when there is none. */
export function retryAfter(failures: number): number | null {
  return RETRY_AFTER_MS[failures - 1] ?? null;
}

/** In the transaction in which the payment ends. */
export async function settleRecharge(
  parts: BillingParts,
  db: PoolClient,
  payment: Recharge,
  { state, failureCode }: Step,
): Promise<void> {
  const { rows } = await db.query<{ failures: number }>(LOCK, [payment.organization_id]);
  if (state === 'succeeded') return succeeded(parts, db, payment, rows.length > 0);
  const reason = declineMessage(failureCode ?? 'not_finished');
  if (rows[0] === undefined) return;
  await failed(parts, db, payment, rows[0].failures + 1, reason);
}

async function succeeded(
  { now, notify }: BillingParts,
  db: PoolClient,
  { organization_id, id, amount }: Recharge,
  enabled: boolean,
): Promise<void> {
  if (enabled) await db.query(SUCCEEDED, [organization_id, new Date(now() + REST_MS)]);
  const details = { payment_id: id, amount: dollarsText(amount) };
  await auditOwnAct(db, organization_id, 'auto_recharge.succeeded', 'payment', id, details);
  await notify(db, {
    organizationId: organization_id,
    projectId: null,
    kind: 'recharge.succeeded',
    severity: 'info',
    title: `The balance was recharged with $${details.amount}`,
    details,
  });
}

async function failed(
  parts: BillingParts,
  db: PoolClient,
  { organization_id, id, amount }: Recharge,
  failures: number,
  reason: string,
): Promise<void> {
  const wait = retryAfter(failures);
  if (wait === null) return stop(parts, db, organization_id, failures, reason);
  const next = new Date(parts.now() + wait);
  await db.query(RETRY, [organization_id, failures, reason, next]);
  const details = { payment_id: id, amount: dollarsText(amount), reason, next_try_at: next.toISOString() };
  await auditOwnAct(db, organization_id, 'auto_recharge.failed', 'payment', id, details);
  await parts.notify(db, {
    organizationId: organization_id,
    projectId: null,
    kind: 'recharge.failed',
    severity: 'warning',
    title: `A recharge of $${details.amount} failed: ${reason}`,
    details,
  });
}

/** Switches itself off, and says so. */
export async function stop(
  { notify }: BillingParts,
  db: PoolClient,
  organizationId: string,
  failures: number,
  reason: string,
): Promise<void> {
  await db.query(STOP, [organizationId, failures, reason]);
  const details = { failures, reason };
  await auditOwnAct(db, organizationId, 'auto_recharge.stopped', 'organization', organizationId, details);
  await notify(db, {
    organizationId,
    projectId: null,
    kind: 'recharge.switched_off',
    severity: 'critical',
    title: `The auto recharge has switched itself off: ${reason}`,
    details,
  });
}
