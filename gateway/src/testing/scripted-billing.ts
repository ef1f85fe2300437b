/** For tests: an organization with cards at the sandbox, a provider that fails where a test says, and a clock. */
import { randomUUID } from 'node:crypto';
import { openWallet, readBalance } from '@zerogpu/ledger';
import type { Pool } from 'pg';
import type { BillingParts } from '../billing/parts.ts';
import { PAYMENT_COLUMNS, type PaymentRow } from '../billing/payments.ts';
import { type PaymentProvider, ProviderError } from '../billing/provider.ts';
import { SandboxProvider } from '../billing/sandbox-provider.ts';
import { silentLog } from '../store/log.ts';

export const NOON = Date.UTC(2030, 4, 15, 12);
export const DOLLAR = 1_000_000_000n;

export interface Told {
  readonly kind: string;
  readonly title: string;
}

/** A call of the provider that fails before it does anything, or after it did it: its answer is lost. */
export type Fault = 'before' | 'after';

export class ScriptedBilling {
  readonly parts: BillingParts;
  readonly told: Told[] = [];
  readonly calls: string[] = [];
  now = NOON;
  /** Asked at each call of the provider; it fails as told. */
  fault: (method: string, call: number) => Fault | null = () => null;
  readonly sandbox: SandboxProvider;

  constructor(pool: Pool) {
    const now = () => this.now;
    this.sandbox = new SandboxProvider({ pool, now });
    const notify: BillingParts['notify'] = async (_db, { kind, title }) =>
      void this.told.push({ kind, title });
    this.parts = { pool, provider: this.#faulty(this.sandbox), notify, log: silentLog, now };
  }

  /** Another gateway on the same database and provider. */
  get pool(): Pool {
    return this.parts.pool;
  }

  #faulty(provider: SandboxProvider): PaymentProvider {
    return new Proxy(provider, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        return async (...given: unknown[]) => {
          const method = String(name);
          this.calls.push(method);
          const fault = this.fault(method, this.calls.length);
          if (fault === 'before') throw new ProviderError('unknown', 'planted');
          const answer: unknown = await value.apply(target, given);
          if (fault === 'after') throw new ProviderError('unknown', 'planted');
          return answer;
        };
      },
    });
  }

  /** An organization whose default card is this test card. */
  async organization(number = '4242424242424242'): Promise<Organization> {
    const { pool } = this.parts;
    const id = randomUUID();
    const walletId = await openWallet(pool, id);
    await pool.query(
      "INSERT INTO organizations (id, name, wallet_id, created_at) VALUES ($1, 'test', $2, $3)",
      [id, walletId, new Date(this.now)],
    );
    const customer = await this.sandbox.createCustomer(id);
    await pool.query(
      "INSERT INTO billing_customers (organization_id, provider, customer) VALUES ($1, 'sandbox', $2)",
      [id, customer],
    );
    const methodId = await this.#addCard(id, customer, number);
    return { id, walletId, methodId };
  }

  async #addCard(organizationId: string, customer: string, number: string): Promise<string> {
    const setup = await this.sandbox.startSetup(randomUUID(), customer);
    const card = { number, exp_month: 12, exp_year: 2040, cvc: '123', country: 'US' };
    let outcome = await this.sandbox.finishSetup(setup.id, customer, { card });
    if (outcome.state === 'requires_action') {
      outcome = await this.sandbox.finishSetup(setup.id, customer, { bank: 'approve' });
    }
    if (outcome.state !== 'succeeded') throw new Error(`The card was not added: ${outcome.state}`);
    const { token, brand, lastFour } = outcome.card;
    const { rows } = await this.parts.pool.query<{ id: string }>(
      `INSERT INTO payment_methods (organization_id, provider, token, brand, last_four, exp_month, exp_year, is_default, created_at)
       VALUES ($1, 'sandbox', $2, $3, $4, 12, 2040, true, $5) RETURNING id`,
      [organizationId, token, brand, lastFour, new Date(this.now)],
    );
    return String(rows[0]?.id);
  }

  /** A payment as `addCredit` writes it, before the provider is asked. */
  async begin({ id, methodId }: Organization, amount = 25n * DOLLAR): Promise<PaymentRow> {
    const { rows } = await this.parts.pool.query<PaymentRow>(
      `INSERT INTO payments (organization_id, provider, source, method_id, brand, last_four, amount, created_at, look_after)
       VALUES ($1, 'sandbox', 'manual', $2, 'visa', '4242', $3, $4, $4) RETURNING ${PAYMENT_COLUMNS}`,
      [id, methodId, amount, new Date(this.now)],
    );
    const row = rows[0];
    if (row === undefined) throw new Error('No payment');
    return row;
  }

  async balance({ walletId }: Organization): Promise<bigint> {
    return (await readBalance(this.parts.pool, walletId))?.balance ?? 0n;
  }
}

export interface Organization {
  readonly id: string;
  readonly walletId: string;
  readonly methodId: string;
}
