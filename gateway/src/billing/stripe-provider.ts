import type { IncomingHttpHeaders } from 'node:http';
import { isRecord } from '@zerogpu/protocol';
import type Stripe from 'stripe';
import {
  type ChargeOutcome,
  type ChargeRequest,
  declineCode,
  type ForeignRefund,
  NANOS_PER_CENT,
  type PaymentProvider,
  ProviderError,
  type ProviderEvent,
  type ProviderMode,
  type RefundOutcome,
  type RefundRequest,
  type SetupOutcome,
  type SetupStart,
  toCents,
} from './provider.ts';

export interface StripeSettings {
  readonly secretKey: string;
  readonly publishableKey: string | null;
  readonly webhookSecret: string | null;
  /** Such as `https://api.stripe.com`. */
  readonly apiUrl: string;
}

/** Stripe answers a charge in one to three seconds; what takes longer is asked for again by the reconciler. */
const TIMEOUT_MS = 20_000;
/** Of a signature, as Stripe advises: an older one is a replay from somewhere. */
const TOLERANCE_S = 300;
/** Refunds of one payment that are looked through for one of ours; Stripe gives at most this many at once. */
const REFUNDS_AT_ONCE = 100;

/**
 * Stripe by its own library, which is loaded at the first use. Cards go from the browser to Stripe: we see a token,
 * the brand, the last four digits and the expiry.
 */
export class StripeProvider implements PaymentProvider {
  readonly name = 'stripe';
  readonly mode: ProviderMode;
  readonly publishableKey: string | null;
  readonly #settings: StripeSettings;
  #loading: Promise<Stripe> | null = null;

  constructor(settings: StripeSettings) {
    this.#settings = settings;
    this.publishableKey = settings.publishableKey;
    this.mode = /^[sr]k_test_/.test(settings.secretKey) ? 'stripe-test' : 'stripe-live';
  }

  async createCustomer(organizationId: string): Promise<string> {
    const { id } = await this.#ask((stripe) =>
      stripe.customers.create(
        { metadata: { organization_id: organizationId } },
        { idempotencyKey: `customer:${organizationId}` },
      ),
    );
    return id;
  }

  async startSetup(setupId: string, customer: string): Promise<SetupStart> {
    const setup = await this.#ask((stripe) =>
      stripe.setupIntents.create(
        {
          customer,
          usage: 'off_session',
          allowed_payment_method_types: ['card'],
          metadata: { setup_id: setupId },
        },
        { idempotencyKey: `setup:${setupId}` },
      ),
    );
    return { id: setup.id, clientSecret: setup.client_secret };
  }

  async finishSetup(
    setup: string,
    customer: string,
    { card }: Parameters<PaymentProvider['finishSetup']>[2],
  ): Promise<SetupOutcome> {
    if (card !== undefined) throw new ProviderError('refused', 'card_goes_to_the_provider');
    const read = await this.#ask((stripe) =>
      stripe.setupIntents.retrieve(setup, { expand: ['payment_method'] }),
    );
    if (idOf(read.customer) !== customer) throw new ProviderError('refused', 'no_such_setup');
    if (read.status === 'succeeded') return cardOf(read.payment_method);
    if (read.status === 'requires_action') return { state: 'requires_action' };
    if (read.last_setup_error) return { state: 'failed', code: codeOf(read.last_setup_error) };
    if (read.status === 'canceled') return { state: 'failed', code: 'not_finished' };
    return { state: 'waiting' };
  }

  async forgetCard(token: string): Promise<void> {
    try {
      await this.#ask((stripe) => stripe.paymentMethods.detach(token));
    } catch (error) {
      // Forgotten before.
      if (!(error instanceof ProviderError) || error.kind !== 'refused') throw error;
    }
  }

  async createCharge({ paymentId, organizationId, customer, token, amount }: ChargeRequest): Promise<string> {
    const { id } = await this.#ask((stripe) =>
      stripe.paymentIntents.create(
        {
          amount: toCents(amount),
          currency: 'usd',
          customer,
          payment_method: token,
          allowed_payment_method_types: ['card'],
          metadata: { payment_id: paymentId, organization_id: organizationId },
        },
        { idempotencyKey: `payment:${paymentId}` },
      ),
    );
    return id;
  }

  async confirmCharge(charge: string, offSession: boolean): Promise<ChargeOutcome> {
    const how = offSession ? { off_session: true } : { use_stripe_sdk: true };
    try {
      return outcomeOf(
        await this.#ask((stripe) =>
          stripe.paymentIntents.confirm(charge, how, { idempotencyKey: `confirm:${charge}` }),
        ),
      );
    } catch (error) {
      if (!(error instanceof ProviderError) || error.kind !== 'refused') throw error;
      // Declined, or confirmed before: what it is now is what counts.
      const outcome = await this.readCharge(charge);
      if (outcome.state !== 'unconfirmed') return outcome;
      const ended = await this.cancelCharge(charge);
      return ended.state === 'canceled' ? { state: 'failed', code: error.code } : ended;
    }
  }

  continueCharge(charge: string): Promise<ChargeOutcome> {
    return this.readCharge(charge);
  }

  async readCharge(charge: string): Promise<ChargeOutcome> {
    return outcomeOf(await this.#ask((stripe) => stripe.paymentIntents.retrieve(charge)));
  }

  async cancelCharge(charge: string): Promise<ChargeOutcome> {
    try {
      return outcomeOf(await this.#ask((stripe) => stripe.paymentIntents.cancel(charge)));
    } catch (error) {
      if (!(error instanceof ProviderError) || error.kind !== 'refused') throw error;
      return this.readCharge(charge);
    }
  }

  async refund({ refundId, charge, amount }: RefundRequest): Promise<RefundOutcome> {
    // Stripe forgets idempotency keys after a day; by what stands in the refund it is found however late.
    const { data } = await this.#ask((stripe) =>
      stripe.refunds.list({ payment_intent: charge, limit: REFUNDS_AT_ONCE }),
    );
    const before = data.find(({ metadata }) => metadata?.['refund_id'] === refundId);
    if (before) return refundOf(before);
    const metadata = { refund_id: refundId };
    return refundOf(
      await this.#ask((stripe) =>
        stripe.refunds.create(
          { payment_intent: charge, amount: toCents(amount), metadata },
          { idempotencyKey: `refund:${refundId}` },
        ),
      ),
    );
  }

  async readRefund(refund: string): Promise<RefundOutcome> {
    return refundOf(await this.#ask((stripe) => stripe.refunds.retrieve(refund)));
  }

  async readEvent(
    body: Uint8Array,
    headers: IncomingHttpHeaders,
    now: number,
  ): Promise<ProviderEvent | null> {
    const secret = this.#settings.webhookSecret;
    const signature = headers['stripe-signature'];
    if (secret === null || typeof signature !== 'string') return null;
    const { webhooks } = await this.#stripe();
    try {
      const event = webhooks.constructEvent(
        Buffer.from(body),
        signature,
        secret,
        TOLERANCE_S,
        undefined,
        now,
      );
      return eventOf(event);
    } catch {
      // Its message says how the signature should have been.
      return null;
    }
  }

  #stripe(): Promise<Stripe> {
    this.#loading ??= load(this.#settings).catch((error: unknown) => {
      this.#loading = null;
      throw error;
    });
    return this.#loading;
  }

  async #ask<T>(question: (stripe: Stripe) => Promise<T>): Promise<T> {
    const stripe = await this.#stripe();
    try {
      return await question(stripe);
    } catch (error) {
      throw providerError(error);
    }
  }
}

async function load({ secretKey, apiUrl }: StripeSettings): Promise<Stripe> {
  const { Stripe } = await import('stripe');
  const { protocol, hostname, port } = new URL(apiUrl);
  return new Stripe(secretKey, {
    protocol: protocol === 'http:' ? 'http' : 'https',
    host: hostname,
    ...(port === '' ? {} : { port }),
    timeout: TIMEOUT_MS,
    // With the same idempotency key; what still fails is for the reconciler.
    maxNetworkRetries: 1,
    telemetry: false,
  });
}

/** What may be told of an error: its kind and code. Its message may quote a key or a card. */
function providerError(error: unknown): ProviderError {
  if (!isRecord(error)) return new ProviderError('unknown', 'no_answer');
  const { type, statusCode } = error;
  if (type === 'StripeCardError') return new ProviderError('refused', codeOf(error));
  if (type === 'StripeInvalidRequestError' && (statusCode === 400 || statusCode === 404)) {
    return new ProviderError('refused', codeOf(error));
  }
  return new ProviderError('unknown', typeof statusCode === 'number' ? `status_${statusCode}` : 'no_answer');
}

/** Stripe's finer word on a decline where it has one. */
function codeOf(error: object): string {
  const { decline_code: fine, code } = error as { decline_code?: unknown; code?: unknown };
  if (code === 'payment_intent_authentication_failure' || code === 'setup_intent_authentication_failure') {
    return 'authentication_failed';
  }
  return declineCode(fine === undefined || fine === null || fine === 'generic_decline' ? code : fine);
}

function idOf(object: string | { readonly id: string } | null): string | null {
  return typeof object === 'string' ? object : (object?.id ?? null);
}

function cardOf(method: string | Stripe.PaymentMethod | null): SetupOutcome {
  if (typeof method !== 'object' || !method?.card) return { state: 'failed', code: 'no_payment_method' };
  const { brand, last4, exp_month, exp_year, country } = method.card;
  return {
    state: 'succeeded',
    card: {
      token: method.id,
      brand: brand.slice(0, 50),
      lastFour: last4,
      expMonth: exp_month,
      expYear: exp_year,
      country,
    },
  };
}

function outcomeOf(intent: Stripe.PaymentIntent): ChargeOutcome {
  switch (intent.status) {
    case 'succeeded':
      if (intent.currency !== 'usd') throw new ProviderError('unknown', 'wrong_currency');
      return { state: 'succeeded', received: BigInt(intent.amount_received) * NANOS_PER_CENT };
    case 'requires_action':
      return { state: 'requires_action', clientSecret: intent.client_secret };
    case 'requires_confirmation':
      return { state: 'unconfirmed' };
    case 'requires_payment_method':
      return { state: 'failed', code: codeOf(intent.last_payment_error ?? {}) };
    case 'canceled':
      return { state: 'canceled' };
    default:
      return { state: 'pending' };
  }
}

function refundOf({ id, status, failure_reason }: Stripe.Refund): RefundOutcome {
  if (status === 'succeeded') return { state: 'succeeded', id };
  if (status === 'failed' || status === 'canceled') {
    return { state: 'failed', id, code: declineCode(failure_reason) };
  }
  return { state: 'pending', id };
}

/** Ours carry the id of their row. */
function foreignRefund(refund: Readonly<Record<string, unknown>>): ForeignRefund | null {
  const { metadata, payment_intent: charge, amount, currency } = refund;
  if (isRecord(metadata) && 'refund_id' in metadata) return null;
  if (typeof charge !== 'string' || !Number.isSafeInteger(amount) || currency !== 'usd') return null;
  return { charge, amount: BigInt(Number(amount)) * NANOS_PER_CENT };
}

function eventOf(event: { readonly data: { readonly object: unknown } }): ProviderEvent {
  const { object } = event.data;
  if (!isRecord(object) || typeof object['id'] !== 'string') return { kind: 'other' };
  if (object['object'] === 'payment_intent') return { kind: 'charge', id: object['id'] };
  if (object['object'] === 'refund')
    return { kind: 'refund', id: object['id'], foreign: foreignRefund(object) };
  return { kind: 'other' };
}
