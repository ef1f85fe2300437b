/** Billing as a dashboard calls it, for one organization and one person. */
import { randomUUID } from 'node:crypto';
import { makeTenant, type Tenant } from './admin-tenants.ts';
import type { TestPerson } from './people.ts';
import type { StripeDouble } from './stripe-double.ts';
import type { CallAnswer, Json, TestGateway } from './test-gateway.ts';

export const VISA = '4242424242424242';

export class BillingCalls {
  readonly tenant: Tenant;
  readonly #gateway: TestGateway;

  static async open(gateway: TestGateway): Promise<BillingCalls> {
    return new BillingCalls(gateway, await makeTenant(gateway));
  }

  private constructor(gateway: TestGateway, tenant: Tenant) {
    this.#gateway = gateway;
    this.tenant = tenant;
  }

  get owner(): TestPerson {
    return this.tenant.people.owner;
  }

  call(path: string, body?: unknown, options: { method?: string; by?: TestPerson; key?: string } = {}) {
    const { method, by = this.owner, key } = options;
    return this.#gateway.admin(by, `/api/organizations/${this.tenant.organizationId}/billing/${path}`, body, {
      ...(method === undefined ? {} : { method }),
      ...(key === undefined ? {} : { headers: { 'idempotency-key': key } }),
    });
  }

  /** In the sandbox, which is given the number itself. */
  async addTestCard(number = VISA): Promise<Json> {
    const { json: setup } = await this.call('payment-methods/setups', undefined, { method: 'POST' });
    const finish = (body: object) => this.call(`payment-methods/setups/${setup.id}/finish`, body);
    const card = { number, exp_month: 12, exp_year: 2040, cvc: '123', country: 'US' };
    let finished = await finish({ card });
    if (finished.json.state === 'requires_action') finished = await finish({ bank: 'approve' });
    return finished.json.payment_method;
  }

  /** With Stripe, whose form in the browser is given the number. */
  async addCardAt(double: StripeDouble, number = VISA): Promise<Json> {
    const { json: setup } = await this.call('payment-methods/setups', undefined, { method: 'POST' });
    double.browserAddsCard(setup.client_secret, number);
    const { json } = await this.call(`payment-methods/setups/${setup.id}/finish`, {});
    return json.payment_method;
  }

  addCredit(amount = '25.00', key: string = randomUUID()): Promise<CallAnswer> {
    return this.call('payments', { amount }, { key });
  }

  async balance(): Promise<string> {
    return (await this.call('balance')).json.balance;
  }

  async payment(id: string): Promise<Json> {
    return (await this.call(`payments/${id}`)).json;
  }

  async history(): Promise<Json[]> {
    return (await this.call('history')).json.data;
  }

  /** As if a minute had gone by, after which the reconciler looks. */
  async letTimePass(): Promise<void> {
    await this.#gateway.pool.query("UPDATE payments SET look_after = now() - interval '1 second'");
    await this.#gateway.pool.query("UPDATE refunds SET look_after = now() - interval '1 second'");
    await this.#gateway.pool.query("UPDATE auto_recharges SET check_after = now() - interval '1 second'");
  }
}
