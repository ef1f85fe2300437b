/** Billing over HTTP on the real gateway: with the sandbox, and with a server that answers as Stripe does. */
import { MANIFESTS } from '@zerogpu/catalogue';
import { dollarsText } from '@zerogpu/protocol';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { BillingCalls, VISA } from './support/billing-calls.ts';
import { Platform } from './support/platform.ts';
import { dumpRows } from './support/row-dump.ts';
import { StripeDouble } from './support/stripe-double.ts';
import { type Json, TestGateway } from './support/test-gateway.ts';

const DECLINES_LATER = '4000000000000341';
const ASKS_ALWAYS = '4000002760003184';
const PLANTED = [VISA, DECLINES_LATER, ASKS_ALWAYS, '4111111111111111', StripeDouble.SECRET_KEY];

/** Nothing that a person typed as a card, and no key of the provider, is anywhere that lasts. */
async function expectNoSecrets(gateway: TestGateway, texts: readonly string[] = []): Promise<void> {
  const rows = [...(await dumpRows(gateway.pool)).values()].flat();
  const everything = [...rows, ...gateway.told, ...texts].join('\n');
  for (const secret of [...PLANTED, StripeDouble.WEBHOOK_SECRET]) expect(everything).not.toContain(secret);
}

describe('with the sandbox', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await TestGateway.start();
  });
  afterAll(async () => {
    const violations = await gateway.violations();
    await expectNoSecrets(gateway);
    await gateway.stop();
    expect(violations).toEqual([]);
    expect(gateway.strayings).toEqual([]);
  });

  const open = () => BillingCalls.open(gateway);

  it('tells anybody the price of every model, batches at half', async () => {
    const { json } = await gateway.admin(null, '/api/prices');
    expect(json.data.map(({ model }: Json) => model)).toEqual(MANIFESTS.map(({ id }) => id));
    for (const price of json.data) {
      expect(Number(price.batch_input_per_million) * 2).toBeCloseTo(Number(price.input_per_million));
      expect(Number(price.batch_output_per_million) * 2).toBeCloseTo(Number(price.output_per_million));
    }
  });

  it('shows the balance, what may be added, and that it is test money', async () => {
    const billing = await open();
    expect((await billing.call('balance')).json).toMatchObject({
      balance: '5.00',
      held: '0.00',
      available: '5.00',
      provider: 'sandbox',
      presets: ['10.00', '25.00', '50.00', '100.00'],
      minimum: '5.00',
      maximum: '10000.00',
      test_money: true,
    });
  });

  it('keeps cards: the first is the default, another can be, and a removed one is gone', async () => {
    const billing = await open();
    const first = await billing.addTestCard();
    const second = await billing.addTestCard('5555555555554444');
    expect(first).toMatchObject({ brand: 'visa', last_four: '4242', is_default: true, test_money: true });
    expect(second).toMatchObject({ brand: 'mastercard', last_four: '4444', is_default: false });
    await billing.call(`payment-methods/${second.id}/default`, undefined, { method: 'POST' });
    await billing.call(`payment-methods/${second.id}`, undefined, { method: 'DELETE' });
    const { json } = await billing.call('payment-methods');
    expect(json.data).toMatchObject([{ id: first.id, is_default: true }]);
    const gone = await billing.call(`payment-methods/${second.id}/default`, undefined, { method: 'POST' });
    expect(gone.status).toBe(404);
  });

  it('refuses a number that is no test number without repeating it', async () => {
    const billing = await open();
    const { json: setup } = await billing.call('payment-methods/setups', undefined, { method: 'POST' });
    const card = { number: '4111111111111111', exp_month: 12, exp_year: 2040, cvc: '123', country: 'US' };
    const refused = await billing.call(`payment-methods/setups/${setup.id}/finish`, { card });
    expect(refused.json.error).toMatchObject({ code: 'invalid_value', param: 'card.number' });
    expect(refused.text).not.toContain('4111');
  });

  it('adds credit once for one Idempotency-Key, however often it is sent', async () => {
    const billing = await open();
    await billing.addTestCard();
    const answers = await Promise.all(Array.from({ length: 5 }, () => billing.addCredit('12.34', 'once')));
    expect(new Set(answers.map(({ json }) => json.id)).size).toBe(1);
    expect(answers.every(({ status }) => status === 201)).toBe(true);
    expect(await billing.balance()).toBe('17.34');
    expect((await billing.addCredit('12.35', 'once')).json.error.code).toBe('idempotency_conflict');
  });

  it.each(['4.99', '10000.01', '5.001', '-5.00', '0', 'five', '99999.99', ''])(
    'refuses to add "%s"',
    async (amount) => {
      const billing = await open();
      await billing.addTestCard();
      const refused = await billing.addCredit(amount);
      expect([refused.status, refused.json.error.param]).toEqual([400, 'amount']);
    },
  );

  it('asks for a card before it charges one', async () => {
    expect((await (await open()).addCredit()).json.error.code).toBe('state_conflict');
  });

  it('goes on when the card’s bank has been answered, and says why a payment failed', async () => {
    const billing = await open();
    await billing.addTestCard(ASKS_ALWAYS);
    const [yes, no] = [(await billing.addCredit()).json, (await billing.addCredit()).json];
    expect([yes.state, no.state]).toEqual(['requires_action', 'requires_action']);
    const approved = await billing.call(`payments/${yes.id}/confirm`, { bank: 'approve' });
    const rejected = await billing.call(`payments/${no.id}/confirm`, { bank: 'reject' });
    expect(approved.json.state).toBe('succeeded');
    expect(rejected.json).toMatchObject({ state: 'failed', failure_code: 'authentication_failed' });
    expect(rejected.json.failure_message).toContain('approval');
    expect(await billing.balance()).toBe('30.00');
    expect((await billing.call(`payments/${yes.id}/confirm`, {})).json.error.code).toBe('state_conflict');
  });

  it('gives up a payment that nobody finished', async () => {
    const billing = await open();
    await billing.addTestCard(ASKS_ALWAYS);
    const { id } = (await billing.addCredit()).json;
    const canceled = await billing.call(`payments/${id}/cancel`, undefined, { method: 'POST' });
    expect(canceled.json.state).toBe('canceled');
    expect(await billing.balance()).toBe('5.00');
  });

  it('refunds in parts, only to owners, and never more than is left of payment or balance', async () => {
    const billing = await open();
    await billing.addTestCard();
    const { id } = (await billing.addCredit('25.00')).json;
    const refund = (amount?: string, by = billing.owner) =>
      billing.call(`payments/${id}/refunds`, amount === undefined ? {} : { amount }, { by });
    expect((await refund('10.00', billing.tenant.people.admin)).status).toBe(403);
    expect((await refund('10.00')).json).toMatchObject({
      amount: '10.00',
      state: 'succeeded',
      test_money: true,
    });
    expect(await billing.balance()).toBe('20.00');
    expect((await refund('15.01')).json.error.param).toBe('amount');
    await gateway.pool.query(
      `UPDATE ledger.accounts a SET held = 10000000000 FROM organizations o WHERE a.id = o.wallet_id AND o.id = $1`,
      [billing.tenant.organizationId],
    );
    expect((await refund()).json.error.code).toBe('insufficient_quota');
    await gateway.pool.query(
      `UPDATE ledger.accounts a SET held = 0 FROM organizations o WHERE a.id = o.wallet_id AND o.id = $1`,
      [billing.tenant.organizationId],
    );
    expect((await refund()).json.amount).toBe('15.00');
    expect((await refund()).json.error.code).toBe('state_conflict');
    expect(await billing.balance()).toBe('5.00');
    expect(await billing.payment(id)).toMatchObject({ amount: '25.00', refunded: '25.00' });
  });

  it('refunds once per Idempotency-Key, however often and however many at once', async () => {
    const billing = await open();
    await billing.addTestCard();
    const [{ id }, other] = [
      (await billing.addCredit('25.00')).json,
      (await billing.addCredit('25.00')).json,
    ];
    const refund = (amount = '5.00', payment = id) =>
      billing.call(`payments/${payment}/refunds`, { amount }, { key: 'press' });
    const pressed = await Promise.all(Array.from({ length: 5 }, () => refund()));
    expect(pressed.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201]);
    expect(new Set(pressed.map(({ json }) => json.id)).size).toBe(1);
    expect((await refund()).json).toEqual({ ...pressed[0]?.json, state: 'succeeded' });
    expect((await refund('6.00')).json.error.code).toBe('idempotency_conflict');
    expect(await billing.payment(id)).toMatchObject({ refunded: '5.00' });
    // The key is for this request, which another payment's refund is not.
    expect((await refund('5.00', other.id)).json.error.code).toBe('idempotency_conflict');
    const { rows } = await gateway.pool.query(
      "SELECT 1 FROM audit_log WHERE organization_id = $1 AND action = 'payment.refunded'",
      [billing.tenant.organizationId],
    );
    expect(rows).toHaveLength(1);
  });

  it('tells its history in pages that are together the whole, and as a table without formulas', async () => {
    const billing = await open();
    await gateway.pool.query(
      `SELECT ledger.credit(wallet_id, 1000000000, 'gift:' || id, '=HYPERLINK("http://example.com")', now())
       FROM organizations WHERE id = $1`,
      [billing.tenant.organizationId],
    );
    await billing.addTestCard();
    const { id } = (await billing.addCredit('10.00')).json;
    await billing.call(`payments/${id}/refunds`, { amount: '1.00' });
    await billing.addTestCard(DECLINES_LATER);
    const { json: methods } = await billing.call('payment-methods');
    await billing.call('payments', { amount: '20.00', payment_method_id: methods.data[0].id });
    const used = await useUp(gateway, billing.tenant.apiKey);
    const whole = await billing.history();
    expect(whole.map(({ kind, amount, status }) => [kind, amount, status])).toEqual([
      ['usage', dollarsText(-used), 'open'],
      ['credit', '20.00', 'failed'],
      ['refund', '-1.00', 'succeeded'],
      ['credit', '10.00', 'succeeded'],
      ['credit', '1.00', 'succeeded'],
      ['credit', '5.00', 'succeeded'],
    ]);
    expect(whole[1].description).toBe('Credit, visa •••• 0341: The card was declined');
    const paged: Json[] = [];
    let after = '';
    do {
      const { json } = await billing.call(`history?limit=2${after}`);
      paged.push(...json.data);
      after = json.next === null ? '' : `&after=${encodeURIComponent(json.next)}`;
    } while (after !== '');
    expect(paged.map((entry) => entry.id)).toEqual(whole.map((entry) => entry.id));
    const madeUp = Buffer.from('2026-99-99T00:00:00.000Z usage:1').toString('base64url');
    expect((await billing.call(`history?after=${madeUp}`)).json.error).toMatchObject({
      code: 'invalid_value',
      param: 'after',
    });
    const { text, headers } = await billing.call('history/export');
    expect(headers.get('content-disposition')).toContain('attachment; filename="billing-');
    expect(text.split('\r\n')).toHaveLength(whole.length + 2);
    expect(text).toContain(`"'=HYPERLINK(""http://example.com"")"`);
    expect(text).toContain(',-1.00,');
    await expectNoSecrets(gateway, [text]);
  });

  it('prints a receipt that runs nothing, whatever the organization is called', async () => {
    const billing = await open();
    await gateway.pool.query(`UPDATE organizations SET name = '<script>alert("x")</script>&' WHERE id = $1`, [
      billing.tenant.organizationId,
    ]);
    await billing.addTestCard();
    const { id } = (await billing.addCredit('10.00')).json;
    const { text, headers } = await billing.call(`payments/${id}/receipt`);
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(text).toContain('&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&amp;');
    expect(text).not.toContain('<script');
    expect(text).toContain('Test money');
    expect(text).toContain('$10.00');
  });

  it('lets viewers look, admins pay, and owners refund and recharge', async () => {
    const billing = await open();
    const { viewer, developer, admin } = billing.tenant.people;
    for (const path of ['balance', 'history', 'auto-recharge']) {
      expect((await billing.call(path, undefined, { by: viewer })).status).toBe(200);
    }
    expect((await billing.call('payment-methods', undefined, { by: developer })).status).toBe(403);
    expect((await billing.call('payments', { amount: '10.00' }, { by: developer })).status).toBe(403);
    expect((await billing.call('payment-methods', undefined, { by: admin })).status).toBe(200);
    const settings = { enabled: false, threshold: '5.00', amount: '10.00', monthly_cap: '20.00' };
    expect((await billing.call('auto-recharge', settings, { method: 'PUT', by: admin })).status).toBe(403);
    expect((await billing.call('auto-recharge', settings, { method: 'PUT' })).status).toBe(200);
  });

  it('recharges by itself below the threshold until the cap of the month, and says so', async () => {
    const billing = await open();
    const settings = { enabled: true, threshold: '20.00', amount: '10.00', monthly_cap: '15.00' };
    const set = () => billing.call('auto-recharge', settings, { method: 'PUT' });
    expect((await set()).json.error.code).toBe('state_conflict');
    const card = await billing.addTestCard();
    expect((await set()).json).toMatchObject({ enabled: true, state: 'on', charged_this_month: '0.00' });
    const look = async () => (await billing.call('auto-recharge')).json;
    await gateway.eventually('a recharge', async () =>
      (await look()).charged_this_month === '10.00' ? true : null,
    );
    await gateway.eventually('the credit', async () => ((await billing.balance()) === '15.00' ? true : null));
    await billing.letTimePass();
    const capped = await gateway.eventually('the cap', async () => {
      const now = await look();
      return now.state === 'capped' ? now : null;
    });
    expect(capped).toMatchObject({ charged_this_month: '10.00', reason: expect.stringContaining('$15.00') });
    expect(await billing.balance()).toBe('15.00');
    const removal = await billing.call(`payment-methods/${card.id}`, undefined, { method: 'DELETE' });
    expect(removal.json.error.code).toBe('state_conflict');
  });

  it('tries a card that fails again later, tells it in the feed and in the audit log', async () => {
    const billing = await open();
    await billing.addTestCard(DECLINES_LATER);
    const settings = { enabled: true, threshold: '20.00', amount: '10.00', monthly_cap: '50.00' };
    await billing.call('auto-recharge', settings, { method: 'PUT' });
    const state = await gateway.eventually('a failed recharge', async () => {
      const { json } = await billing.call('auto-recharge');
      return json.state === 'retrying' ? json : null;
    });
    expect(state).toMatchObject({ failures: 1, reason: 'The card was declined' });
    expect(Date.parse(state.next_try_at)).toBeGreaterThan(Date.now());
    const { rows } = await gateway.pool.query(
      'SELECT action, person_id FROM audit_log WHERE organization_id = $1 ORDER BY id DESC LIMIT 2',
      [billing.tenant.organizationId],
    );
    expect(rows).toEqual([
      { action: 'auto_recharge.failed', person_id: null },
      { action: 'auto_recharge.started', person_id: null },
    ]);
    const events = await gateway.pool.query('SELECT kind FROM events WHERE organization_id = $1', [
      billing.tenant.organizationId,
    ]);
    expect(events.rows).toContainEqual({ kind: 'recharge.failed' });
  });

  it('takes no events of Stripe', async () => {
    expect((await gateway.admin(null, '/api/webhooks/stripe', {})).status).toBe(404);
  });
});

/** A request that is answered and charged. @returns what for, in nano-dollars */
async function useUp(gateway: TestGateway, key: string): Promise<bigint> {
  const node = await gateway.join();
  const body = { model: 'zlm-v1-summary-cloud', input: 'A text of some words. And another sentence.' };
  const { requestId } = await gateway.call('/v1/responses', body, { key });
  await node.leave();
  const cost = await gateway.charged(requestId);
  expect(cost).toBeGreaterThan(0n);
  return cost;
}

describe('with Stripe', () => {
  let gateway: TestGateway;
  let double: StripeDouble;
  beforeAll(async () => {
    double = await StripeDouble.start();
    gateway = await TestGateway.start(double.env);
  });
  afterEach(() => {
    double.trouble = () => null;
    double.slow = false;
  });
  afterAll(async () => {
    const violations = await gateway.violations();
    await expectNoSecrets(gateway);
    await gateway.stop();
    await double.stop();
    expect(violations).toEqual([]);
    expect(gateway.strayings).toEqual([]);
  });

  const open = () => BillingCalls.open(gateway);
  const paid = () => double.all('payment_intent').filter(({ status }) => status === 'succeeded').length;
  /** What the double has told since `from`, each of it twice, last first. */
  const sendBackwards = async (from: number) => {
    const events = double.events.slice(from).reverse();
    for (const event of [...events, ...events]) expect(await double.send(gateway.url, event)).toBe(204);
  };

  it('has the card added in the browser, and takes no card itself', async () => {
    const billing = await open();
    const { json: setup } = await billing.call('payment-methods/setups', undefined, { method: 'POST' });
    expect(setup).toMatchObject({
      provider: 'stripe',
      publishable_key: StripeDouble.PUBLISHABLE_KEY,
      client_secret: expect.stringContaining('_secret_'),
      test_money: true,
    });
    const card = { number: VISA, exp_month: 12, exp_year: 2040, cvc: '123', country: 'US' };
    const finish = (body: object) => billing.call(`payment-methods/setups/${setup.id}/finish`, body);
    expect((await finish({ card })).json.error).toMatchObject({ code: 'invalid_value', param: 'card' });
    expect((await finish({})).json.error.code).toBe('state_conflict');
    double.browserAddsCard(setup.client_secret, VISA);
    const finished = await finish({});
    expect(finished.json.payment_method).toMatchObject({
      brand: 'visa',
      last_four: '4242',
      test_money: true,
    });
    expect((await finish({})).json).toEqual(finished.json);
  });

  it('credits once, whatever events come late, twice and backwards', async () => {
    const billing = await open();
    await billing.addCardAt(double);
    const from = double.events.length;
    const { json } = await billing.addCredit('25.00');
    expect(json).toMatchObject({ state: 'succeeded', amount: '25.00', test_money: true });
    await sendBackwards(from);
    expect(await billing.balance()).toBe('30.00');
  });

  it.each(['POST confirm', 'POST payment_intents'])(
    'an answer lost at %s is made good by an event or the reconciler, once',
    async (what) => {
      const billing = await open();
      await billing.addCardAt(double);
      const before = paid();
      const from = double.events.length;
      double.trouble = (line) => (line.endsWith(what.replace('POST ', '')) ? 'drop' : null);
      const { json } = await billing.addCredit('25.00');
      expect(json.state).toBe('pending');
      double.trouble = () => null;
      await sendBackwards(from);
      await billing.letTimePass();
      await gateway.eventually('the credit', async () =>
        (await billing.payment(json.id)).state === 'succeeded' ? true : null,
      );
      await sendBackwards(from);
      expect(await billing.balance()).toBe('30.00');
      expect(paid()).toBe(before + 1);
    },
  );

  it('a payment that Stripe still works on is finished by its event', async () => {
    const billing = await open();
    await billing.addCardAt(double);
    double.slow = true;
    const { json } = await billing.addCredit('25.00');
    expect(json.state).toBe('pending');
    const { rows } = await gateway.pool.query('SELECT provider_payment FROM payments WHERE id = $1', [
      json.id,
    ]);
    const from = double.events.length;
    double.settle(rows[0].provider_payment);
    await sendBackwards(from);
    expect((await billing.payment(json.id)).state).toBe('succeeded');
    expect(await billing.balance()).toBe('30.00');
  });

  it('a bank that asks is answered in the browser by the client secret; the event does the rest', async () => {
    const billing = await open();
    await billing.addCardAt(double, ASKS_ALWAYS);
    const { json } = await billing.addCredit('25.00');
    expect(json).toMatchObject({
      state: 'requires_action',
      client_secret: expect.stringContaining('_secret_'),
    });
    expect((await billing.payment(json.id)).client_secret).toBeNull();
    const from = double.events.length;
    double.browserAnswersPayment(json.client_secret, 'approve');
    await sendBackwards(from);
    expect((await billing.payment(json.id)).state).toBe('succeeded');
    expect(await billing.balance()).toBe('30.00');
  });

  it('a declined payment says why, and cannot be finished in the browser afterwards', async () => {
    const billing = await open();
    await billing.addCardAt(double, DECLINES_LATER);
    const { json } = await billing.addCredit('25.00');
    expect(json).toMatchObject({ state: 'failed', failure_code: 'card_declined' });
    const { rows } = await gateway.pool.query('SELECT provider_payment FROM payments WHERE id = $1', [
      json.id,
    ]);
    expect(double.thing(rows[0].provider_payment)['status']).toBe('canceled');
  });

  it('a refund that the bank sends back later is credit again, once', async () => {
    const billing = await open();
    await billing.addCardAt(double);
    const { id } = (await billing.addCredit('25.00')).json;
    const refund = await billing.call(`payments/${id}/refunds`, { amount: '20.00' });
    expect(refund.json.state).toBe('succeeded');
    expect(await billing.balance()).toBe('10.00');
    const { rows } = await gateway.pool.query('SELECT provider_refund FROM refunds WHERE id = $1', [
      refund.json.id,
    ]);
    const from = double.events.length;
    double.failRefund(rows[0].provider_refund);
    await sendBackwards(from);
    expect(await billing.balance()).toBe('30.00');
    expect(await billing.payment(id)).toMatchObject({ refunded: '0.00' });
  });

  it('a refund that the operator makes at Stripe is taken from the balance, once, as far as it goes', async () => {
    const billing = await open();
    await billing.addCardAt(double);
    const { id } = (await billing.addCredit('25.00')).json;
    const { rows } = await gateway.pool.query('SELECT provider_payment FROM payments WHERE id = $1', [id]);
    const from = double.events.length;
    double.refundOnDashboard(rows[0].provider_payment, 1000);
    await Promise.all([sendBackwards(from), sendBackwards(from)]);
    expect(await billing.balance()).toBe('20.00');
    expect(await billing.payment(id)).toMatchObject({ refunded: '10.00' });
    expect((await billing.history())[0]).toMatchObject({
      kind: 'refund',
      amount: '-10.00',
      status: 'succeeded',
    });
    await billing.call(`payments/${id}/refunds`, { amount: '1.00' });
    await sendBackwards(from);
    expect(await billing.balance()).toBe('19.00');
  });

  it('believes no event that Stripe did not sign, lately, and reads none without end', async () => {
    const billing = await open();
    const event = { id: 'evt', type: 'payment_intent.succeeded', body: '{"data":{"object":{}}}' };
    const hour = 3600;
    expect(await double.send(gateway.url, event, Math.floor(Date.now() / 1000) - hour)).toBe(400);
    const unsigned = await gateway.admin(null, '/api/webhooks/stripe', undefined, {
      raw: event.body,
      method: 'POST',
    });
    expect(unsigned.json.error.code).toBe('invalid_value');
    const huge = { ...event, body: JSON.stringify({ data: 'x'.repeat(300_000) }) };
    expect(await double.send(gateway.url, huge)).toBe(413);
    expect(await billing.balance()).toBe('5.00');
  });

  it('says that Stripe does not answer, and loses nothing', async () => {
    const billing = await open();
    double.trouble = () => 'error';
    const refused = await billing.call('payment-methods/setups', undefined, { method: 'POST' });
    expect(refused.json.error.code).toBe('no_capacity');
    expect(refused.text).not.toContain('Planted');
  });
});

describe('a gateway that is killed', () => {
  it('between the charge and its credit leaves a payment that the next one finishes: charged once, credited once', async () => {
    const double = await StripeDouble.start();
    const platform = await Platform.start({ nodes: 0, env: { ...double.env } });
    let next: TestGateway | null = null;
    try {
      const organization = await ownersCalls(platform);
      const setup = await organization('payment-methods/setups', undefined);
      double.browserAddsCard(setup.client_secret, VISA);
      await organization(`payment-methods/setups/${setup.id}/finish`, {});
      double.trouble = (line) => (line.endsWith('/confirm') ? 'hang' : null);
      const adding = organization('payments', { amount: '25.00' }).catch(() => 'gone');
      const isPaid = () => double.all('payment_intent').some(({ status }) => status === 'succeeded');
      while (!isPaid()) await new Promise((resolve) => setTimeout(resolve, 20));
      await platform.gateway.killHard();
      expect(await adding).toBe('gone');
      double.trouble = () => null;
      next = await TestGateway.open(platform.dataDir, double.env);
      await next.pool.query("UPDATE payments SET look_after = now() - interval '1 second'");
      const { pool } = next;
      await next.eventually('the credit', async () => {
        const { rows } = await pool.query("SELECT 1 FROM payments WHERE state = 'succeeded'");
        return rows[0] ?? null;
      });
      expect((await next.balance())?.balance).toBe(30_000_000_000n);
      expect(double.all('payment_intent')).toHaveLength(1);
      expect(await next.violations()).toEqual([]);
      await expectNoSecrets(next, [platform.gateway.output]);
    } finally {
      await next?.gateway.close(0);
      await platform.stop();
      await double.stop();
    }
  });
});

/** Calls of the first boot's owner. */
async function ownersCalls(platform: Platform) {
  const send = async (path: string, body: unknown, headers: Record<string, string> = {}) => {
    const content = body === undefined ? {} : { body: JSON.stringify(body) };
    const type = body === undefined ? {} : { 'content-type': 'application/json' };
    const response = await fetch(platform.url + path, {
      method: 'POST',
      headers: { ...headers, ...type },
      ...content,
    });
    if (!response.ok) throw new Error(await response.text());
    return (await response.json()) as Json;
  };
  const { ZEROGPU_ADMIN_EMAIL: email, ZEROGPU_ADMIN_PASSWORD: password } = platform.credentials;
  const { token } = await send('/api/auth/sign-in', { email, password, session: 'token' });
  const headers = { authorization: `Bearer ${token}` };
  const mine = await fetch(`${platform.url}/api/organizations`, { headers });
  const id = ((await mine.json()) as Json).data[0].id;
  return (path: string, body: unknown) => send(`/api/organizations/${id}/billing/${path}`, body, headers);
}
