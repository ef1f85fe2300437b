/** Adding credit, going on with a payment, giving it back, and its receipt. */
import { ApiError, dollarsText, NANOS_PER_DOLLAR, parseDollars } from '@zerogpu/protocol';
import type { PoolClient } from 'pg';
import { notThere } from '../admin/access.ts';
import type { AdminContext, Handlers } from '../admin/handler.ts';
import { isUuid } from '../store/tenant-fence.ts';
import { inTransaction } from '../store/transaction.ts';
import { askProvider } from './customers.ts';
import type { BillingParts } from './parts.ts';
import { applyOutcome, chargePayment, PAYMENT_COLUMNS, type PaymentRow } from './payments.ts';
import { declineMessage, isTestMoney, NANOS_PER_CENT } from './provider.ts';
import { receiptPage } from './receipt.ts';
import { beginRefund, FIRST_LOOK_MS, findRefund, giveBack, type RefundRow, refundId } from './refunds.ts';

export const LEAST_CREDIT = 5n * NANOS_PER_DOLLAR;
export const MOST_CREDIT = 10_000n * NANOS_PER_DOLLAR;

const METHOD = `
SELECT id, brand, last_four FROM payment_methods
WHERE organization_id = $1 AND provider = $2 AND removed_at IS NULL AND CASE WHEN $3::uuid IS NULL THEN is_default ELSE id = $3 END`;
const INSERT = `
INSERT INTO payments
  (organization_id, provider, source, method_id, brand, last_four, amount, request_key, person_id, created_at, look_after)
VALUES ($1, $2, 'manual', $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (organization_id, request_key) DO NOTHING RETURNING ${PAYMENT_COLUMNS}`;
const BY_REQUEST = `SELECT ${PAYMENT_COLUMNS} FROM payments WHERE organization_id = $1 AND request_key = $2`;
const GET = `SELECT ${PAYMENT_COLUMNS} FROM payments WHERE organization_id = $1 AND id = $2`;
const RECENT = `
SELECT count(*)::int AS recent FROM payments
WHERE organization_id = $1 AND created_at > $2 AND source = 'manual' AND state <> 'succeeded'`;
const ORGANIZATION = 'SELECT name FROM organizations WHERE id = $1';

/** Payments that did not succeed: a person mistypes a few times; who tries stolen cards needs thousands. */
const TRIES_AN_HOUR = 20;
const HOUR_MS = 3_600_000;

type PaymentRoutes =
  | 'addCredit'
  | 'getPayment'
  | 'confirmPayment'
  | 'cancelPayment'
  | 'refundPayment'
  | 'getReceipt';

export function makePaymentHandlers(parts: BillingParts): Handlers<PaymentRoutes> {
  return {
    async addCredit(context) {
      const { payment, isNew } = await begin(parts, context);
      return withSecret(parts, isNew ? await chargePayment(parts, payment) : payment);
    },

    async getPayment(context) {
      return shownPayment(await getPayment(context), null);
    },

    async confirmPayment(context) {
      const payment = await actOn(parts, context, ['pending', 'requires_action']);
      if (payment.provider_payment === null) return withSecret(parts, await chargePayment(parts, payment));
      const charge = payment.provider_payment;
      const outcome = await askProvider(() => parts.provider.continueCharge(charge, context.body.bank));
      return withSecret(parts, await applyOutcome(parts, payment.id, outcome));
    },

    async cancelPayment(context) {
      const payment = await actOn(parts, context, ['pending', 'requires_action']);
      const charge = payment.provider_payment;
      const outcome =
        charge === null
          ? ({ state: 'canceled' } as const)
          : await askProvider(() => parts.provider.cancelCharge(charge));
      return shownPayment(await applyOutcome(parts, payment.id, outcome), null);
    },

    async refundPayment(context) {
      const { refund, isNew } = await beginOne(parts, context);
      return shownRefund(isNew ? await giveBack(parts, refund) : refund, parts);
    },

    async getReceipt(context) {
      const payment = await getPayment(context);
      if (payment.state !== 'succeeded') {
        throw new ApiError('state_conflict', { message: 'Only a payment that succeeded has a receipt' });
      }
      const { rows } = await context.tenant((db) =>
        db.query<{ name: string }>(ORGANIZATION, [context.organizationId]),
      );
      const text = [receiptPage({ organization: rows[0]?.name ?? '', payment })];
      return { content: 'text/html', text };
    },
  };
}

export function shownPayment(row: PaymentRow, clientSecret: string | null) {
  const { id, source, state, brand, last_four, failure_code } = row;
  return {
    id,
    source,
    amount: dollarsText(row.amount),
    refunded: dollarsText(row.refunded),
    state,
    failure_code,
    failure_message: failure_code === null ? null : declineMessage(failure_code),
    brand,
    last_four,
    client_secret: clientSecret,
    created_at: row.created_at.toISOString(),
    settled_at: row.settled_at?.toISOString() ?? null,
    test_money: isTestMoney(row.provider),
  };
}

function shownRefund({ id, payment_id, amount, state, created_at }: RefundRow, { provider }: BillingParts) {
  const test_money = isTestMoney(provider.mode);
  return {
    id,
    payment_id,
    amount: dollarsText(amount),
    state,
    created_at: created_at.toISOString(),
    test_money,
  };
}

/** With what a browser needs for the page of the card's bank, while that is what the payment waits for. */
async function withSecret({ provider }: BillingParts, payment: PaymentRow) {
  if (payment.state !== 'requires_action' || payment.provider_payment === null)
    return shownPayment(payment, null);
  const charge = payment.provider_payment;
  const outcome = await askProvider(() => provider.readCharge(charge));
  return shownPayment(payment, outcome.state === 'requires_action' ? outcome.clientSecret : null);
}

/** @throws ApiError invalid_value */
export function readAmount(text: string, param: string, least: bigint, most: bigint): bigint {
  const amount = parseDollars(text);
  if (amount !== null && amount >= least && amount <= most && amount % NANOS_PER_CENT === 0n) return amount;
  const [from, to] = [dollarsText(least), dollarsText(most)];
  const message = `${param} must be whole cents from ${from} to ${to} dollars, as a string such as "25.00"`;
  throw new ApiError('invalid_value', { message, param });
}

/** Writes the payment down before anybody is asked for money. */
async function begin({ provider }: BillingParts, context: AdminContext<'addCredit'>) {
  const { organizationId, body, person, now, tenant, audit } = context;
  const amount = readAmount(body.amount, 'amount', LEAST_CREDIT, MOST_CREDIT);
  const key = requestKey(context);
  return tenant(async (db) => {
    const before = await repeated(db, context, key, amount);
    if (before !== null) return { payment: before, isNew: false };
    await refuseMany(db, organizationId, now);
    const card = await cardOf(db, organizationId, provider.mode, body.payment_method_id);
    const look = new Date(now + FIRST_LOOK_MS);
    const values = [organizationId, provider.mode, card.id, card.brand, card.last_four, amount, key];
    const inserted = [...values, person?.id ?? null, new Date(now), look];
    const { rows } = await db.query<PaymentRow>(INSERT, inserted);
    // The same request at the same moment was first.
    if (rows[0] === undefined) return { payment: await first(db, context, key, amount), isNew: false };
    const details = { amount: dollarsText(amount) };
    await audit(db, { kind: 'payment', id: rows[0].id, details });
    return { payment: rows[0], isNew: true };
  });
}

/** Under another word than a caller's own, so that a key says nothing of another route. */
function requestKey({ headers }: AdminContext<'addCredit' | 'refundPayment'>): string | null {
  const key = headers['idempotency-key'];
  if (key === undefined) return null;
  if (typeof key === 'string' && key.length >= 1 && key.length <= 255) return key;
  throw new ApiError('invalid_value', { message: 'The Idempotency-Key must have 1 to 255 characters' });
}

async function repeated(
  db: PoolClient,
  { organizationId, body }: AdminContext<'addCredit'>,
  key: string | null,
  amount: bigint,
): Promise<PaymentRow | null> {
  if (key === null) return null;
  const { rows } = await db.query<PaymentRow>(BY_REQUEST, [organizationId, key]);
  const before = rows[0];
  if (before === undefined) return null;
  const { payment_method_id: card = before.method_id } = body;
  if (before.amount !== amount || before.method_id !== card) throw new ApiError('idempotency_conflict');
  return before;
}

async function first(
  db: PoolClient,
  context: AdminContext<'addCredit'>,
  key: string | null,
  amount: bigint,
): Promise<PaymentRow> {
  const payment = await repeated(db, context, key, amount);
  if (payment === null) throw new Error('A payment was not written');
  return payment;
}

async function refuseMany(db: PoolClient, organizationId: string, now: number): Promise<void> {
  const { rows } = await db.query<{ recent: number }>(RECENT, [organizationId, new Date(now - HOUR_MS)]);
  if ((rows[0]?.recent ?? 0) < TRIES_AN_HOUR) return;
  const message = `${TRIES_AN_HOUR} payments did not succeed within an hour; try again later`;
  throw new ApiError('rate_limit_exceeded', { message, retryAfterSeconds: 3600 });
}

async function cardOf(db: PoolClient, organizationId: string, mode: string, id: string | undefined) {
  const { rows } = await db.query<{ id: string; brand: string; last_four: string }>(METHOD, [
    organizationId,
    mode,
    id ?? null,
  ]);
  if (rows[0] !== undefined) return rows[0];
  if (id !== undefined) throw notThere('payment method');
  throw new ApiError('state_conflict', { message: 'There is no payment method to charge; add one first' });
}

async function getPayment({
  organizationId,
  params: { paymentId },
  tenant,
}: AdminContext<'getPayment' | 'getReceipt'>): Promise<PaymentRow> {
  if (!isUuid(paymentId)) throw notThere('payment');
  const { rows } = await tenant((db) => db.query<PaymentRow>(GET, [organizationId, paymentId]));
  if (rows[0] === undefined) throw notThere('payment');
  return rows[0];
}

/** The payment, after the act is in the audit log. @throws ApiError state_conflict */
async function actOn(
  { provider }: BillingParts,
  { organizationId, params: { paymentId }, tenant, audit }: AdminContext<'confirmPayment' | 'cancelPayment'>,
  states: readonly PaymentRow['state'][],
): Promise<PaymentRow> {
  if (!isUuid(paymentId)) throw notThere('payment');
  return tenant(async (db) => {
    const { rows } = await db.query<PaymentRow>(GET, [organizationId, paymentId]);
    const payment = rows[0];
    if (payment === undefined) throw notThere('payment');
    refuseOthers(payment, states, provider.mode);
    await audit(db, { kind: 'payment', id: payment.id });
    return payment;
  });
}

function refuseOthers(payment: PaymentRow, states: readonly string[], mode: string): void {
  if (!states.includes(payment.state)) {
    throw new ApiError('state_conflict', { message: `The payment is "${payment.state}"` });
  }
  if (payment.provider !== mode) {
    throw new ApiError('state_conflict', { message: 'The payment was made with another payment provider' });
  }
}

/** Takes the credit back and writes the refund down; the provider is asked afterwards. */
async function beginOne({ pool, provider }: BillingParts, context: AdminContext<'refundPayment'>) {
  const { organizationId, params, body, person, now, audit } = context;
  if (!isUuid(params.paymentId)) throw notThere('payment');
  const key = requestKey(context);
  const id = key === null ? null : refundId(params.paymentId, key);
  return inTransaction(pool, async (db) => {
    const { rows } = await db.query<PaymentRow>(`${GET} FOR UPDATE`, [organizationId, params.paymentId]);
    const payment = rows[0];
    if (payment === undefined) throw notThere('payment');
    const before = await repeatedRefund(db, context, id);
    if (before !== null) return { refund: before, isNew: false };
    refuseOthers(payment, ['succeeded'], provider.mode);
    const left = payment.amount - payment.refunded;
    if (left === 0n) throw new ApiError('state_conflict', { message: 'The payment was refunded already' });
    const amount = body.amount === undefined ? left : readAmount(body.amount, 'amount', NANOS_PER_CENT, left);
    const asked = { organizationId, paymentId: payment.id, amount, personId: person?.id ?? null, at: now };
    const refund = await beginRefund(db, { ...asked, id });
    if (refund === null) {
      const message = 'The balance has less than this to give back: what was spent or is held stays';
      throw new ApiError('insufficient_quota', { message });
    }
    const details = { refund_id: refund.id, amount: dollarsText(amount) };
    await audit(db, { kind: 'payment', id: payment.id, details });
    return { refund, isNew: true };
  });
}

/** Under the payment's lock. Without an amount, all that was left is meant: then, not now. */
async function repeatedRefund(
  db: PoolClient,
  { organizationId, body }: AdminContext<'refundPayment'>,
  id: string | null,
): Promise<RefundRow | null> {
  const before = id === null ? null : await findRefund(db, organizationId, id);
  if (before === null || body.amount === undefined || parseDollars(body.amount) === before.amount)
    return before;
  throw new ApiError('idempotency_conflict');
}
