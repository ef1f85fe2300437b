import { Type } from '@sinclair/typebox';
import { Dollars, listOf, nullable, paging, Time, Uuid } from './common.ts';
import { ANYONE, declare, organization } from './route.ts';

/** What a button of the dashboard adds. */
export const CREDIT_PRESETS = ['10.00', '25.00', '50.00', '100.00'] as const;

const oneOf = <const Words extends readonly string[]>(words: Words, description: string) => {
  const literals = words.map((word: Words[number]) => Type.Literal(word));
  return Type.Union(literals, { description });
};

const TestMoney = Type.Boolean({
  description: 'true when no real money moves: the sandbox, or a provider’s test account',
});
const ProviderName = oneOf(['sandbox', 'stripe'], '"sandbox" or "stripe"');
const CreditAmount = Type.String({
  pattern: '^\\d{1,5}(\\.\\d{1,2})?$',
  description: 'dollars from 5 to 10000 with at most two decimals, as a string such as "25.00"',
});
const CapAmount = Type.String({
  pattern: '^\\d{1,6}(\\.\\d{1,2})?$',
  description: 'dollars with at most two decimals, as a string such as "100.00"',
});
const LastFour = Type.String({ pattern: '^\\d{4}$', description: 'the last four digits of the number' });
const ClientSecret = nullable(
  Type.String({ description: 'for the provider’s own form in the browser; null in the sandbox' }),
);

export const ModelPrice = Type.Object(
  {
    model: Type.String(),
    task: Type.String(),
    input_per_million: Dollars,
    output_per_million: Dollars,
    batch_input_per_million: Dollars,
    batch_output_per_million: Dollars,
  },
  { $id: 'ModelPrice' },
);

export const BillingBalance = Type.Object(
  {
    balance: Dollars,
    held: Dollars,
    available: Dollars,
    provider: ProviderName,
    presets: Type.Array(Dollars),
    minimum: Dollars,
    maximum: Dollars,
    test_money: TestMoney,
  },
  { $id: 'BillingBalance' },
);

export const PaymentMethod = Type.Object(
  {
    id: Uuid,
    brand: Type.String(),
    last_four: LastFour,
    exp_month: Type.Integer(),
    exp_year: Type.Integer(),
    country: nullable(Type.String()),
    is_default: Type.Boolean(),
    created_at: Time,
    test_money: TestMoney,
  },
  { $id: 'PaymentMethod' },
);

/** Adding a card begins: with `stripe`, the browser gives the card to the provider by the client secret. */
export const PaymentMethodSetup = Type.Object(
  {
    id: Uuid,
    provider: ProviderName,
    publishable_key: nullable(Type.String()),
    client_secret: ClientSecret,
    test_money: TestMoney,
  },
  { $id: 'PaymentMethodSetup' },
);

/** Only for the sandbox, which takes its own test numbers and no other. */
const TestCard = Type.Object({
  number: Type.String({ pattern: '^[0-9 ]{12,23}$', description: 'the number of a test card' }),
  exp_month: Type.Integer({ minimum: 1, maximum: 12, description: 'an integer from 1 to 12' }),
  exp_year: Type.Integer({ minimum: 2000, maximum: 2100, description: 'a year of four digits' }),
  cvc: Type.String({ pattern: '^\\d{3,4}$', description: 'a security code of three or four digits' }),
  country: Type.String({ pattern: '^[A-Z]{2}$', description: 'a country such as "US"' }),
});
const Approval = oneOf(
  ['approve', 'reject'],
  '"approve" or "reject": what the bank’s page would answer, in the sandbox',
);

export const SetupFinish = Type.Object(
  { card: Type.Optional(TestCard), bank: Type.Optional(Approval) },
  { $id: 'SetupFinish' },
);

/** `requires_action`: the card’s bank wants a word with its holder; finish again afterwards. */
export const SetupResult = Type.Object(
  {
    state: oneOf(['succeeded', 'requires_action'], '"succeeded" or "requires_action"'),
    payment_method: nullable(PaymentMethod),
    test_money: TestMoney,
  },
  { $id: 'SetupResult' },
);

export const PAYMENT_STATES = ['pending', 'requires_action', 'succeeded', 'failed', 'canceled'] as const;

export const PaymentSchema = Type.Object(
  {
    id: Uuid,
    source: oneOf(['manual', 'auto_recharge'], '"manual" or "auto_recharge"'),
    amount: Dollars,
    refunded: Dollars,
    state: oneOf(PAYMENT_STATES, 'a state of a payment'),
    failure_code: nullable(Type.String()),
    failure_message: nullable(Type.String()),
    brand: Type.String(),
    last_four: LastFour,
    /** Only while the payment requires an action, and only to who may confirm it. */
    client_secret: ClientSecret,
    created_at: Time,
    settled_at: nullable(Time),
    test_money: TestMoney,
  },
  { $id: 'Payment' },
);

export const NewCredit = Type.Object(
  { amount: CreditAmount, payment_method_id: Type.Optional(Uuid) },
  { $id: 'NewCredit' },
);
export const PaymentConfirmation = Type.Object(
  { bank: Type.Optional(Approval) },
  { $id: 'PaymentConfirmation' },
);

export const NewRefund = Type.Object({ amount: Type.Optional(CapAmount) }, { $id: 'NewRefund' });
export const RefundSchema = Type.Object(
  {
    id: Uuid,
    payment_id: Uuid,
    amount: Dollars,
    state: oneOf(['pending', 'succeeded', 'failed'], 'a state of a refund'),
    created_at: Time,
    test_money: TestMoney,
  },
  { $id: 'Refund' },
);

export const AutoRechargeChanges = Type.Object(
  {
    enabled: Type.Boolean({ description: 'true or false' }),
    threshold: CapAmount,
    amount: CreditAmount,
    monthly_cap: CapAmount,
  },
  { $id: 'AutoRechargeChanges' },
);
export const AutoRechargeSchema = Type.Object(
  {
    enabled: Type.Boolean(),
    threshold: Dollars,
    amount: Dollars,
    monthly_cap: Dollars,
    /** Charged or being charged since the first of the month, in UTC. */
    charged_this_month: Dollars,
    /** `stopped`: it has switched itself off, for the reason given. */
    state: oneOf(['on', 'off', 'retrying', 'capped', 'stopped'], 'a state of the auto recharge'),
    reason: nullable(Type.String()),
    failures: Type.Integer(),
    next_try_at: nullable(Time),
    test_money: TestMoney,
  },
  { $id: 'AutoRecharge' },
);

export const HISTORY_KINDS = ['credit', 'auto_recharge', 'refund', 'usage'] as const;

/** Positive amounts came in; a failed one moved nothing. */
export const HistoryEntry = Type.Object(
  {
    id: Type.String(),
    kind: oneOf(HISTORY_KINDS, 'a kind of entry'),
    at: Time,
    description: Type.String(),
    amount: Dollars,
    /** `open`: the usage of the month that is not over. */
    status: oneOf([...PAYMENT_STATES, 'open'], 'a state of a payment, or "open"'),
    payment_id: nullable(Uuid),
    test_money: TestMoney,
  },
  { $id: 'HistoryEntry' },
);

const at = <const Path extends string>(path: Path) =>
  `/api/organizations/{organizationId}/billing/${path}` as const;

export const billingRoutes = declare({
  listPrices: {
    method: 'get',
    path: '/api/prices',
    tag: 'billing',
    summary: 'What each model costs per million tokens; batches cost half',
    access: ANYONE,
    answer: listOf(ModelPrice),
  },
  getBillingBalance: {
    method: 'get',
    path: at('balance'),
    tag: 'billing',
    summary: 'The balance, what of it is held for running requests, and what may be added',
    access: organization('viewer'),
    answer: BillingBalance,
  },
  addCredit: {
    method: 'post',
    path: at('payments'),
    tag: 'billing',
    summary: 'Charges a payment method and adds the amount to the balance',
    description: 'A payment that is still `pending` is finished by the server.',
    access: organization('admin'),
    body: NewCredit,
    answer: PaymentSchema,
    status: 201,
    errors: ['state_conflict', 'rate_limit_exceeded', 'no_capacity'],
    audit: 'payment.created',
  },
  getPayment: {
    method: 'get',
    path: at('payments/{paymentId}'),
    tag: 'billing',
    summary: 'One payment',
    access: organization('viewer'),
    answer: PaymentSchema,
  },
  confirmPayment: {
    method: 'post',
    path: at('payments/{paymentId}/confirm'),
    tag: 'billing',
    summary: 'Goes on with a payment after the card’s bank has asked its holder',
    access: organization('admin'),
    body: PaymentConfirmation,
    answer: PaymentSchema,
    errors: ['state_conflict', 'no_capacity'],
    audit: 'payment.confirmed',
    creates: true,
  },
  cancelPayment: {
    method: 'post',
    path: at('payments/{paymentId}/cancel'),
    tag: 'billing',
    summary: 'Gives up a payment that is not finished',
    access: organization('admin'),
    answer: PaymentSchema,
    errors: ['state_conflict', 'no_capacity'],
    audit: 'payment.canceled',
  },
  refundPayment: {
    method: 'post',
    path: at('payments/{paymentId}/refunds'),
    tag: 'billing',
    summary: 'Gives back a payment or a part of it, at most what the balance still has',
    access: organization('owner'),
    body: NewRefund,
    answer: RefundSchema,
    status: 201,
    errors: ['state_conflict', 'insufficient_quota'],
    audit: 'payment.refunded',
  },
  getReceipt: {
    method: 'get',
    path: at('payments/{paymentId}/receipt'),
    tag: 'billing',
    summary: 'The receipt of a payment as a page to print',
    access: organization('viewer'),
    answer: Type.String(),
    content: ['text/html'],
    errors: ['state_conflict'],
  },
  startPaymentMethod: {
    method: 'post',
    path: at('payment-methods/setups'),
    tag: 'billing',
    summary:
      'Begins adding a card; its number goes from the browser to the provider and never through this server',
    access: organization('admin'),
    answer: PaymentMethodSetup,
    status: 201,
    errors: ['no_capacity', 'rate_limit_exceeded'],
    audit: 'payment_method.started',
  },
  finishPaymentMethod: {
    method: 'post',
    path: at('payment-methods/setups/{setupId}/finish'),
    tag: 'billing',
    summary: 'Keeps the card that was added; in the sandbox it is given here, by one of the test numbers',
    access: organization('admin'),
    body: SetupFinish,
    answer: SetupResult,
    errors: ['state_conflict', 'no_capacity'],
    audit: 'payment_method.added',
    creates: true,
  },
  listPaymentMethods: {
    method: 'get',
    path: at('payment-methods'),
    tag: 'billing',
    summary: 'The cards of an organization, newest first',
    access: organization('admin'),
    answer: listOf(PaymentMethod),
  },
  setDefaultPaymentMethod: {
    method: 'post',
    path: at('payment-methods/{methodId}/default'),
    tag: 'billing',
    summary: 'Makes a card the one that is charged unless another is named',
    access: organization('admin'),
    answer: PaymentMethod,
    audit: 'payment_method.made_default',
  },
  removePaymentMethod: {
    method: 'delete',
    path: at('payment-methods/{methodId}'),
    tag: 'billing',
    summary: 'Removes a card',
    access: organization('admin'),
    answer: null,
    errors: ['state_conflict'],
    audit: 'payment_method.removed',
  },
  getAutoRecharge: {
    method: 'get',
    path: at('auto-recharge'),
    tag: 'billing',
    summary: 'Whether and when the balance is filled up by itself, and how that goes',
    access: organization('viewer'),
    answer: AutoRechargeSchema,
  },
  setAutoRecharge: {
    method: 'put',
    path: at('auto-recharge'),
    tag: 'billing',
    summary: 'Switches the auto recharge on or off, and sets when, how much, and how much in a month',
    access: organization('owner'),
    body: AutoRechargeChanges,
    answer: AutoRechargeSchema,
    errors: ['state_conflict'],
    audit: 'auto_recharge.set',
  },
  listBillingHistory: {
    method: 'get',
    path: at('history'),
    tag: 'billing',
    summary: 'Credits, recharges, refunds, failed tries and the usage of each month, newest first',
    access: organization('viewer'),
    query: Type.Object(paging),
    answer: listOf(HistoryEntry),
  },
  exportBillingHistory: {
    method: 'get',
    path: at('history/export'),
    tag: 'billing',
    summary: 'The whole history as a table for spreadsheets',
    access: organization('viewer'),
    answer: HistoryEntry,
    content: ['text/csv'],
  },
  receiveStripeEvent: {
    method: 'post',
    path: '/api/webhooks/stripe',
    tag: 'billing',
    summary: 'For Stripe: tells that a payment or refund changed; known by its signature',
    access: ANYONE,
    // The largest events that Stripe documents are some tens of kilobytes.
    raw: { maxBytes: 256 * 1024 },
    answer: null,
    errors: ['invalid_value', 'not_found', 'no_capacity'],
  },
});
