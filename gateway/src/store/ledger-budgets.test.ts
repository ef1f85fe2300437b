/** Budgets of the ledger on the real database, from several connections at once, held to a plain model. */
import { randomUUID } from 'node:crypto';
import {
  checkInvariants,
  credit,
  type HoldRequest,
  type HoldResult,
  lockSpenders,
  openWallet,
  type RefundResult,
  readBalance,
  readBudgets,
  refund,
  releaseExpired,
  removeBudget,
  type SettleResult,
  type SpenderKind,
  setBudget,
  settleHolds,
  takeHolds,
} from '@zerogpu/ledger';
import fc from 'fast-check';
import type { Pool, PoolClient } from 'pg';
import { describe, expect, it } from 'vitest';
import { onEveryPostgres } from '../testing/postgres.ts';

const NOVEMBER = Date.UTC(2030, 10, 30, 23, 59, 59);
const DECEMBER = Date.UTC(2030, 11, 1);
const LATER = Date.UTC(2031, 0, 1);

interface Spender {
  readonly kind: SpenderKind;
  readonly id: string;
}

/** A wallet with its organization, one project and one key, and money. */
async function tenant(pool: Pool, amount = 1_000n) {
  const organization = randomUUID();
  const walletId = await openWallet(pool, organization);
  await credit(pool, { walletId, amount, reference: null, description: 'test', at: NOVEMBER });
  const [project, key] = [randomUUID(), randomUUID()];
  const hold = (requestId: string, held: bigint, changes: Partial<HoldRequest> = {}): HoldRequest => ({
    ...{ requestId, accountId: walletId, projectId: project, keyId: key, amount: held, expiresAt: LATER },
    ...changes,
  });
  const spenders = {
    organization: { kind: 'organization', id: organization },
    project: { kind: 'project', id: project },
    key: { kind: 'key', id: key },
  } as const;
  const set = (spender: Spender, monthlyLimit: bigint, { spent = 0n, at = NOVEMBER } = {}) =>
    setBudget(pool, { walletId, kind: spender.kind, spenderId: spender.id, monthlyLimit, spent, at });
  const budgets = (at = NOVEMBER) => readBudgets(pool, walletId, at);
  return { walletId, organization, project, key, hold, spenders, set, budgets };
}

onEveryPostgres('ledger budgets', (database) => {
  describe('a budget', () => {
    it.each(['organization', 'project', 'key'] as const)(
      'of the %s refuses what does not fit to the last nano-dollar, in the order asked',
      async (kind) => {
        const pool = await database();
        const { hold, spenders, set, budgets } = await tenant(pool);
        await set(spenders[kind], 100n);
        const asked = [hold('r1', 60n), hold('r2', 41n), hold('r3', 40n), hold('r4', 1n), hold('r5', 0n)];
        expect(await takeHolds(pool, asked, NOVEMBER)).toEqual([
          'held',
          `${kind}_budget`,
          'held',
          `${kind}_budget`,
          'held',
        ]);
        await settleHolds(pool, [{ requestId: 'r1', charge: 25n }], NOVEMBER);
        expect(await budgets()).toMatchObject([{ kind, monthlyLimit: 100n, spent: 25n, held: 40n }]);
        expect(await takeHolds(pool, [hold('r6', 36n), hold('r7', 35n)], NOVEMBER)).toEqual([
          `${kind}_budget`,
          'held',
        ]);
        expect(await checkInvariants(pool)).toEqual([]);
      },
    );

    it('concerns its own spender only', async () => {
      const pool = await database();
      const { hold, spenders, set, budgets } = await tenant(pool);
      await set(spenders.project, 10n);
      await set(spenders.key, 5n);
      const [keyId, projectId] = [randomUUID(), randomUUID()];
      const asked = [
        hold('r1', 6n),
        hold('r2', 10n, { keyId }),
        hold('r3', 1n, { keyId }),
        hold('r4', 500n, { keyId, projectId }),
      ];
      expect(await takeHolds(pool, asked, NOVEMBER)).toEqual([
        'key_budget',
        'held',
        'project_budget',
        'held',
      ]);
      const held = (await budgets()).map((budget) => [budget.kind, budget.held]);
      expect(held.toSorted()).toEqual([
        ['key', 0n],
        ['project', 10n],
      ]);
      expect(await checkInvariants(pool)).toEqual([]);
    });

    it('refused by one takes nothing from another, and the balance is named first', async () => {
      const pool = await database();
      const { hold, spenders, set, budgets } = await tenant(pool, 100n);
      await set(spenders.organization, 90n);
      await set(spenders.key, 50n);
      const asked = [hold('r1', 60n), hold('r2', 95n), hold('r3', 101n), hold('r4', 50n)];
      expect(await takeHolds(pool, asked, NOVEMBER)).toEqual([
        'key_budget',
        'organization_budget',
        'balance',
        'held',
      ]);
      expect((await budgets()).map(({ held }) => held)).toEqual([50n, 50n]);
    });

    it('begins each month with nothing spent; what is held stays, and counts where it settles', async () => {
      const pool = await database();
      const { hold, spenders, set, budgets } = await tenant(pool);
      await set(spenders.project, 100n);
      await takeHolds(pool, [hold('r1', 50n), hold('r2', 50n)], NOVEMBER);
      await settleHolds(pool, [{ requestId: 'r1', charge: 50n }], NOVEMBER);
      expect(await takeHolds(pool, [hold('r3', 1n)], NOVEMBER)).toEqual(['project_budget']);
      expect(await budgets(DECEMBER)).toMatchObject([{ spent: 0n, held: 50n }]);
      expect(await takeHolds(pool, [hold('r3', 51n), hold('r4', 50n)], DECEMBER)).toEqual([
        'project_budget',
        'held',
      ]);
      await settleHolds(pool, [{ requestId: 'r2', charge: 30n }], DECEMBER);
      expect(await budgets(DECEMBER)).toMatchObject([{ spent: 30n, held: 50n }]);
      // A gateway whose clock is behind takes the month not back.
      expect(await takeHolds(pool, [hold('r5', 21n), hold('r6', 20n)], NOVEMBER)).toEqual([
        'project_budget',
        'held',
      ]);
      expect(await budgets(DECEMBER)).toMatchObject([{ spent: 30n, held: 70n }]);
    });

    it('lowered below what is spent refuses everything at once, even what is free; removed it frees', async () => {
      const pool = await database();
      const { walletId, hold, spenders, set, budgets } = await tenant(pool);
      await set(spenders.key, 100n);
      await takeHolds(pool, [hold('r1', 60n)], NOVEMBER);
      await settleHolds(pool, [{ requestId: 'r1', charge: 60n }], NOVEMBER);
      await set(spenders.key, 50n);
      expect(await budgets()).toMatchObject([{ monthlyLimit: 50n, spent: 60n }]);
      expect(await takeHolds(pool, [hold('r2', 0n)], NOVEMBER)).toEqual(['key_budget']);
      expect(await removeBudget(pool, { walletId, spenderId: spenders.key.id })).toBe(true);
      expect(await removeBudget(pool, { walletId, spenderId: spenders.key.id })).toBe(false);
      expect(await takeHolds(pool, [hold('r2', 900n)], NOVEMBER)).toEqual(['held']);
      expect(await checkInvariants(pool)).toEqual([]);
    });

    it('set while a request is under way counts it, whether it settles or expires', async () => {
      const pool = await database();
      const { hold, spenders, set, budgets } = await tenant(pool);
      await takeHolds(pool, [hold('r1', 40n), hold('r2', 20n, { expiresAt: NOVEMBER - 1 })], NOVEMBER);
      for (const spender of Object.values(spenders)) await set(spender, 100n, { spent: 35n });
      expect((await budgets()).map(({ spent, held }) => [spent, held])).toEqual(Array(3).fill([35n, 60n]));
      await settleHolds(pool, [{ requestId: 'r1', charge: 5n }], NOVEMBER);
      expect(await releaseExpired(pool, NOVEMBER)).toBe(1);
      expect((await budgets()).map(({ spent, held }) => [spent, held])).toEqual(Array(3).fill([40n, 0n]));
      expect(await checkInvariants(pool)).toEqual([]);
    });

    it('is refused for a spender of another wallet', async () => {
      const pool = await database();
      const [a, b] = [await tenant(pool), await tenant(pool)];
      await expect(a.set(b.spenders.organization, 1n)).rejects.toThrow('does not own the wallet');
      await b.set(b.spenders.project, 1n);
      await expect(a.set(b.spenders.project, 1n)).rejects.toThrow('another wallet');
      await expect(a.set(a.spenders.key, -1n)).rejects.toThrow('check constraint');
      expect(await b.budgets()).toHaveLength(1);
      expect(await a.budgets()).toEqual([]);
    });
  });

  describe('a refund', () => {
    it('is once per reference and never more than what is neither spent nor held', async () => {
      const pool = await database();
      const { walletId, hold } = await tenant(pool, 100n);
      await takeHolds(pool, [hold('r1', 30n)], NOVEMBER);
      const given = { walletId, reference: 'pay_1', description: 'test', at: NOVEMBER };
      expect(await refund(pool, { ...given, amount: 71n })).toBe('insufficient');
      const twice = await Promise.all([1, 2].map(() => refund(pool, { ...given, amount: 35n })));
      expect(twice.toSorted()).toEqual(['refunded', 'repeated']);
      expect(await refund(pool, { ...given, amount: 1_000n })).toBe('repeated');
      expect(await refund(pool, { ...given, reference: null, amount: 35n })).toBe('refunded');
      expect(await readBalance(pool, walletId)).toEqual({ balance: 30n, held: 30n, available: 0n });
      await expect(refund(pool, { ...given, reference: null, amount: 0n })).rejects.toThrow(
        'check constraint',
      );
      await expect(refund(pool, { ...given, walletId: randomUUID(), amount: 1n })).rejects.toThrow(
        'no such wallet',
      );
      expect(await checkInvariants(pool)).toEqual([]);
    });
  });

  it.each([
    ['UPDATE ledger.budgets SET held = held + 1', 'budget_held_is_sum_of_holds'],
    ['UPDATE ledger.accounts SET budgeted = NOT budgeted', 'budgets_are_looked_for'],
  ])('the checker sees what %s breaks', async (sql, rule) => {
    const pool = await database();
    const { hold, spenders, set } = await tenant(pool);
    await set(spenders.key, 100n);
    await takeHolds(pool, [hold('r1', 60n)], NOVEMBER);
    expect(await checkInvariants(pool)).toEqual([]);
    await pool.query(sql);
    expect((await checkInvariants(pool)).map((v) => v.rule)).toContain(rule);
  });

  it('is right in every interleaving from several connections', async () => {
    const pool = await database();
    await pool.query(
      'CREATE TABLE IF NOT EXISTS witness (n bigint GENERATED ALWAYS AS IDENTITY, entry json)',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(anyOrder, { minLength: 1, maxLength: 80, size: 'max' }), async (orders) => {
        await pool.query('DELETE FROM witness');
        // Left over from the run before: expiry knows no wallets.
        await releaseExpired(pool, LATER * 2);
        const world = await makeWorld(pool);
        const clock = { at: NOVEMBER };
        await Promise.all(
          [0, 1, 2].map((worker) =>
            work(
              pool,
              world,
              clock,
              worker,
              orders.filter((order) => order.worker === worker),
            ),
          ),
        );
        const { rows } = await pool.query<{ entry: Entry }>('SELECT entry FROM witness ORDER BY n');
        const model = new Model(world);
        for (const { entry } of rows)
          expect({ entry, said: model.replay(entry) }).toEqual({ entry, said: entry.said });
        for (const wallet of world.wallets) {
          expect(await readBalance(pool, wallet.id)).toMatchObject(model.balance(wallet.id));
          expect(await readBudgets(pool, wallet.id, NOVEMBER)).toEqual(model.budgets(wallet.id));
        }
        expect(await checkInvariants(pool)).toEqual([]);
      }),
      { numRuns: 25 },
    );
    await pool.query('DROP TABLE witness');
  });
});

/** Two organizations with a project of two keys each. */
interface World {
  readonly run: string;
  readonly wallets: readonly { readonly id: string; readonly spenders: readonly Spender[] }[];
}

const START = 200n;

async function makeWorld(pool: Pool): Promise<World> {
  const wallet = async () => {
    const { walletId, organization } = await tenant(pool, START);
    const some = (kind: SpenderKind, count: number) =>
      Array.from({ length: count }, (): Spender => ({ kind, id: randomUUID() }));
    const spenders = [
      { kind: 'organization', id: organization } as const,
      ...some('project', 1),
      ...some('key', 2),
    ];
    return { id: walletId, spenders };
  };
  const wallets = [await wallet(), await wallet()];
  return { run: randomUUID(), wallets: wallets.toSorted((a, b) => (a.id < b.id ? -1 : 1)) };
}

/** What a worker is told to do; numbers are taken modulo what there is. */
interface Order {
  readonly worker: number;
  readonly what: 'hold' | 'settle' | 'release' | 'expire' | 'credit' | 'refund' | 'set' | 'remove' | 'month';
  readonly which: number;
  readonly amounts: readonly number[];
  readonly limit: number;
}

const anyOrder = fc.record({
  worker: fc.nat(2),
  what: fc.constantFrom<Order['what']>(
    ...(['hold', 'hold', 'hold', 'hold', 'settle', 'settle', 'settle', 'release', 'expire'] as const),
    ...(['credit', 'refund', 'set', 'set', 'set', 'set', 'remove', 'month', 'month'] as const),
  ),
  which: fc.nat(1_000),
  amounts: fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 4 }),
  limit: fc.integer({ min: 0, max: 150 }),
});

/** One thing that was done and what the ledger said, in the order in which its locks were had. */
type Entry = { readonly at: number } & (
  | { readonly did: 'hold'; readonly asked: readonly Asked[]; readonly said: readonly HoldResult[] }
  | { readonly did: 'settle'; readonly items: readonly Charge[]; readonly said: readonly SettleResult[] }
  | { readonly did: 'expire'; readonly said: number }
  | { readonly did: 'credit'; readonly wallet: string; readonly amount: number; readonly said: boolean }
  | {
      readonly did: 'refund';
      readonly wallet: string;
      readonly amount: number;
      readonly reference: string;
      readonly said: RefundResult;
    }
  | {
      readonly did: 'set';
      readonly wallet: string;
      readonly spender: Spender;
      readonly limit: number;
      readonly said: null;
    }
  | { readonly did: 'remove'; readonly wallet: string; readonly spender: Spender; readonly said: boolean }
);

interface Asked {
  readonly id: string;
  readonly wallet: string;
  readonly project: string;
  readonly key: string;
  readonly amount: number;
  readonly expires: boolean;
}

interface Charge {
  readonly id: string;
  readonly charge: number;
}

async function work(
  pool: Pool,
  world: World,
  clock: { at: number },
  worker: number,
  orders: readonly Order[],
): Promise<void> {
  /** Its own requests, so that nobody else charges them; null once charged. */
  const mine: { asked: Asked; charged: boolean }[] = [];
  for (const [n, order] of orders.entries()) {
    const act = actOf(world, mine, `${world.run}.${worker}.${n}`, order, clock);
    if (act === null) continue;
    const client = await pool.connect();
    try {
      await client.query('BEGIN');
      const entry = await act(client);
      // Taken while the wallets are locked, the number says who was first.
      await client.query('INSERT INTO witness (entry) VALUES ($1)', [JSON.stringify(entry)]);
      await client.query('COMMIT');
    } finally {
      client.release();
    }
  }
}

type Act = (client: PoolClient) => Promise<Entry>;

function actOf(
  world: World,
  mine: { asked: Asked; charged: boolean }[],
  name: string,
  { what, which, amounts, limit }: Order,
  clock: { at: number },
): Act | null {
  const { at } = clock;
  const wallet = world.wallets[which % 2]!;
  const spender = wallet.spenders[(which >> 1) % 4]!;
  const amount = amounts[0]!;
  switch (what) {
    case 'month':
      clock.at = Math.max(at, which % 2 ? DECEMBER : NOVEMBER);
      return null;
    case 'hold': {
      const asked = amounts.map((each, i) => newRequest(world, `${name}.${i}`, which + i * 3, each));
      const again = mine.filter(({ charged }) => !charged).at(which % 3)?.asked;
      if (again && which % 5 === 0) asked.push(again);
      mine.push(...asked.filter((one) => one !== again).map((one) => ({ asked: one, charged: false })));
      return async (client) => {
        const said = await takeHolds(client, asked.map(holdOf), at);
        return { at, did: 'hold', asked, said };
      };
    }
    case 'settle':
    case 'release': {
      const chosen = mine.filter((_, i) => which % 2 === 0 || i % 3 === which % 3).slice(-5);
      const items = chosen.map(({ asked }) => ({
        id: asked.id,
        charge: what === 'release' ? 0 : asked.amount - (which % asked.amount),
      }));
      if (what === 'settle') for (const one of chosen) one.charged = true;
      return items.length === 0 ? null : (client) => settle(client, items, at);
    }
    case 'expire':
      return async (client) => {
        // What it finds is what is there when it has all locks.
        for (const { id } of world.wallets) await lockSpenders(client, id);
        return { at, did: 'expire', said: await releaseExpired(client, at) };
      };
    case 'credit':
      return async (client) => {
        const given = {
          walletId: wallet.id,
          amount: BigInt(amount),
          reference: name,
          description: 'test',
          at,
        };
        return { at, did: 'credit', wallet: wallet.id, amount, said: await credit(client, given) };
      };
    case 'refund':
      return async (client) => {
        const reference = `${world.run}.${which % 3}`;
        const given = { walletId: wallet.id, amount: BigInt(amount), reference, description: 'test', at };
        return { at, did: 'refund', wallet: wallet.id, amount, reference, said: await refund(client, given) };
      };
    case 'set':
      return async (client) => {
        await lockSpenders(client, wallet.id);
        const spent = await spentSince(client, wallet.id, spender, at);
        const budget = { walletId: wallet.id, kind: spender.kind, spenderId: spender.id, spent, at };
        await setBudget(client, { ...budget, monthlyLimit: BigInt(limit) });
        return { at, did: 'set', wallet: wallet.id, spender, limit, said: null };
      };
    case 'remove':
      return async (client) => {
        const said = await removeBudget(client, { walletId: wallet.id, spenderId: spender.id });
        return { at, did: 'remove', wallet: wallet.id, spender, said };
      };
  }
}

function newRequest(world: World, name: string, which: number, amount: number): Asked {
  const { id: wallet, spenders } = world.wallets[which % 2]!;
  const key = spenders[2 + ((which >> 1) % 2)]!.id;
  const project = spenders[1]!.id;
  const id = `${name}.${project.slice(0, 8)}.${key.slice(0, 8)}`;
  return { id, wallet, project, key, amount, expires: which % 4 === 0 };
}

function holdOf({ id, wallet, project, key, amount, expires }: Asked): HoldRequest {
  const expiresAt = expires ? NOVEMBER - 1 : LATER;
  return {
    requestId: id,
    accountId: wallet,
    projectId: project,
    keyId: key,
    amount: BigInt(amount),
    expiresAt,
  };
}

async function settle(client: PoolClient, items: readonly Charge[], at: number): Promise<Entry> {
  const charges = items.map(({ id, charge }) => ({ requestId: id, charge: BigInt(charge) }));
  return { at, did: 'settle', items, said: await settleHolds(client, charges, at) };
}

/** What the rollups would say; a request's id tells its project and key. */
async function spentSince(
  client: PoolClient,
  wallet: string,
  { kind, id }: Spender,
  at: number,
): Promise<bigint> {
  const { rows } = await client.query<{ spent: bigint }>(
    `SELECT coalesce(sum(amount), 0)::bigint AS spent FROM ledger.postings
     WHERE kind = 'charge' AND from_account = $1 AND created_at >= $2
       AND ($3 = 'organization' OR split_part(request_id, '.', CASE $3 WHEN 'project' THEN 5 ELSE 6 END) = $4)`,
    [wallet, new Date(monthOf(at)), kind, id.slice(0, 8)],
  );
  return rows[0]!.spent;
}

const monthOf = (at: number) => Date.UTC(new Date(at).getUTCFullYear(), new Date(at).getUTCMonth());

/** What the ledger should say, written the plain way. */
class Model {
  readonly #balance: Map<string, number>;
  readonly #holds = new Map<string, Asked>();
  readonly #charges: { asked: Asked; amount: number; month: number }[] = [];
  readonly #budgets = new Map<
    string,
    { wallet: string; kind: SpenderKind; limit: number; month: number; spent: number }
  >();
  readonly #refunds = new Set<string>();
  readonly #asked = new Map<string, Asked>();
  readonly #organization: Map<string, string>;

  constructor({ wallets }: World) {
    this.#balance = new Map(wallets.map(({ id }) => [id, Number(START)]));
    this.#organization = new Map(wallets.map(({ id, spenders }) => [id, spenders[0]!.id]));
  }

  /** What the ledger should have said. */
  replay(entry: Entry): unknown {
    switch (entry.did) {
      case 'hold':
        return entry.asked.map((asked) => this.#take(asked, monthOf(entry.at)));
      case 'settle':
        return entry.items.map((item) => this.#settle(item, monthOf(entry.at)));
      case 'expire': {
        const overdue = [...this.#holds.values()].filter(({ expires }) => expires);
        for (const { id } of overdue) this.#holds.delete(id);
        for (const asked of overdue) this.#move(asked, 0, monthOf(entry.at));
        return overdue.length;
      }
      case 'credit':
        this.#balance.set(entry.wallet, this.#balance.get(entry.wallet)! + entry.amount);
        return true;
      case 'refund':
        return this.#refund(entry.wallet, entry.amount, entry.reference);
      case 'set':
        this.#set(entry.wallet, entry.spender, entry.limit, monthOf(entry.at));
        return null;
      case 'remove':
        return this.#budgets.delete(entry.spender.id);
    }
  }

  balance(wallet: string): { balance: bigint; held: bigint } {
    return { balance: BigInt(this.#balance.get(wallet)!), held: BigInt(this.#heldOf(wallet)) };
  }

  budgets(wallet: string): unknown[] {
    return [...this.#budgets]
      .filter(([, budget]) => budget.wallet === wallet)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([spenderId, { kind, limit, spent }]) => ({
        spenderId,
        kind,
        monthlyLimit: BigInt(limit),
        spent: BigInt(spent),
        held: BigInt(this.#heldOf(spenderId)),
      }));
  }

  #spendersOf({ wallet, project, key }: Asked): string[] {
    return [this.#organization.get(wallet)!, project, key];
  }

  #heldOf(id: string): number {
    const of = (asked: Asked) => asked.wallet === id || this.#spendersOf(asked).includes(id);
    return [...this.#holds.values()].filter(of).reduce((sum, { amount }) => sum + amount, 0);
  }

  #take(asked: Asked, month: number): HoldResult {
    if (this.#holds.has(asked.id)) return 'held';
    this.#asked.set(asked.id, asked);
    const { wallet, amount } = asked;
    if (this.#balance.get(wallet)! - this.#heldOf(wallet) < amount) return 'balance';
    for (const id of this.#spendersOf(asked)) {
      const budget = this.#budgets.get(id);
      if (budget === undefined) continue;
      const spent = budget.month < month ? 0 : budget.spent;
      if (spent + this.#heldOf(id) + amount > budget.limit) return `${budget.kind}_budget`;
    }
    this.#holds.set(asked.id, asked);
    this.#move(asked, 0, month);
    return 'held';
  }

  #settle({ id, charge }: Charge, month: number): SettleResult {
    const asked = this.#holds.get(id);
    if (asked === undefined) {
      if (this.#charges.some((charged) => charged.asked.id === id)) return 'already_settled';
      return charge === 0 ? 'settled' : 'hold_lost';
    }
    this.#holds.delete(id);
    if (charge > 0) this.#charges.push({ asked, amount: charge, month });
    this.#balance.set(asked.wallet, this.#balance.get(asked.wallet)! - charge);
    this.#move(asked, charge, month);
    return 'settled';
  }

  #move(asked: Asked, charge: number, month: number): void {
    for (const id of this.#spendersOf(asked)) {
      const budget = this.#budgets.get(id);
      if (budget === undefined) continue;
      budget.spent = (budget.month < month ? 0 : budget.spent) + charge;
      budget.month = Math.max(budget.month, month);
    }
  }

  #refund(wallet: string, amount: number, reference: string): RefundResult {
    if (this.#refunds.has(reference)) return 'repeated';
    if (this.#balance.get(wallet)! - this.#heldOf(wallet) < amount) return 'insufficient';
    this.#refunds.add(reference);
    this.#balance.set(wallet, this.#balance.get(wallet)! - amount);
    return 'refunded';
  }

  #set(wallet: string, { kind, id }: Spender, limit: number, month: number): void {
    const budget = this.#budgets.get(id);
    if (budget !== undefined) {
      budget.limit = limit;
      return;
    }
    const spent = this.#charges
      .filter((charge) => charge.month >= month && this.#spendersOf(charge.asked).includes(id))
      .reduce((sum, charge) => sum + charge.amount, 0);
    this.#budgets.set(id, { wallet, kind, limit, month, spent });
  }
}
