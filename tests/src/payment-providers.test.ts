import { makePaymentProvider, type PaymentProvider } from '@zerogpu/gateway';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ProviderHarness, providerCases } from './support/payment-provider-cases.ts';
import { StripeDouble } from './support/stripe-double.ts';
import { TestGateway } from './support/test-gateway.ts';

let gateway: TestGateway;
let double: StripeDouble;
let sandbox: PaymentProvider;
let stripe: PaymentProvider;

beforeAll(async () => {
  gateway = await TestGateway.start();
  double = await StripeDouble.start();
  sandbox = makePaymentProvider({ stripe: null, pool: gateway.pool, now: Date.now });
  stripe = stripeAt({});
});

afterEach(() => {
  double.trouble = () => null;
  double.slow = false;
});

afterAll(async () => {
  await double.stop();
  await gateway.stop();
});

function stripeAt(changes: { secretKey?: string; apiUrl?: string }): PaymentProvider {
  const settings = {
    secretKey: StripeDouble.SECRET_KEY,
    publishableKey: StripeDouble.PUBLISHABLE_KEY,
    webhookSecret: StripeDouble.WEBHOOK_SECRET,
    apiUrl: double.url,
    ...changes,
  };
  return makePaymentProvider({ stripe: settings, pool: gateway.pool, now: Date.now });
}

const sandboxHarness = (): ProviderHarness => ({
  provider: sandbox,
  async giveCard({ id, customer }, number, bank = 'approve') {
    const card = { number, exp_month: 12, exp_year: 2040, cvc: '123', country: 'US' };
    const outcome = await sandbox.finishSetup(id, customer, { card });
    if (outcome.state !== 'requires_action' || bank === 'nothing') return outcome;
    return sandbox.finishSetup(id, customer, { bank });
  },
  answerBank: async (charge, bank) => void (await sandbox.continueCharge(charge, bank)),
});

const stripeHarness = (): ProviderHarness => ({
  provider: stripe,
  giveCard: async ({ clientSecret }, number, bank) =>
    double.browserAddsCard(String(clientSecret), number, bank),
  async answerBank(charge, bank) {
    const secret = double.thing(charge)['client_secret'];
    double.browserAnswersPayment(String(secret), bank);
    await stripe.continueCharge(charge, undefined);
  },
});

providerCases('sandbox', sandboxHarness);
providerCases('stripe', stripeHarness);

describe('sandbox', () => {
  it('takes no number but the published test numbers', async () => {
    const customer = await sandbox.createCustomer('o');
    const { id } = await sandbox.startSetup('s', customer);
    const card = { number: '4111111111111111', exp_month: 12, exp_year: 2040, cvc: '123', country: 'US' };
    await expect(sandbox.finishSetup(id, customer, { card })).rejects.toMatchObject({
      code: 'not_a_test_card',
    });
  });

  it('takes no card of the past', async () => {
    const customer = await sandbox.createCustomer('o');
    const { id } = await sandbox.startSetup('past', customer);
    const card = { number: '4242424242424242', exp_month: 12, exp_year: 2020, cvc: '123', country: 'US' };
    expect(await sandbox.finishSetup(id, customer, { card })).toEqual({
      state: 'failed',
      code: 'expired_card',
    });
  });
});

describe('stripe', () => {
  it('takes no card data from us', async () => {
    const card = { number: '4242424242424242', exp_month: 12, exp_year: 2040, cvc: '123', country: 'US' };
    const before = double.requests.length;
    await expect(stripe.finishSetup('seti', 'cus', { card })).rejects.toMatchObject({ kind: 'refused' });
    expect(double.requests).toHaveLength(before);
  });

  it('a test key is test money, a live key is not', () => {
    expect(stripe.mode).toBe('stripe-test');
    expect(stripeAt({ secretKey: 'sk_live_EXAMPLE' }).mode).toBe('stripe-live');
  });

  it('tells nothing of a wrong key but that the provider does not answer', async () => {
    const wrong = stripeAt({ secretKey: 'sk_test_EXAMPLEplanted' });
    const error: unknown = await wrong.createCustomer('o').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ kind: 'unknown', code: 'status_401' });
    expect(String((error as Error).stack)).not.toContain('planted');
    expect((error as Error).cause).toBeUndefined();
  });

  it('an answer that is lost is the same answer when it is asked for again', async () => {
    let drops = 2;
    double.trouble = (line) => (line === 'POST /v1/customers' && drops-- > 0 ? 'drop' : null);
    await expect(stripe.createCustomer('lost')).rejects.toMatchObject({ kind: 'unknown' });
    const customer = await stripe.createCustomer('lost');
    expect(double.all('customer').filter(({ metadata }) => isOf(metadata, 'lost'))).toMatchObject([
      { id: customer },
    ]);
  });

  it('a server error says nothing about what happened', async () => {
    double.trouble = () => 'error';
    await expect(stripe.createCustomer('o')).rejects.toMatchObject({ kind: 'unknown', code: 'status_500' });
  });

  it('a refund is found again when Stripe has forgotten its idempotency key', async () => {
    const harness = stripeHarness();
    const customer = await stripe.createCustomer('day');
    const setup = { customer, ...(await stripe.startSetup('day', customer)) };
    await harness.giveCard(setup, '4242424242424242');
    const added = await stripe.finishSetup(setup.id, customer, {});
    if (added.state !== 'succeeded') throw new Error('No card');
    const asked = {
      paymentId: 'p',
      organizationId: 'o',
      customer,
      token: added.card.token,
      amount: 10n ** 10n,
    };
    const charge = await stripe.createCharge(asked);
    await stripe.confirmCharge(charge, false);
    const refund = await stripe.refund({ refundId: 'r', charge, amount: 10n ** 10n });
    double.forgetIdempotencyKeys();
    expect(await stripe.refund({ refundId: 'r', charge, amount: 10n ** 10n })).toEqual(refund);
    expect(double.all('refund').filter(({ payment_intent }) => payment_intent === charge)).toHaveLength(1);
  });

  it('knows an event by its signature: fresh, whole and with our secret', async () => {
    const body = JSON.stringify({
      id: 'evt_1',
      object: 'event',
      data: { object: { id: 'pi_1', object: 'payment_intent' } },
    });
    const now = 1_900_000_000;
    const read = (signature: string | undefined, text = body) =>
      stripe.readEvent(
        Buffer.from(text),
        signature === undefined ? {} : { 'stripe-signature': signature },
        now * 1000,
      );
    expect(await read(double.sign(body, now))).toEqual({ kind: 'charge', id: 'pi_1' });
    expect(await read(double.sign(body, now - 299))).toEqual({ kind: 'charge', id: 'pi_1' });
    expect(await read(double.sign(body, now - 301))).toBeNull();
    expect(await read(double.sign(body, now, 'whsec_EXAMPLEother'))).toBeNull();
    expect(await read(double.sign(body, now), body.replace('pi_1', 'pi_2'))).toBeNull();
    expect(await read(undefined)).toBeNull();
    expect(await read('t=1,v1=zz')).toBeNull();
  });
});

const STRIPE_MOCK = process.env['ZEROGPU_TEST_STRIPE_MOCK'];

// Stripe's own mock (`go install github.com/stripe/stripe-mock@latest`) refuses what its API would not take. It
// remembers nothing, so only the form of requests and answers is tested, where its address is given.
if (STRIPE_MOCK) {
  describe('stripe-mock', () => {
    it.each<[string, (provider: PaymentProvider) => Promise<unknown>]>([
      ['createCustomer', (provider) => provider.createCustomer('o')],
      ['startSetup', (provider) => provider.startSetup('s', 'cus_1')],
      ['createCharge', (provider) => provider.createCharge(ASKED)],
      ['confirmCharge on session', (provider) => provider.confirmCharge('pi_1', false)],
      ['confirmCharge off session', (provider) => provider.confirmCharge('pi_1', true)],
      ['readCharge', (provider) => provider.readCharge('pi_1')],
      ['cancelCharge', (provider) => provider.cancelCharge('pi_1')],
      ['refund', (provider) => provider.refund({ refundId: 'r', charge: 'pi_1', amount: 10n ** 10n })],
      ['readRefund', (provider) => provider.readRefund('re_1')],
    ])('%s is as Stripe’s API takes it', async (_name, call) => {
      await expect(call(stripeAt({ apiUrl: STRIPE_MOCK }))).resolves.toBeDefined();
    });
  });
}

const ASKED = { paymentId: 'p', organizationId: 'o', customer: 'cus_1', token: 'pm_1', amount: 10n ** 10n };

function isOf(metadata: unknown, organization: string): boolean {
  return JSON.stringify(metadata).includes(`"${organization}"`);
}
