/**
 * What a provider tells by itself. An event says only which of its objects changed; what it is now is then asked, so
 * that events may come late, twice and in any order.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { ApiError } from '@zerogpu/protocol';
import { askProvider } from './customers.ts';
import type { BillingParts } from './parts.ts';
import { applyOutcome } from './payments.ts';
import type { ForeignRefund } from './provider.ts';
import { adoptRefund, applyRefund } from './refunds.ts';

const PAYMENT_OF = 'SELECT id FROM payments WHERE provider = $1 AND provider_payment = $2';
const REFUND_OF = `
SELECT r.id FROM refunds r JOIN payments p ON p.id = r.payment_id
WHERE p.provider = $1 AND r.provider_refund = $2`;

/**
 * @throws ApiError invalid_value when it is not from the provider; no_capacity when the provider does not answer, so that
 *   it tells again
 */
export async function receiveEvent(
  parts: BillingParts,
  body: Uint8Array,
  headers: IncomingHttpHeaders,
): Promise<void> {
  const { provider } = parts;
  const event = await provider.readEvent(body, headers, parts.now());
  if (event === null) {
    throw new ApiError('invalid_value', { message: 'The signature of the event is missing or wrong' });
  }
  if (event.kind === 'charge') await hearOfCharge(parts, event.id);
  if (event.kind === 'refund') await hearOfRefund(parts, event.id, event.foreign);
}

/** One that is not found is somebody else's on the same account; or ours, and its name is not written yet. */
async function hearOfCharge(parts: BillingParts, name: string): Promise<void> {
  const id = await find(parts, PAYMENT_OF, name);
  if (id === null) return;
  await applyOutcome(parts, id, await askProvider(() => parts.provider.readCharge(name)));
}

async function hearOfRefund(parts: BillingParts, name: string, foreign: ForeignRefund | null): Promise<void> {
  const id = (await find(parts, REFUND_OF, name)) ?? (foreign && (await adopted(parts, name, foreign)));
  if (id === null) return;
  await applyRefund(parts, id, await askProvider(() => parts.provider.readRefund(name)));
}

async function adopted(
  parts: BillingParts,
  name: string,
  { charge, amount }: ForeignRefund,
): Promise<string | null> {
  const payment = await find(parts, PAYMENT_OF, charge);
  return payment === null ? null : adoptRefund(parts, payment, { name, amount });
}

async function find({ pool, provider }: BillingParts, text: string, name: string): Promise<string | null> {
  const { rows } = await pool.query<{ id: string }>(text, [provider.mode, name]);
  return rows[0]?.id ?? null;
}
