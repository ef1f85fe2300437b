/**
 * Refunds. The credit is taken from the wallet before the provider is asked, so that it cannot be spent meanwhile, and
 * given back when the provider refuses: a kill in between leaves a refund that the reconciler of any gateway finishes.
 */
import { createHash } from 'node:crypto';
import { credit, refund as takeFromWallet } from '@zerogpu/ledger';
import { dollarsText } from '@zerogpu/protocol';
import type { PoolClient } from 'pg';
import { inTransaction } from '../store/transaction.ts';
import { auditOwnAct, type BillingParts } from './parts.ts';
import { ProviderError, type RefundOutcome } from './provider.ts';

export interface RefundRow {
  readonly organization_id: string;
  readonly id: string;
  readonly payment_id: string;
  readonly amount: bigint;
  readonly state: 'pending' | 'succeeded' | 'failed';
  readonly provider_refund: string | null;
  readonly created_at: Date;
}

export const REFUND_COLUMNS = `organization_id, id, payment_id, amount, state, provider_refund, created_at`;

/** How long the one who began it has before the reconciler looks; the provider is waited for 20 s, twice. */
export const FIRST_LOOK_MS = 60_000;

const WALLET = 'SELECT wallet_id FROM organizations WHERE id = $1';
const RESERVE = 'UPDATE payments SET refunded = refunded + $2 WHERE id = $1';
const INSERT = `
INSERT INTO refunds (organization_id, payment_id, amount, person_id, created_at, look_after, id)
VALUES ($1, $2, $3, $4, $5, $6, coalesce($7, gen_random_uuid())) RETURNING ${REFUND_COLUMNS}`;
const CHARGE = 'SELECT provider_payment FROM payments WHERE id = $1';
const LOCK = `SELECT ${REFUND_COLUMNS} FROM refunds WHERE id = $1 FOR UPDATE`;
const READ = `SELECT ${REFUND_COLUMNS} FROM refunds WHERE id = $1`;
const FIND = `SELECT ${REFUND_COLUMNS} FROM refunds WHERE organization_id = $1 AND id = $2`;
const SET_STATE = `
UPDATE refunds SET state = $2, provider_refund = coalesce($3, provider_refund), failure_code = $4, settled_at = $5
WHERE id = $1 RETURNING ${REFUND_COLUMNS}`;

export interface NewRefund {
  readonly organizationId: string;
  readonly paymentId: string;
  readonly amount: bigint;
  readonly personId: string | null;
  readonly at: number;
  /** Null takes a new one. */
  readonly id?: string | null;
}

/**
 * The id of the refund that somebody asks for with an Idempotency-Key: the same each time, so that it is found again
 * under the payment's lock. 122 bits of SHA-256, which nobody makes meet another's.
 */
export function refundId(paymentId: string, requestKey: string): string {
  const hash = createHash('sha256').update(`refund ${paymentId} ${requestKey}`).digest();
  // Version 8 of RFC 9562: a UUID whose bits are the maker's own.
  hash[6] = (hash.readUInt8(6) & 0x0f) | 0x80;
  hash[8] = (hash.readUInt8(8) & 0x3f) | 0x80;
  return hash.toString('hex', 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/**
 * In a transaction that has locked the payment and found that so much of it is left.
 * @returns null when the wallet has less than that to give
 */
export async function beginRefund(db: PoolClient, asked: NewRefund): Promise<RefundRow | null> {
  const { organizationId, paymentId, amount, personId, at, id = null } = asked;
  await db.query(RESERVE, [paymentId, amount]);
  const look = new Date(at + FIRST_LOOK_MS);
  const values = [organizationId, paymentId, amount, personId, new Date(at), look, id];
  const { rows } = await db.query<RefundRow>(INSERT, values);
  const row = rows[0];
  if (row === undefined) throw new Error('A refund was not written');
  const taken = await takeFromWallet(db, { ...(await movement(db, row)), description: 'Refund', at });
  return taken === 'refunded' ? row : null;
}

/** Of a payment that is locked. */
export async function findRefund(
  db: PoolClient,
  organizationId: string,
  id: string,
): Promise<RefundRow | null> {
  return (await db.query<RefundRow>(FIND, [organizationId, id])).rows[0] ?? null;
}

async function movement(db: PoolClient, { organization_id, id, amount }: RefundRow) {
  const { rows } = await db.query<{ wallet_id: string }>(WALLET, [organization_id]);
  return { walletId: String(rows[0]?.wallet_id), amount, reference: `refund:${id}` };
}

const LOCK_PAYMENT =
  'SELECT organization_id, amount - refunded AS left FROM payments WHERE id = $1 FOR UPDATE';
const KNOWN = `SELECT ${REFUND_COLUMNS} FROM refunds WHERE payment_id = $1 AND provider_refund = $2`;
const NAME = 'UPDATE refunds SET provider_refund = $2 WHERE id = $1';

/**
 * A refund that the operator made at the provider itself: its credit is taken, too.
 * @returns its row's id; null when the balance has less than it, which only people can mend
 */
export async function adoptRefund(
  parts: BillingParts,
  paymentId: string,
  given: { readonly name: string; readonly amount: bigint },
): Promise<string | null> {
  try {
    return await inTransaction(parts.pool, (db) => adopt(parts, db, paymentId, given));
  } catch (error) {
    if (!(error instanceof NothingLeft)) throw error;
    parts.log.error(
      { payment: paymentId, refund: given.name },
      'A refund made at the payment provider is more than the balance has: the credit was not taken back',
    );
    return null;
  }
}

class NothingLeft extends Error {}

async function adopt(
  { now }: BillingParts,
  db: PoolClient,
  paymentId: string,
  { name, amount }: { readonly name: string; readonly amount: bigint },
): Promise<string> {
  const locked = await db.query<{ organization_id: string; left: bigint }>(LOCK_PAYMENT, [paymentId]);
  const known = await db.query<RefundRow>(KNOWN, [paymentId, name]);
  if (known.rows[0] !== undefined) return known.rows[0].id;
  const { organization_id: organizationId = '', left = 0n } = locked.rows[0] ?? {};
  if (amount > left) throw new NothingLeft();
  const refund = await beginRefund(db, { organizationId, paymentId, amount, personId: null, at: now() });
  if (refund === null) throw new NothingLeft();
  await db.query(NAME, [refund.id, name]);
  const details = { refund_id: refund.id, amount: dollarsText(amount) };
  await auditOwnAct(db, organizationId, 'payment.refunded', 'payment', paymentId, details);
  return refund.id;
}

/** Asks the provider for the money, or what became of it; as often as it takes. */
export async function giveBack(parts: BillingParts, refund: RefundRow): Promise<RefundRow> {
  try {
    return await applyRefund(parts, refund.id, await ask(parts, refund));
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    if (error.kind === 'refused') {
      return applyRefund(parts, refund.id, { state: 'failed', id: null, code: error.code });
    }
    parts.log.warn({ refund: refund.id, code: error.code }, 'A refund waits for its provider');
    const { rows } = await parts.pool.query<RefundRow>(READ, [refund.id]);
    return rows[0] ?? refund;
  }
}

async function ask({ pool, provider }: BillingParts, refund: RefundRow): Promise<RefundOutcome> {
  if (refund.provider_refund !== null) return provider.readRefund(refund.provider_refund);
  const { rows } = await pool.query<{ provider_payment: string }>(CHARGE, [refund.payment_id]);
  const charge = String(rows[0]?.provider_payment);
  return provider.refund({ refundId: refund.id, charge, amount: refund.amount });
}

/** A refund that failed stays failed; one that succeeded can still be sent back by the card's bank. */
export async function applyRefund(
  parts: BillingParts,
  id: string,
  outcome: RefundOutcome,
): Promise<RefundRow> {
  return inTransaction(parts.pool, async (db) => {
    const before = (await db.query<RefundRow>(LOCK, [id])).rows[0];
    if (before === undefined) throw new Error('A refund is gone');
    if (before.state === 'failed' || (before.state === 'succeeded' && outcome.state !== 'failed'))
      return before;
    const at = parts.now();
    const over = outcome.state === 'pending' ? null : new Date(at);
    const code = outcome.state === 'failed' ? outcome.code : null;
    const { rows } = await db.query<RefundRow>(SET_STATE, [id, outcome.state, outcome.id, code, over]);
    if (outcome.state === 'failed') await returnToWallet(db, before, at);
    return rows[0] ?? before;
  });
}

async function returnToWallet(db: PoolClient, refund: RefundRow, at: number): Promise<void> {
  await db.query(RESERVE, [refund.payment_id, -refund.amount]);
  await credit(db, { ...(await movement(db, refund)), description: 'Refund that failed', at });
}
