import { isRecord } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import {
  type Card,
  type CardDetails,
  type ChargeOutcome,
  type ChargeRequest,
  declineCode,
  type PaymentProvider,
  ProviderError,
  type RefundOutcome,
  type RefundRequest,
  type SetupOutcome,
  type SetupStart,
} from './provider.ts';
import { findTestCard, type TestCard } from './test-cards.ts';

const INSERT = 'INSERT INTO sandbox_objects (id, body) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING';
const READ = 'SELECT body FROM sandbox_objects WHERE id = $1';
/** A card may be given again until its setup is done. */
const INSERT_CARD =
  'INSERT INTO sandbox_objects (id, body) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET body = $2';
/** Only from the states given, so that of two at once one decides. */
const CHANGE = "UPDATE sandbox_objects SET body = body || $2 WHERE id = $1 AND body->>'state' = ANY ($3)";

type Body = Readonly<Record<string, unknown>>;

export interface SandboxOptions {
  readonly pool: Pool;
  now(): number;
}

/**
 * A payment provider in our own database, with test money and test cards only. It stands in for a system of its own:
 * each call is a transaction of its own, and it knows nothing of our tables of payments.
 */
export class SandboxProvider implements PaymentProvider {
  readonly name = 'sandbox';
  readonly mode = 'sandbox';
  readonly publishableKey = null;
  readonly #pool: Pool;
  readonly #now: () => number;

  constructor({ pool, now }: SandboxOptions) {
    this.#pool = pool;
    this.#now = now;
  }

  async createCustomer(organizationId: string): Promise<string> {
    return `cus_sandbox_${organizationId}`;
  }

  async startSetup(setupId: string, customer: string): Promise<SetupStart> {
    const id = `seti_sandbox_${setupId}`;
    await this.#insert(id, { customer, state: 'waiting' });
    return { id, clientSecret: null };
  }

  async finishSetup(
    setup: string,
    customer: string,
    { card, bank }: Parameters<PaymentProvider['finishSetup']>[2],
  ): Promise<SetupOutcome> {
    const body = await this.#read(setup);
    if (body['customer'] !== customer) throw new ProviderError('refused', 'no_such_setup');
    const token = `pm_sandbox_${setup.slice('seti_sandbox_'.length)}`;
    if (body['state'] === 'succeeded') return { state: 'succeeded', card: await this.#card(token) };
    if (card !== undefined) return this.#takeCard(setup, token, card);
    if (body['state'] === 'waiting') return { state: 'waiting' };
    if (bank === undefined) return { state: 'requires_action' };
    const approved = bank === 'approve';
    await this.#change(setup, { state: approved ? 'succeeded' : 'waiting' }, ['requires_action']);
    if (!approved) return { state: 'failed', code: 'authentication_failed' };
    return { state: 'succeeded', card: await this.#card(token) };
  }

  async #takeCard(setup: string, token: string, given: CardDetails): Promise<SetupOutcome> {
    const known = findTestCard(given.number);
    if (known === undefined) throw new ProviderError('refused', 'not_a_test_card');
    if (isPast(given, this.#now())) return { state: 'failed', code: 'expired_card' };
    if (known.refusedAtSetup !== undefined) return { state: 'failed', code: known.refusedAtSetup };
    const card: Card = {
      token,
      brand: known.brand,
      lastFour: given.number.replaceAll(' ', '').slice(-4),
      expMonth: given.exp_month,
      expYear: given.exp_year,
      country: given.country,
    };
    await this.#pool.query(INSERT_CARD, [token, JSON.stringify({ ...card, ...known })]);
    const state = known.asksAtSetup ? 'requires_action' : 'succeeded';
    await this.#change(setup, { state }, ['waiting', 'requires_action']);
    return state === 'succeeded' ? { state, card: await this.#card(token) } : { state };
  }

  async forgetCard(token: string): Promise<void> {
    await this.#pool.query('DELETE FROM sandbox_objects WHERE id = $1', [token]);
  }

  async createCharge({ paymentId, token, amount }: ChargeRequest): Promise<string> {
    const id = `pi_sandbox_${paymentId}`;
    await this.#insert(id, { state: 'unconfirmed', token, amount: String(amount) });
    return id;
  }

  async confirmCharge(charge: string, offSession: boolean): Promise<ChargeOutcome> {
    const { token, state } = await this.#read(charge);
    if (state === 'unconfirmed') {
      const card = await this.#find(String(token));
      const decided = card
        ? decide(behaviourOf(card), offSession)
        : { state: 'failed', code: 'no_payment_method' };
      await this.#change(charge, decided, ['unconfirmed']);
    }
    return this.readCharge(charge);
  }

  async continueCharge(
    charge: string,
    bank: Parameters<PaymentProvider['continueCharge']>[1],
  ): Promise<ChargeOutcome> {
    const { token } = await this.#read(charge);
    if (bank !== undefined) {
      const code = behaviourOf((await this.#find(String(token))) ?? {}).declines;
      const failed = bank === 'reject' ? 'authentication_failed' : code;
      const decided = failed === undefined ? { state: 'succeeded' } : { state: 'failed', code: failed };
      await this.#change(charge, decided, ['requires_action']);
    }
    return this.readCharge(charge);
  }

  async readCharge(charge: string): Promise<ChargeOutcome> {
    const { state, amount, code } = await this.#read(charge);
    if (state === 'succeeded') return { state, received: BigInt(String(amount)) };
    if (state === 'failed') return { state, code: declineCode(code) };
    if (state === 'requires_action') return { state, clientSecret: null };
    return { state: state === 'canceled' ? 'canceled' : 'unconfirmed' };
  }

  async cancelCharge(charge: string): Promise<ChargeOutcome> {
    await this.#change(charge, { state: 'canceled' }, ['unconfirmed', 'requires_action']);
    return this.readCharge(charge);
  }

  async refund({ refundId, charge, amount }: RefundRequest): Promise<RefundOutcome> {
    const id = `re_sandbox_${refundId}`;
    await this.#insert(id, { state: 'succeeded', charge, amount: String(amount) });
    return this.readRefund(id);
  }

  async readRefund(refund: string): Promise<RefundOutcome> {
    await this.#read(refund);
    return { state: 'succeeded', id: refund };
  }

  /** It tells nobody of anything. */
  async readEvent(): Promise<null> {
    return null;
  }

  async #insert(id: string, body: Body): Promise<void> {
    await this.#pool.query(INSERT, [id, JSON.stringify(body)]);
  }

  async #change(id: string, changes: Body, from: readonly string[]): Promise<void> {
    await this.#pool.query(CHANGE, [id, JSON.stringify(changes), from]);
  }

  async #find(id: string): Promise<Body | null> {
    const { rows } = await this.#pool.query<{ body: unknown }>(READ, [id]);
    const body = rows[0]?.body;
    return isRecord(body) ? body : null;
  }

  async #read(id: string): Promise<Body> {
    const body = await this.#find(id);
    if (body === null) throw new ProviderError('refused', 'no_such_object');
    return body;
  }

  async #card(token: string): Promise<Card> {
    const body = await this.#read(token);
    return {
      token,
      brand: String(body['brand']),
      lastFour: String(body['lastFour']),
      expMonth: Number(body['expMonth']),
      expYear: Number(body['expYear']),
      country: String(body['country']),
    };
  }
}

/** A card is good until its month ends. */
function isPast({ exp_year, exp_month }: CardDetails, now: number): boolean {
  return Date.UTC(exp_year, exp_month) <= now;
}

function behaviourOf(body: Body): Pick<TestCard, 'asksAtPayment' | 'declines' | 'declinesOffSession'> {
  const { asksAtPayment, declines, declinesOffSession } = body;
  return {
    asksAtPayment: asksAtPayment === true,
    ...(typeof declines === 'string' ? { declines } : {}),
    ...(typeof declinesOffSession === 'string' ? { declinesOffSession } : {}),
  };
}

function decide(card: ReturnType<typeof behaviourOf>, offSession: boolean): Body {
  if (offSession && card.declinesOffSession !== undefined) return failed(card.declinesOffSession);
  if (!offSession && card.asksAtPayment) return { state: 'requires_action' };
  return card.declines === undefined ? { state: 'succeeded' } : failed(card.declines);
}

const failed = (code: string): Body => ({ state: 'failed', code });
