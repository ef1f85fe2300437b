/**
 * A server that answers as Stripe documents its API to answer (https://docs.stripe.com/api): customers, setup intents,
 * payment methods, payment intents, refunds; idempotency keys with saved answers, declines with their codes, actions of a
 * card's bank, signed events, and the troubles of a network. Written from the documentation, not from our client.
 */
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

type Fields = Record<string, unknown>;
type Thing = { id: string } & Fields;

/** A request that meets trouble: `500` without being done; done, but its answer is lost; or never answered. */
export type Trouble = 'error' | 'drop' | 'hang' | null;

interface CardBehaviour {
  readonly brand: string;
  readonly setup?: { readonly code: string; readonly decline_code?: string };
  readonly asksAtSetup?: boolean;
  readonly asksOnSession?: boolean;
  readonly asksOffSession?: boolean;
  readonly charge?: { readonly code: string; readonly decline_code?: string };
}

const declined = (decline_code: string) => ({ code: 'card_declined', decline_code });

/** From https://docs.stripe.com/testing */
const CARDS: Readonly<Record<string, CardBehaviour>> = {
  '4242424242424242': { brand: 'visa' },
  '5555555555554444': { brand: 'mastercard' },
  '4000000000000002': { brand: 'visa', setup: declined('generic_decline') },
  '4000000000009995': { brand: 'visa', setup: declined('insufficient_funds') },
  '4000000000000069': { brand: 'visa', setup: { code: 'expired_card', decline_code: 'expired_card' } },
  '4000000000000341': { brand: 'visa', charge: declined('generic_decline') },
  '4000002500003155': { brand: 'visa', asksAtSetup: true },
  '4000002760003184': { brand: 'visa', asksAtSetup: true, asksOnSession: true, asksOffSession: true },
  '4000008260003178': {
    brand: 'visa',
    asksAtSetup: true,
    asksOnSession: true,
    charge: declined('insufficient_funds'),
  },
};

class Refusal extends Error {
  readonly status: number;
  readonly fields: Fields;
  constructor(status: number, fields: Fields) {
    super(String(fields['code'] ?? fields['type']));
    this.status = status;
    this.fields = fields;
  }
}

const invalid = (code: string, message: string, status = 400) =>
  new Refusal(status, { type: 'invalid_request_error', code, message });

interface Saved {
  readonly fingerprint: string;
  readonly status: number;
  readonly body: string;
}

export interface StripeEvent {
  readonly id: string;
  readonly type: string;
  readonly body: string;
}

export class StripeDouble {
  static readonly WEBHOOK_SECRET = 'whsec_EXAMPLE0000double';
  static readonly SECRET_KEY = 'sk_test_EXAMPLE0000double';
  static readonly PUBLISHABLE_KEY = 'pk_test_EXAMPLE0000double';

  /** Every event so far, in order; a test sends them when it likes. */
  readonly events: StripeEvent[] = [];
  /** `POST /v1/payment_intents` and the like, in order. */
  readonly requests: string[] = [];
  /** What happens to a request; nothing unless told. */
  trouble: (request: string) => Trouble = () => null;
  /** Confirmed payments stay `processing` until `settle`. */
  slow = false;
  readonly #server: Server;
  readonly #things = new Map<string, Thing>();
  readonly #numbers = new Map<string, string>();
  readonly #saved = new Map<string, Saved>();
  readonly #hanging = new Set<ServerResponse>();
  #url = '';
  #made = 0;

  private constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  static async start(): Promise<StripeDouble> {
    const double = new StripeDouble();
    await new Promise<void>((resolve) => double.#server.listen(0, '127.0.0.1', resolve));
    const address = double.#server.address();
    if (address === null || typeof address === 'string') throw new Error('The double does not listen');
    double.#url = `http://127.0.0.1:${address.port}`;
    return double;
  }

  get url(): string {
    return this.#url;
  }

  /** Settings of a gateway that uses it. */
  get env(): Record<string, string> {
    return {
      STRIPE_API_URL: this.#url,
      STRIPE_SECRET_KEY: StripeDouble.SECRET_KEY,
      STRIPE_PUBLISHABLE_KEY: StripeDouble.PUBLISHABLE_KEY,
      STRIPE_WEBHOOK_SECRET: StripeDouble.WEBHOOK_SECRET,
    };
  }

  async stop(): Promise<void> {
    for (const response of this.#hanging) response.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** As Stripe does after a day. */
  forgetIdempotencyKeys(): void {
    this.#saved.clear();
  }

  thing(id: string): Thing {
    const found = this.#things.get(id);
    if (found === undefined) throw invalid('resource_missing', 'No such object', 404);
    return found;
  }

  all(object: string): Thing[] {
    return [...this.#things.values()].filter((thing) => thing['object'] === object);
  }

  /** The provider's form in the browser: the card goes there with the client secret, and its bank may ask. */
  browserAddsCard(
    clientSecret: string,
    number: string,
    bank: 'approve' | 'reject' | 'nothing' = 'approve',
  ): void {
    const setup = this.#bySecret('setup_intent', clientSecret);
    const behaviour = CARDS[number];
    if (behaviour === undefined) throw invalid('incorrect_number', 'Your card number is incorrect');
    if (behaviour.setup) {
      this.#change(setup, 'setup_intent.setup_failed', {
        status: 'requires_payment_method',
        last_setup_error: { type: 'card_error', ...behaviour.setup },
      });
      return;
    }
    const card = {
      brand: behaviour.brand,
      last4: number.slice(-4),
      exp_month: 12,
      exp_year: 2040,
      country: 'US',
    };
    const method = this.#make('payment_method', 'pm', { type: 'card', card, customer: null });
    this.#numbers.set(method.id, number);
    setup['payment_method'] = method.id;
    if (!behaviour.asksAtSetup) {
      this.#attach(setup, method);
      return;
    }
    this.#change(setup, 'setup_intent.requires_action', { status: 'requires_action' });
    if (bank !== 'nothing') this.browserAnswersSetup(clientSecret, bank);
  }

  browserAnswersSetup(clientSecret: string, bank: 'approve' | 'reject'): void {
    const setup = this.#bySecret('setup_intent', clientSecret);
    if (bank === 'approve') {
      this.#attach(setup, this.thing(String(setup['payment_method'])));
      return;
    }
    this.#change(setup, 'setup_intent.setup_failed', {
      status: 'requires_payment_method',
      last_setup_error: { type: 'invalid_request_error', code: 'setup_intent_authentication_failure' },
    });
  }

  /** The page of the card's bank, for a payment. */
  browserAnswersPayment(clientSecret: string, bank: 'approve' | 'reject'): void {
    const intent = this.#bySecret('payment_intent', clientSecret);
    if (intent['status'] !== 'requires_action') throw new Error('The payment asks nothing');
    if (bank === 'approve') {
      this.#charge(intent);
      return;
    }
    this.#decline(intent, {
      type: 'invalid_request_error',
      code: 'payment_intent_authentication_failure',
    });
  }

  /** A slow payment arrives. */
  settle(intentId: string): void {
    this.#receive(this.thing(intentId));
  }

  /** The operator gives money back on Stripe's own pages, where nobody knows of our ids. @param cents of the payment */
  refundOnDashboard(intentId: string, cents: number): void {
    this.#refund({ payment_intent: intentId, amount: String(cents) });
  }

  /** The bank sends a refund back, days later. */
  failRefund(refundId: string): void {
    this.#change(this.thing(refundId), 'refund.failed', {
      status: 'failed',
      failure_reason: 'expired_or_canceled_card',
    });
  }

  /** As Stripe signs: HMAC-SHA256 over `<seconds>.<body>`. */
  sign(body: string, seconds: number, secret: string = StripeDouble.WEBHOOK_SECRET): string {
    const mac = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex');
    return `t=${seconds},v1=${mac}`;
  }

  /** Sends an event to a gateway. */
  async send(url: string, event: StripeEvent, seconds = Math.floor(Date.now() / 1000)): Promise<number> {
    const response = await fetch(`${url}/api/webhooks/stripe`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json; charset=utf-8',
        'stripe-signature': this.sign(event.body, seconds),
      },
      body: event.body,
    });
    await response.arrayBuffer();
    return response.status;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = await readAll(request);
    const { pathname, searchParams } = new URL(request.url ?? '/', this.#url);
    const line = `${request.method} ${pathname}`;
    this.requests.push(line);
    const trouble = this.trouble(line);
    if (trouble === 'error') return send(response, 500, { error: { type: 'api_error', message: 'Planted' } });
    const fields = parseForm(text === '' ? searchParams : new URLSearchParams(text));
    const { status, body, replayed } = this.#answer(request, line, fields);
    if (trouble === 'drop') response.destroy();
    if (trouble === 'hang') this.#hanging.add(response);
    if (trouble !== null) return;
    response.writeHead(status, {
      'content-type': 'application/json',
      'request-id': `req_${this.requests.length}`,
      ...(replayed ? { 'idempotent-replayed': 'true' } : {}),
    });
    response.end(body);
  }

  /** The saved answer of an idempotency key, or a new one. */
  #answer(request: IncomingMessage, line: string, fields: Fields) {
    const key = request.headers['idempotency-key'];
    if (request.headers.authorization !== `Bearer ${StripeDouble.SECRET_KEY}`) {
      const message = `Invalid API Key provided: ${request.headers.authorization}`;
      return {
        status: 401,
        body: JSON.stringify({ error: { type: 'invalid_request_error', message } }),
        replayed: false,
      };
    }
    const fingerprint = createHash('sha256')
      .update(line + JSON.stringify(fields))
      .digest('hex');
    const saved = typeof key === 'string' && request.method === 'POST' ? this.#saved.get(key) : undefined;
    if (saved && saved.fingerprint !== fingerprint) {
      const error = {
        type: 'idempotency_error',
        message: 'Keys for idempotent requests are for the same parameters',
      };
      return { status: 400, body: JSON.stringify({ error }), replayed: false };
    }
    if (saved) return { ...saved, replayed: true };
    const made = this.#do(line, fields);
    const answer = { fingerprint, status: made.status, body: JSON.stringify(made.value) };
    if (typeof key === 'string' && request.method === 'POST') this.#saved.set(key, answer);
    return { ...answer, replayed: false };
  }

  #do(line: string, fields: Fields): { status: number; value: unknown } {
    try {
      return { status: 200, value: this.#route(line, fields) };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return { status: error.status, value: { error: error.fields } };
    }
  }

  #route(line: string, fields: Fields): unknown {
    const [method = '', path = ''] = line.split(' ');
    const [, , collection = '', id = '', action = ''] = path.split('/');
    const route = `${method} ${collection}${id ? '/:id' : ''}${action ? `/${action}` : ''}`;
    switch (route) {
      case 'POST customers':
        return this.#make('customer', 'cus', fields);
      case 'POST setup_intents':
        return this.#makeWithSecret('setup_intent', 'seti', {
          ...fields,
          status: 'requires_payment_method',
          payment_method: null,
          last_setup_error: null,
        });
      case 'GET setup_intents/:id':
        return this.#expanded(this.thing(id), fields);
      case 'POST payment_methods/:id/detach':
        return this.#detach(this.thing(id));
      case 'POST payment_intents':
        return this.#makeIntent(fields);
      case 'GET payment_intents/:id':
        return this.thing(id);
      case 'POST payment_intents/:id/confirm':
        return this.#confirm(this.thing(id), fields);
      case 'POST payment_intents/:id/cancel':
        return this.#cancel(this.thing(id));
      case 'POST refunds':
        return this.#refund(fields);
      case 'GET refunds/:id':
        return this.thing(id);
      case 'GET refunds':
        return this.#refundsOf(fields);
      default:
        throw invalid('resource_missing', `Unrecognized request URL (${line})`, 404);
    }
  }

  #make(object: string, prefix: string, fields: Fields): Thing {
    this.#made++;
    const id = `${prefix}_double${this.#made}${randomBytes(6).toString('hex')}`;
    const thing: Thing = { metadata: {}, ...fields, id, object, livemode: false };
    this.#things.set(id, thing);
    return thing;
  }

  #makeWithSecret(object: string, prefix: string, fields: Fields): Thing {
    const thing = this.#make(object, prefix, fields);
    thing['client_secret'] = `${thing.id}_secret_${randomBytes(6).toString('hex')}`;
    return thing;
  }

  #bySecret(object: string, secret: string): Thing {
    const found = this.all(object).find((thing) => thing['client_secret'] === secret);
    if (found === undefined) throw new Error('No such client secret');
    return found;
  }

  #attach(setup: Thing, method: Thing): void {
    method['customer'] = setup['customer'];
    this.#change(setup, 'setup_intent.succeeded', { status: 'succeeded', last_setup_error: null });
  }

  #detach(method: Thing): Thing {
    if (method['customer'] === null) throw invalid('resource_missing', 'It is attached to no customer');
    method['customer'] = null;
    return method;
  }

  #makeIntent(fields: Fields): Thing {
    const method = this.thing(String(fields['payment_method']));
    if (method['customer'] !== fields['customer']) {
      throw invalid('resource_missing', 'The PaymentMethod belongs to another customer');
    }
    const amount = Number(fields['amount']);
    if (!(amount >= 50 && amount <= 99_999_999))
      throw invalid('amount_too_small', 'Amount must be at least 50 cents');
    const intent = this.#makeWithSecret('payment_intent', 'pi', {
      ...fields,
      amount,
      amount_received: 0,
      status: 'requires_confirmation',
      last_payment_error: null,
    });
    this.#tell('payment_intent.created', intent);
    return intent;
  }

  #confirm(intent: Thing, { off_session }: Fields): Thing {
    if (intent['status'] !== 'requires_confirmation' && intent['status'] !== 'requires_payment_method') {
      throw invalid('payment_intent_unexpected_state', `It is ${intent['status']}`);
    }
    const method = this.thing(String(intent['payment_method']));
    if (method['customer'] === null)
      throw invalid('payment_intent_unexpected_state', 'The PaymentMethod was detached');
    const behaviour = this.#behaviour(intent);
    if (off_session !== 'true' && behaviour.asksOnSession) {
      this.#change(intent, 'payment_intent.requires_action', {
        status: 'requires_action',
        next_action: { type: 'use_stripe_sdk' },
      });
      return intent;
    }
    if (off_session === 'true' && behaviour.asksOffSession) {
      throw this.#decline(intent, {
        code: 'authentication_required',
        decline_code: 'authentication_required',
      });
    }
    const refusal = this.#charge(intent);
    if (refusal) throw refusal;
    return intent;
  }

  #behaviour(intent: Thing): CardBehaviour {
    return CARDS[this.#numbers.get(String(intent['payment_method'])) ?? ''] ?? { brand: 'visa' };
  }

  /** @returns the refusal when the card is declined */
  #charge(intent: Thing): Refusal | null {
    const { charge } = this.#behaviour(intent);
    if (charge) return this.#decline(intent, charge);
    if (this.slow) this.#change(intent, 'payment_intent.processing', { status: 'processing' });
    else this.#receive(intent);
    return null;
  }

  #receive(intent: Thing): void {
    this.#change(intent, 'payment_intent.succeeded', {
      status: 'succeeded',
      amount_received: intent['amount'],
    });
  }

  #decline(intent: Thing, error: Fields): Refusal {
    const last_payment_error = { type: 'card_error', ...error };
    this.#change(intent, 'payment_intent.payment_failed', {
      status: 'requires_payment_method',
      payment_method: null,
      last_payment_error,
    });
    return new Refusal(402, {
      ...last_payment_error,
      message: 'Your card was declined.',
      payment_intent: intent,
    });
  }

  #cancel(intent: Thing): Thing {
    if (
      intent['status'] === 'succeeded' ||
      intent['status'] === 'canceled' ||
      intent['status'] === 'processing'
    ) {
      throw invalid('payment_intent_unexpected_state', `It is ${intent['status']}`);
    }
    this.#change(intent, 'payment_intent.canceled', { status: 'canceled' });
    return intent;
  }

  #refund(fields: Fields): Thing {
    const intent = this.thing(String(fields['payment_intent']));
    const before = this.all('refund').filter((refund) => refund['payment_intent'] === intent.id);
    const gone = before.reduce((sum, refund) => sum + Number(refund['amount']), 0);
    const amount = Number(fields['amount']);
    if (intent['status'] !== 'succeeded') throw invalid('charge_not_captured', 'It has no successful charge');
    if (gone + amount > Number(intent['amount']))
      throw invalid('charge_already_refunded', 'It is more than is left');
    const refund = this.#make('refund', 're', { ...fields, amount, currency: 'usd', status: 'succeeded' });
    this.#tell('refund.created', refund);
    return refund;
  }

  #refundsOf(fields: Fields): Fields {
    const data = this.all('refund').filter((refund) => refund['payment_intent'] === fields['payment_intent']);
    return { object: 'list', data, has_more: false, url: '/v1/refunds' };
  }

  #expanded(setup: Thing, { expand }: Fields): Fields {
    const method = setup['payment_method'];
    const wanted = JSON.stringify(expand ?? []).includes('payment_method');
    return wanted && typeof method === 'string' ? { ...setup, payment_method: this.thing(method) } : setup;
  }

  #change(thing: Thing, event: string, fields: Fields): void {
    Object.assign(thing, fields);
    this.#tell(event, thing);
  }

  /** As it is at this moment: it will be told late. */
  #tell(type: string, object: Thing): void {
    const id = `evt_double${this.events.length}`;
    const body = JSON.stringify({
      id,
      object: 'event',
      api_version: '2026-10-28.endive',
      type,
      data: { object },
    });
    this.events.push({ id, type, body });
  }
}

function send(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

async function readAll(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}

/** `metadata[a]=1&expand[0]=b` → `{metadata: {a: '1'}, expand: {0: 'b'}}` */
function parseForm(form: URLSearchParams): Fields {
  const fields: Fields = {};
  for (const [name, value] of form) {
    const match = /^(\w+)\[(\w*)\]$/.exec(name);
    if (!match) fields[name] = value;
    else fields[match[1]!] = { ...(fields[match[1]!] as Fields | undefined), [match[2]!]: value };
  }
  return fields;
}
