/** Many callers at once, each with one request under way, and what they saw. */
import { randomUUID } from 'node:crypto';
import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Outcome, send } from './money-faults-call.ts';
import { costOf, MAX_OUTPUT, type Order, tokensOf } from './money-faults-orders.ts';
import type { Buyer, TenantKind } from './money-faults-tenants.ts';
import type { Random } from './seeded-inferences.ts';

/** An order whose end is known to its caller, as far as a caller can know. */
export interface OrderEnd {
  readonly keyId: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cost: bigint;
  readonly kind: Outcome['kind'];
  /** Of the answer; null when it was replayed, or there was none. */
  readonly requestId: string | null;
}

/** Something that no caller may ever see. */
export interface Surprise {
  readonly what:
    | 'another answer to the same key'
    | 'usage that the upstream did not report'
    | 'an answered order refused'
    | 'a generous buyer refused'
    | 'an error of the platform';
  readonly requestId: string;
  readonly detail: string;
}

export function endOf(
  keyId: string,
  order: Order,
  kind: OrderEnd['kind'],
  requestId: string | null,
): OrderEnd {
  const { inputTokens, outputTokens } = order;
  return { keyId, inputTokens, outputTokens, cost: costOf(order), kind, requestId };
}

/** A gateway that answers on loopback. */
export interface Door {
  readonly port: number;
}

export interface LoadOptions {
  /** `up`: those that are not being killed or started. */
  readonly fleet: { readonly up: readonly Door[] };
  readonly buyers: readonly Buyer[];
  readonly random: Random;
  /** Ends when this many orders were answered. */
  readonly answers: number;
  readonly callers: number;
  /** After a kill, a retry that comes later than this may run; an earlier one waits in the gateway. */
  readonly lockMs: number;
  /** Takes the ends of orders, many at once. */
  keep(ends: readonly OrderEnd[]): Promise<void>;
}

/** Of all orders. */
const WITH_KEY = 0.25;
const STREAMED = 0.4;
/** Of streams without a key: the caller goes away at the first piece. */
const LEAVING = 0.02;
/** Of orders with a key: sent to two gateways at once; asked once more after the answer. */
const TWICE_AT_ONCE = 0.1;
const ASKED_AGAIN = 0.15;
/** Of lost orders with a key: asked again at once, so that the gateway has to make them wait. */
const IMPATIENT = 0.2;
const KINDS: Readonly<Record<TenantKind, number>> = { generous: 0.55, budgeted: 0.3, tight: 0.15 };
const KEEP_AT_ONCE = 500;
/** Of each kind: a defect would fill the report with its consequences. */
const MAX_SURPRISES = 10;
/** Errors of the platform: with so many, retries would go on for ever. */
const MAX_BROKEN = 500;

interface Job {
  readonly buyer: Buyer;
  readonly order: Order;
  readonly idempotencyKey: string | null;
  /** Milliseconds since 1970. */
  notBefore: number;
  /** What was answered, when this only asks again. */
  readonly said: string | null;
}

export class Load {
  readonly surprises: Surprise[] = [];
  /** Requests answered 420, by id. */
  readonly refusals: string[] = [];
  readonly inFlight = new Map<Door, number>();
  readonly ended: Record<Outcome['kind'], number> = { answered: 0, refused: 0, failed: 0, left: 0, lost: 0 };
  /** By status and code. */
  readonly failures = new Map<string, number>();
  /** HTTP requests, retries included. */
  requests = 0;
  replays = 0;
  /** Until enough were answered; then only orders with an open end are tried again. */
  seconds = 0;
  readonly #options: LoadOptions;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
  #later: Job[] = [];
  #working = 0;
  #broken = 0;
  #ends: OrderEnd[] = [];
  #keeping: Promise<void> = Promise.resolve();
  #stopped: Error | null = null;

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  /** Orders whose end is known. */
  get finished(): number {
    return Object.values(this.ended).reduce((sum, n) => sum + n, 0);
  }

  get enough(): boolean {
    return this.ended.answered >= this.#options.answers;
  }

  get stopped(): boolean {
    return this.#stopped !== null;
  }

  /** Resolves when enough orders were answered and no order's end is open. */
  async run(): Promise<void> {
    const startedAt = performance.now();
    const timer = setInterval(() => {
      if (!this.enough) this.seconds = (performance.now() - startedAt) / 1000;
    }, 100);
    try {
      await Promise.all(Array.from({ length: this.#options.callers }, () => this.#call()));
      await this.#keep();
    } finally {
      clearInterval(timer);
      this.#agent.destroy();
    }
  }

  /** Something else broke: the callers end, and `run` throws it. */
  stop(error: Error): void {
    this.#stopped ??= error;
  }

  async #call(): Promise<void> {
    for (;;) {
      if (this.#stopped !== null) throw this.#stopped;
      const job = this.#due() ?? (this.enough ? null : this.#newJob());
      if (job !== null) {
        this.#working++;
        await this.#work(job);
        this.#working--;
      } else if (this.#later.length === 0 && this.#working === 0) return;
      else await sleep(50);
    }
  }

  #due(): Job | null {
    const now = Date.now();
    const place = this.#later.findIndex((job) => job.notBefore <= now);
    return place < 0 ? null : this.#later.splice(place, 1)[0]!;
  }

  #newJob(): Job {
    const { random } = this.#options;
    const buyer = this.#pickBuyer();
    const tokens = tokensOf(buyer.orders++);
    const order: Order = {
      name: `${buyer.keyId.slice(0, 8)}-${buyer.orders}`,
      ...tokens,
      maxOutput: tokens.outputTokens + Math.floor(random() * (MAX_OUTPUT - tokens.outputTokens + 1)),
      endpoint: random() < 0.5 ? '/v1/responses' : '/v1/chat/completions',
      stream: random() < STREAMED,
    };
    const idempotencyKey = random() < WITH_KEY ? randomUUID() : null;
    return { buyer, order, idempotencyKey, notBefore: 0, said: null };
  }

  #pickBuyer(): Buyer {
    const { random, buyers } = this.#options;
    const point = random();
    const kind = point < KINDS.generous ? 'generous' : point < 1 - KINDS.tight ? 'budgeted' : 'tight';
    const of = buyers.filter((buyer) => buyer.kind === kind);
    return of[Math.floor(random() * of.length)]!;
  }

  async #work(job: Job): Promise<void> {
    const { random } = this.#options;
    const twice = job.idempotencyKey !== null && random() < TWICE_AT_ONCE;
    const outcomes = await Promise.all(Array.from({ length: twice ? 2 : 1 }, () => this.#send(job)));
    for (const outcome of outcomes) this.#look(job, outcome);
    const answers = outcomes.filter((outcome) => outcome.kind === 'answered');
    const first = answers.find((answer) => !answer.replayed) ?? answers[0];
    if (first !== undefined) {
      this.#compare(job, [...(job.said === null ? [] : [job.said]), ...answers.map((a) => a.said)]);
      this.#answered(job, first);
    } else this.#unanswered(job, outcomes);
  }

  async #send({ buyer, order, idempotencyKey }: Job): Promise<Outcome> {
    const { random, fleet } = this.#options;
    const up = fleet.up;
    const member = up[Math.floor(random() * up.length)];
    if (member === undefined) {
      await sleep(20);
      return { kind: 'lost' };
    }
    const leaves = idempotencyKey === null && random() < LEAVING;
    this.requests++;
    this.inFlight.set(member, (this.inFlight.get(member) ?? 0) + 1);
    const sent = {
      port: member.port,
      agent: this.#agent,
      apiKey: buyer.apiKey,
      order,
      idempotencyKey,
      leaves,
    };
    const outcome = await send(sent);
    this.inFlight.set(member, (this.inFlight.get(member) ?? 0) - 1);
    return outcome;
  }

  /** What may never be seen, whatever else happens. */
  #look({ buyer, order, said }: Job, outcome: Outcome): void {
    if (outcome.kind === 'answered') {
      if (outcome.replayed) this.replays++;
      const { inputTokens, outputTokens } = outcome.usage;
      if (inputTokens !== order.inputTokens || outputTokens !== order.outputTokens) {
        const detail = `${inputTokens} and ${outputTokens} for order ${order.name}`;
        this.#surprise('usage that the upstream did not report', outcome.requestId, detail);
      }
    }
    if (outcome.kind === 'refused') {
      this.refusals.push(outcome.requestId);
      if (said !== null) this.#surprise('an answered order refused', outcome.requestId, order.name);
      if (buyer.kind === 'generous')
        this.#surprise('a generous buyer refused', outcome.requestId, order.name);
    }
    if (outcome.kind === 'failed') {
      const name = `${outcome.status} ${outcome.code}`;
      this.failures.set(name, (this.failures.get(name) ?? 0) + 1);
      const expected = EXPECTED.has(outcome.code);
      if (!expected && ++this.#broken > MAX_BROKEN) this.stop(new Error(`Nothing but errors: ${name}`));
      if (!expected) this.#surprise('an error of the platform', outcome.requestId, name);
    }
  }

  #compare({ order }: Job, said: readonly string[]): void {
    if (new Set(said).size > 1) {
      this.#surprise('another answer to the same key', order.name, said.join('\n').slice(0, 500));
    }
  }

  #answered(job: Job, answer: Outcome & { kind: 'answered' }): void {
    const { random } = this.#options;
    if (job.said !== null) return;
    this.#end(job, 'answered', answer.replayed ? null : answer.requestId);
    if (job.idempotencyKey !== null && random() < ASKED_AGAIN) {
      this.#later.push({ ...job, said: answer.said, notBefore: Date.now() + 2_000 * random() });
    }
  }

  #unanswered(job: Job, outcomes: readonly Outcome[]): void {
    const { random, lockMs } = this.#options;
    const refused = outcomes.every(({ kind }) => kind === 'refused');
    if (job.said !== null || (job.idempotencyKey !== null && !refused)) {
      const lost = outcomes.some(({ kind }) => kind === 'lost');
      const patience = lost && random() >= IMPATIENT ? lockMs : 1_000;
      this.#later.push({ ...job, notBefore: Date.now() + patience * (1 + random() / 10) });
    } else this.#end(job, outcomes[0]!.kind, null);
  }

  #end({ buyer, order }: Job, kind: Outcome['kind'], requestId: string | null): void {
    this.ended[kind]++;
    this.#ends.push(endOf(buyer.keyId, order, kind, requestId));
    if (this.#ends.length >= KEEP_AT_ONCE) void this.#keep();
  }

  #keep(): Promise<void> {
    const ends = this.#ends;
    this.#ends = [];
    this.#keeping = this.#keeping
      .then(() => this.#options.keep(ends))
      .catch((error: Error) => this.stop(error));
    return this.#keeping;
  }

  #surprise(what: Surprise['what'], requestId: string, detail: string): void {
    const same = this.surprises.filter((surprise) => surprise.what === what);
    if (same.length < MAX_SURPRISES) this.surprises.push({ what, requestId, detail });
  }
}

/**
 * The upstream had no room; the machine was too busy for the deadline, or a retry waited for a killed gateway's attempt.
 * In a stream that has begun, an event says so.
 */
const EXPECTED = new Set(['no_capacity', 'upstream_timeout']);
