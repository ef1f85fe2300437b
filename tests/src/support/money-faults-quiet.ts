/** When nothing else runs, every answer can be foretold: a purse is spent to its last request, and not a nano further. */
import { randomUUID } from 'node:crypto';
import { Agent } from 'node:http';
import { readBalance, refund, removeBudget } from '@zerogpu/ledger';
import type { Pool } from 'pg';
import { type Outcome, send } from './money-faults-call.ts';
import { endOf, type OrderEnd } from './money-faults-load.ts';
import { boundOf, costOf, MAX_OUTPUT, type Order, outputFor, tokensOf } from './money-faults-orders.ts';
import type { Buyer } from './money-faults-tenants.ts';
import { type Spender, setRoom, spendersOf } from './money-faults-turmoil.ts';

/** A few requests' worth. */
const ROOM = 400_000n;
const SAFETY_STEPS = 200;

export interface Probed {
  /** What was spent to its end: `balance`, `organization`, `project` or `key`. */
  readonly purse: string;
  readonly answers: number;
  /** What remained, and the least that a request could hold. */
  readonly left: bigint;
  readonly least: bigint;
  /** Where the foretold and the answer differ. */
  readonly surprises: readonly string[];
  readonly ends: readonly OrderEnd[];
}

interface Purse {
  readonly name: string;
  /** What a request may hold at most. */
  left(): Promise<bigint>;
}

export class Quiet {
  readonly #pool: Pool;
  readonly #ports: readonly number[];
  readonly #agent = new Agent({ keepAlive: true });
  #turn = 0;

  constructor(pool: Pool, ports: readonly number[]) {
    this.#pool = pool;
    this.#ports = ports;
  }

  /** Spends each tight wallet, and one budget of each kind, to the end. */
  async probe(buyers: readonly Buyer[]): Promise<Probed[]> {
    const probed: Probed[] = [];
    for (const buyer of firstOfEach(buyers.filter(({ kind }) => kind === 'tight'))) {
      await this.#leaveInWallet(buyer.walletId, ROOM);
      const left = async () => (await readBalance(this.#pool, buyer.walletId))?.available ?? 0n;
      probed.push(await this.#spend(buyer, { name: 'balance', left }));
    }
    const budgeted = firstOfEach(buyers.filter(({ kind }) => kind === 'budgeted'));
    for (const [i, kind] of (['organization', 'project', 'key'] as const).entries()) {
      const buyer = budgeted[i % budgeted.length]!;
      const spender = await this.#onlyBudget(buyer, kind);
      probed.push(await this.#spend(buyer, { name: kind, left: () => this.#leftOf(spender) }));
    }
    this.#agent.destroy();
    return probed;
  }

  /** Always the largest request that fits, and before it the least one that does not. */
  async #spend(buyer: Buyer, purse: Purse): Promise<Probed> {
    const surprises: string[] = [];
    const ends: OrderEnd[] = [];
    const expect = async (kind: OrderEnd['kind'], order: Order) => {
      const outcome = await this.#send(buyer, order);
      if (outcome.kind !== kind) surprises.push(`${order.name} was ${outcome.kind}, foretold ${kind}`);
      ends.push(endOf(buyer.keyId, order, outcome.kind, null));
    };
    while (ends.length < SAFETY_STEPS) {
      const left = await purse.left();
      const order = nextOrder(buyer, left);
      if (order === null) {
        const least = { ...newOrder(buyer), maxOutput: 1 };
        await expect('refused', least);
        const answers = ends.filter(({ kind }) => kind === 'answered').length;
        return { purse: purse.name, answers, left, least: boundOf(least), surprises, ends };
      }
      const tooLarge = newOrder(buyer);
      const over = { ...tooLarge, maxOutput: outputFor(tooLarge, left) + 1 };
      if (over.maxOutput <= MAX_OUTPUT) await expect('refused', over);
      await expect('answered', order);
      const paid = left - (await purse.left());
      if (paid !== costOf(order)) surprises.push(`${order.name} took ${paid} instead of ${costOf(order)}`);
    }
    throw new Error(`The ${purse.name} did not come to an end`);
  }

  /** The upstream has no room now and then: such a try costs nothing. */
  async #send({ apiKey }: Buyer, order: Order): Promise<Outcome> {
    for (let tries = 0; ; tries++) {
      const port = this.#ports[this.#turn++ % this.#ports.length]!;
      const sent = { port, agent: this.#agent, apiKey, order, idempotencyKey: null, leaves: false };
      const outcome = await send(sent);
      const busy = outcome.kind === 'failed' && outcome.code === 'no_capacity';
      if (!busy || tries >= SAFETY_STEPS) return outcome;
    }
  }

  async #leaveInWallet(walletId: string, room: bigint): Promise<void> {
    const available = (await readBalance(this.#pool, walletId))?.available ?? 0n;
    if (available <= room) return;
    const given = { walletId, amount: available - room, reference: randomUUID(), description: 'The rest' };
    await refund(this.#pool, { ...given, at: Date.now() });
  }

  async #onlyBudget(buyer: Buyer, kind: Spender['kind']): Promise<Spender> {
    const spenders = spendersOf([buyer]);
    for (const { spender_id: spenderId } of await this.#budgetsOf(buyer)) {
      await removeBudget(this.#pool, { walletId: buyer.walletId, spenderId });
    }
    const spender = spenders.find((each) => each.kind === kind)!;
    await setRoom(this.#pool, spender, ROOM);
    return spender;
  }

  async #budgetsOf({ walletId }: Buyer): Promise<{ spender_id: string }[]> {
    const text = 'SELECT spender_id FROM ledger.budgets WHERE account_id = $1';
    return (await this.#pool.query<{ spender_id: string }>(text, [walletId])).rows;
  }

  async #leftOf({ spenderId }: Spender): Promise<bigint> {
    const text = 'SELECT monthly_limit - spent - held AS left FROM ledger.budgets WHERE spender_id = $1';
    const { rows } = await this.#pool.query<{ left: bigint }>(text, [spenderId]);
    return rows[0]?.left ?? 0n;
  }
}

/** One buyer of each wallet. */
function firstOfEach(buyers: readonly Buyer[]): Buyer[] {
  return [...new Map(buyers.map((buyer) => [buyer.walletId, buyer])).values()];
}

function newOrder(buyer: Buyer): Order {
  const tokens = tokensOf(buyer.orders++);
  const name = `${buyer.keyId.slice(0, 8)}-${buyer.orders}`;
  return { name, ...tokens, maxOutput: MAX_OUTPUT, endpoint: '/v1/responses', stream: false };
}

/** How many orders are looked at for one that fits: a quarter of all have half of the output or more. */
const LOOKS = 400;

/** One that may hold all that is left and writes no more than that; null when not even one token fits. */
function nextOrder(buyer: Buyer, left: bigint): Order | null {
  for (let look = 0; look < LOOKS; look++) {
    const order = newOrder(buyer);
    const maxOutput = Math.min(MAX_OUTPUT, outputFor(order, left));
    if (maxOutput < 1) return null;
    if (order.outputTokens <= maxOutput && order.outputTokens * 4 > maxOutput) return { ...order, maxOutput };
  }
  return null;
}
