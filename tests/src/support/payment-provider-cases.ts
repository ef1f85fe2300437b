/** What every payment provider must do; one suite, run against each. */
import { randomUUID } from 'node:crypto';
import { type PaymentProvider, ProviderError } from '@zerogpu/gateway';
import { describe, expect, it } from 'vitest';

export interface ProviderHarness {
  readonly provider: PaymentProvider;
  /**
   * A person types a card into the form that the setup began, and the card's bank answers.
   * @returns the outcome, where the provider tells it at once and only then; else undefined
   */
  giveCard(setup: SetupBegun, number: string, bank?: 'approve' | 'reject' | 'nothing'): Promise<unknown>;
  /** The bank's page for a payment. */
  answerBank(charge: string, bank: 'approve' | 'reject'): Promise<void>;
}

export interface SetupBegun {
  readonly id: string;
  readonly customer: string;
  readonly clientSecret: string | null;
}

const VISA = '4242424242424242';
const DECLINES_LATER = '4000000000000341';
const ASKS_AT_SETUP = '4000002500003155';
const ASKS_ALWAYS = '4000002760003184';
const ASKS_THEN_EMPTY = '4000008260003178';
const DOLLAR = 1_000_000_000n;

export function providerCases(name: string, open: () => ProviderHarness): void {
  const steps = stepsOf(open);
  describe(`${name}: cards`, () => cardCases(open, steps));
  describe(`${name}: charges`, () => chargeCases(open, steps));
  describe(`${name}: refunds`, () => refundCases(open, steps));
}

type Steps = ReturnType<typeof stepsOf>;

/** What comes before what a case is about. */
function stepsOf(open: () => ProviderHarness) {
  const begin = async (): Promise<SetupBegun> => {
    const { provider } = open();
    const customer = await provider.createCustomer(randomUUID());
    return { customer, ...(await provider.startSetup(randomUUID(), customer)) };
  };
  const finish = ({ id, customer }: SetupBegun) => open().provider.finishSetup(id, customer, {});
  const card = async (number: string) => {
    const setup = await begin();
    await open().giveCard(setup, number);
    const outcome = await finish(setup);
    if (outcome.state !== 'succeeded') throw new Error(`The card was not added: ${JSON.stringify(outcome)}`);
    return { customer: setup.customer, ...outcome.card };
  };
  const request = async (number: string) => {
    const { customer, token } = await card(number);
    return { paymentId: randomUUID(), organizationId: randomUUID(), customer, token, amount: 25n * DOLLAR };
  };
  const charge = async (number: string) => open().provider.createCharge(await request(number));
  return { begin, finish, card, request, charge };
}

function cardCases(open: () => ProviderHarness, { begin, finish, card, request }: Steps): void {
  it('an organization is one customer, however often it is made', async () => {
    const id = randomUUID();
    const { provider } = open();
    expect(await provider.createCustomer(id)).toBe(await provider.createCustomer(id));
    expect(await provider.createCustomer(randomUUID())).not.toBe(await provider.createCustomer(id));
  });

  it('a setup waits until a card is given', async () => {
    expect(await finish(await begin())).toEqual({ state: 'waiting' });
  });

  it('a card is known by a token, its brand, last four and expiry, and asked again is the same', async () => {
    const setup = await begin();
    await open().giveCard(setup, VISA);
    const outcome = await finish(setup);
    expect(outcome).toMatchObject({
      state: 'succeeded',
      card: { brand: 'visa', lastFour: '4242', expMonth: 12, expYear: 2040, country: 'US' },
    });
    expect(JSON.stringify(outcome)).not.toContain(VISA);
    expect(await finish(setup)).toEqual(outcome);
  });

  it.each([
    ['4000000000000002', 'card_declined'],
    ['4000000000009995', 'insufficient_funds'],
    ['4000000000000069', 'expired_card'],
  ])('%s cannot be added: %s', async (number, code) => {
    const setup = await begin();
    const atOnce = await open().giveCard(setup, number);
    expect(atOnce ?? (await finish(setup))).toEqual({ state: 'failed', code });
  });

  it('a card whose bank asks is added when its holder approves, and not before', async () => {
    const setup = await begin();
    await open().giveCard(setup, ASKS_AT_SETUP, 'nothing');
    expect(await finish(setup)).toEqual({ state: 'requires_action' });
    expect((await card(ASKS_AT_SETUP)).lastFour).toBe('3155');
  });

  it('nobody finishes the setup of another customer', async () => {
    const setup = await begin();
    const other = await open().provider.createCustomer(randomUUID());
    await expect(finish({ ...setup, customer: other })).rejects.toMatchObject({ kind: 'refused' });
  });

  it('a card that is forgotten, twice, cannot be charged', async () => {
    const { provider } = open();
    const asked = await request(VISA);
    await provider.forgetCard(asked.token);
    await provider.forgetCard(asked.token);
    const outcome = await provider
      .createCharge(asked)
      .then((made) => provider.confirmCharge(made, false))
      .catch((error: unknown) => ({ state: error instanceof ProviderError ? error.kind : 'broken' }));
    expect(['refused', 'failed']).toContain(outcome.state);
  });
}

function chargeCases(open: () => ProviderHarness, { request, charge }: Steps): void {
  it('a charge is made once per payment, and moves nothing before it is confirmed', async () => {
    const { provider } = open();
    const asked = await request(VISA);
    const made = await provider.createCharge(asked);
    expect(await provider.createCharge(asked)).toBe(made);
    expect(await provider.readCharge(made)).toEqual({ state: 'unconfirmed' });
  });

  it('confirmed it succeeds with the whole amount, and confirmed again it stays so', async () => {
    const { provider } = open();
    const made = await charge(VISA);
    const succeeded = { state: 'succeeded', received: 25n * DOLLAR };
    expect(await provider.confirmCharge(made, false)).toEqual(succeeded);
    expect(await provider.confirmCharge(made, false)).toEqual(succeeded);
    expect(await provider.readCharge(made)).toEqual(succeeded);
  });

  it('a card may decline only when it is charged', async () => {
    const { provider } = open();
    const made = await charge(DECLINES_LATER);
    const failed = { state: 'failed', code: 'card_declined' };
    expect(await provider.confirmCharge(made, false)).toEqual(failed);
    expect(await provider.readCharge(made)).toEqual(failed);
  });

  it('a bank that asks is answered by its page: approved it succeeds, rejected it fails', async () => {
    const { provider } = open();
    const [yes, no] = [await charge(ASKS_ALWAYS), await charge(ASKS_ALWAYS)];
    for (const made of [yes, no]) {
      expect(await provider.confirmCharge(made, false)).toMatchObject({ state: 'requires_action' });
    }
    await open().answerBank(yes, 'approve');
    await open().answerBank(no, 'reject');
    expect(await provider.readCharge(yes)).toMatchObject({ state: 'succeeded' });
    expect(await provider.readCharge(no)).toEqual({ state: 'failed', code: 'authentication_failed' });
  });

  it.each([
    [ASKS_ALWAYS, { state: 'failed', code: 'authentication_required' }],
    [ASKS_THEN_EMPTY, { state: 'failed', code: 'insufficient_funds' }],
    [ASKS_AT_SETUP, { state: 'succeeded', received: 25n * DOLLAR }],
    [VISA, { state: 'succeeded', received: 25n * DOLLAR }],
  ])('with nobody there %s comes to %o', async (number, outcome) => {
    expect(await open().provider.confirmCharge(await charge(number), true)).toEqual(outcome);
  });

  it('a canceled charge cannot be confirmed; a paid one cannot be canceled', async () => {
    const { provider } = open();
    const [canceled, paid] = [await charge(VISA), await charge(VISA)];
    expect(await provider.cancelCharge(canceled)).toEqual({ state: 'canceled' });
    expect(await provider.confirmCharge(canceled, false)).toEqual({ state: 'canceled' });
    await provider.confirmCharge(paid, false);
    expect(await provider.cancelCharge(paid)).toMatchObject({ state: 'succeeded' });
  });

  it('an unknown charge is refused', async () => {
    await expect(open().provider.readCharge('pi_nobody')).rejects.toMatchObject({ kind: 'refused' });
  });
}

function refundCases(open: () => ProviderHarness, { charge }: Steps): void {
  it('a refund is given once per id, in parts', async () => {
    const { provider } = open();
    const made = await charge(VISA);
    await provider.confirmCharge(made, false);
    const asked = { refundId: randomUUID(), charge: made, amount: 10n * DOLLAR };
    const first = await provider.refund(asked);
    expect(first).toMatchObject({ state: 'succeeded' });
    expect(await provider.refund(asked)).toEqual(first);
    expect(await provider.readRefund(String(first.id))).toEqual(first);
    const second = await provider.refund({ ...asked, refundId: randomUUID(), amount: 15n * DOLLAR });
    expect(second.id).not.toBe(first.id);
  });
}
