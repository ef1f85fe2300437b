/** The ledger on the real database: here and not in its own room, because the gateway brings the server. */
import { randomUUID } from 'node:crypto';
import {
  checkInvariants,
  credit,
  type HoldResult,
  openWallet,
  readBalance,
  releaseExpired,
  type SettleResult,
  settleHolds,
  takeHolds,
} from '@zerogpu/ledger';
import fc from 'fast-check';
import type { Pool } from 'pg';
import { describe, expect, it } from 'vitest';
import { onEveryPostgres } from '../testing/postgres.ts';

const NOW = Date.UTC(2030, 0, 1);

async function wallet(pool: Pool, dollars: bigint): Promise<string> {
  const id = await openWallet(pool, randomUUID());
  if (dollars > 0n) {
    await credit(pool, { walletId: id, amount: dollars, reference: null, description: 'test', at: NOW });
  }
  return id;
}

/** Of no spender with a budget. */
const [PROJECT, KEY] = [randomUUID(), randomUUID()];

const hold = (requestId: string, accountId: string, amount: bigint, expiresAt = NOW + 1_000) => ({
  requestId,
  accountId,
  projectId: PROJECT,
  keyId: KEY,
  amount,
  expiresAt,
});

onEveryPostgres('ledger', (database) => {
  describe('holds', () => {
    it('grants each request in order exactly when what is left covers it', async () => {
      const pool = await database();
      const a = await wallet(pool, 100n);
      const b = await wallet(pool, 10n);
      const results = await takeHolds(
        pool,
        [
          hold('r1', a, 60n),
          hold('r2', a, 60n),
          hold('r3', b, 10n),
          hold('r4', a, 40n),
          hold('r5', b, 1n),
          hold('r6', a, 0n),
        ],
        NOW,
      );
      expect(results).toEqual(['held', 'balance', 'held', 'held', 'balance', 'held']);
      expect(await readBalance(pool, a)).toEqual({ balance: 100n, held: 100n, available: 0n });
      expect(await readBalance(pool, b)).toEqual({ balance: 10n, held: 10n, available: 0n });
    });

    it('holds once for the same request, in one call and in two', async () => {
      const pool = await database();
      const a = await wallet(pool, 100n);
      expect(await takeHolds(pool, [hold('r1', a, 60n), hold('r1', a, 60n)], NOW)).toEqual(['held', 'held']);
      expect(await takeHolds(pool, [hold('r1', a, 60n), hold('r2', a, 40n)], NOW)).toEqual(['held', 'held']);
      expect(await readBalance(pool, a)).toMatchObject({ held: 100n });
      expect(await takeHolds(pool, [hold('r3', a, 1n), hold('r3', a, 1n)], NOW)).toEqual([
        'balance',
        'balance',
      ]);
    });

    it('gives nothing to an account that is not a wallet or not there', async () => {
      const pool = await database();
      await wallet(pool, 100n);
      const { rows } = await pool.query("SELECT id FROM ledger.accounts WHERE kind = 'earnings'");
      const results = await takeHolds(pool, [hold('r1', rows[0].id, 0n), hold('r2', randomUUID(), 0n)], NOW);
      expect(results).toEqual(['balance', 'balance']);
    });

    it('refuses a request id that another account holds', async () => {
      const pool = await database();
      const [a, b] = [await wallet(pool, 10n), await wallet(pool, 10n)];
      await takeHolds(pool, [hold('r1', a, 5n)], NOW);
      await expect(takeHolds(pool, [hold('r1', b, 5n)], NOW)).rejects.toThrow('held by another account');
      expect(await readBalance(pool, b)).toMatchObject({ held: 0n });
    });

    it('never grants more than there is to gateways that ask at the same time', async () => {
      const pool = await database();
      const wallets = [await wallet(pool, 1_000n), await wallet(pool, 1_000n)];
      // Both orders of accounts, so that a lock order that is not fixed would deadlock.
      const calls = Array.from({ length: 40 }, (_, call) =>
        takeHolds(
          pool,
          Array.from({ length: 10 }, (_, i) => hold(`${call}-${i}`, wallets[(call + i) % 2]!, 10n)),
          NOW,
          call % 2 === 0 ? 'durable' : 'quick',
        ),
      );
      const results = (await Promise.all(calls)).flat();
      expect(results.filter((r) => r === 'held')).toHaveLength(200);
      for (const id of wallets) expect(await readBalance(pool, id)).toMatchObject({ available: 0n });
      expect(await checkInvariants(pool)).toEqual([]);
    });
  });

  describe('settlement', () => {
    it('charges, gives the rest back, and does it once', async () => {
      const pool = await database();
      const a = await wallet(pool, 100n);
      await takeHolds(pool, [hold('r1', a, 60n), hold('r2', a, 40n)], NOW);
      const items = [
        { requestId: 'r1', charge: 25n },
        { requestId: 'r2', charge: 0n },
      ];
      expect(await settleHolds(pool, items, NOW)).toEqual(['settled', 'settled']);
      expect(await settleHolds(pool, items, NOW)).toEqual(['already_settled', 'settled']);
      expect(await readBalance(pool, a)).toEqual({ balance: 75n, held: 0n, available: 75n });
      expect(await checkInvariants(pool)).toEqual([]);
    });

    it('says what became of each item', async () => {
      const pool = await database();
      const a = await wallet(pool, 100n);
      await takeHolds(pool, [hold('done', a, 10n), hold('live', a, 10n), hold('late', a, 10n, NOW - 1)], NOW);
      await settleHolds(pool, [{ requestId: 'done', charge: 1n }], NOW);
      expect(await releaseExpired(pool, NOW)).toBe(1);
      const results = await settleHolds(
        pool,
        ['late', 'done', 'live', 'never'].map((requestId) => ({ requestId, charge: 2n })),
        NOW,
      );
      expect(results).toEqual(['hold_lost', 'already_settled', 'settled', 'hold_lost']);
      expect(await readBalance(pool, a)).toEqual({ balance: 97n, held: 0n, available: 97n });
    });

    it.each([
      ['a charge above its hold', [{ requestId: 'r1', charge: 61n }], 'above its hold'],
      [
        'an id twice in one call',
        [
          { requestId: 'r1', charge: 1n },
          { requestId: 'r1', charge: 1n },
        ],
        'twice',
      ],
      ['a charge below zero', [{ requestId: 'r1', charge: -1n }], 'postings_amount_check'],
    ])('refuses %s, and nothing of the call has happened', async (_, items, message) => {
      const pool = await database();
      const a = await wallet(pool, 100n);
      await takeHolds(pool, [hold('r1', a, 60n), hold('r2', a, 10n)], NOW);
      const call = settleHolds(pool, [{ requestId: 'r2', charge: 5n }, ...items], NOW);
      await expect(call).rejects.toThrow(message);
      expect(await readBalance(pool, a)).toEqual({ balance: 100n, held: 70n, available: 30n });
      expect(await checkInvariants(pool)).toEqual([]);
    });

    it('refuses to charge a request id a second time through a second hold', async () => {
      const pool = await database();
      const a = await wallet(pool, 100n);
      const items = [{ requestId: 'r1', charge: 10n }];
      await takeHolds(pool, [hold('r1', a, 10n)], NOW);
      await settleHolds(pool, items, NOW);
      await takeHolds(pool, [hold('r1', a, 10n)], NOW);
      await expect(settleHolds(pool, items, NOW)).rejects.toThrow('postings_one_charge');
      expect(await readBalance(pool, a)).toMatchObject({ balance: 90n });
    });

    it('settles each request once when several gateways try it at the same time', async () => {
      const pool = await database();
      const wallets = [await wallet(pool, 1_000n), await wallet(pool, 1_000n)];
      const ids = Array.from({ length: 40 }, (_, i) => `r${i}`);
      await takeHolds(
        pool,
        ids.map((id, i) => hold(id, wallets[i % 2]!, 50n)),
        NOW,
      );
      const attempt = (order: string[]) =>
        settleHolds(
          pool,
          order.map((requestId) => ({ requestId, charge: 7n })),
          NOW,
        );
      const results = await Promise.all([attempt(ids), attempt(ids.toReversed()), attempt(ids)]);
      expect(results.flat().filter((r) => r === 'settled')).toHaveLength(40);
      expect(results.flat().filter((r) => r === 'hold_lost')).toHaveLength(0);
      for (const id of wallets)
        expect(await readBalance(pool, id)).toMatchObject({ balance: 860n, held: 0n });
    });
  });

  describe('accounts', () => {
    it('opens a wallet once per owner', async () => {
      const pool = await database();
      const owner = randomUUID();
      const opened = await Promise.all([1, 2, 3, 4].map(() => openWallet(pool, owner)));
      expect(new Set(opened).size).toBe(1);
      const { rows } = await pool.query('SELECT kind FROM ledger.accounts ORDER BY kind');
      expect(rows.map((r) => r.kind)).toEqual(['earnings', 'funding', 'wallet']);
    });

    it('credits once per reference, and every time without one', async () => {
      const pool = await database();
      const walletId = await wallet(pool, 0n);
      const given = { walletId, amount: 5n, description: 'test', at: NOW };
      const twice = await Promise.all([1, 2].map(() => credit(pool, { ...given, reference: 'evt_1' })));
      expect(twice.toSorted()).toEqual([false, true]);
      await credit(pool, { ...given, reference: null });
      await credit(pool, { ...given, reference: null });
      expect(await readBalance(pool, walletId)).toMatchObject({ balance: 15n });
    });

    it('refuses credit of nothing and to nobody', async () => {
      const pool = await database();
      const walletId = await wallet(pool, 0n);
      const given = { walletId, amount: 5n, reference: null, description: 'test', at: NOW };
      await expect(credit(pool, { ...given, amount: 0n })).rejects.toThrow('postings_amount_check');
      await expect(credit(pool, { ...given, walletId: randomUUID() })).rejects.toThrow('no such wallet');
      expect(await readBalance(pool, randomUUID())).toBeNull();
    });

    it('keeps amounts beyond what a JavaScript number can', async () => {
      const pool = await database();
      const large = 9_007_199_254_740_993n;
      const walletId = await wallet(pool, large);
      expect(await readBalance(pool, walletId)).toMatchObject({ balance: large });
      await takeHolds(pool, [hold('r1', walletId, large - 1n)], NOW);
      await settleHolds(pool, [{ requestId: 'r1', charge: large - 2n }], NOW);
      expect(await readBalance(pool, walletId)).toMatchObject({ balance: 2n });
      const { rows } = await pool.query(
        "SELECT ARRAY[9007199254740993, NULL]::bigint[] AS list, '{}'::bigint[] AS none",
      );
      expect(rows[0]).toEqual({ list: [large, null], none: [] });
    });
  });

  it.each([
    'UPDATE ledger.postings SET amount = 1',
    'DELETE FROM ledger.postings',
    'TRUNCATE ledger.postings',
    'DELETE FROM ledger.accounts',
  ])('refuses %s', async (sql) => {
    const pool = await database();
    await wallet(pool, 10n);
    await expect(pool.query(sql)).rejects.toThrow('append-only');
  });

  it.each([
    ["UPDATE ledger.accounts SET balance = balance + 1 WHERE kind = 'wallet'", 'balance_is_sum_of_postings'],
    ["UPDATE ledger.accounts SET balance = balance + 1 WHERE kind = 'wallet'", 'balances_sum_to_zero'],
    ["UPDATE ledger.accounts SET held = held + 1 WHERE kind = 'wallet'", 'held_is_sum_of_holds'],
    ['DELETE FROM ledger.holds', 'held_is_sum_of_holds'],
    ["UPDATE ledger.accounts SET balance = -1 WHERE kind = 'earnings'", 'no_balance_below_zero'],
    [
      "INSERT INTO ledger.postings (created_at, kind, from_account, to_account, amount) VALUES (now(), 'adjustment', gen_random_uuid(), gen_random_uuid(), 1)",
      'postings_have_accounts',
    ],
    [
      "DROP INDEX ledger.postings_one_charge; INSERT INTO ledger.postings (created_at, kind, from_account, to_account, amount, request_id) SELECT now(), 'charge', gen_random_uuid(), gen_random_uuid(), 1, 'r9' FROM generate_series(1, 2)",
      'one_charge_per_request',
    ],
  ])('the checker sees what %s breaks', async (sql, rule) => {
    const pool = await database();
    const a = await wallet(pool, 100n);
    await takeHolds(pool, [hold('r1', a, 60n)], NOW);
    const client = await pool.connect();
    await client.query('BEGIN');
    expect(await checkInvariants(client)).toEqual([]);
    await client.query(sql);
    expect((await checkInvariants(client)).map((v) => v.rule)).toContain(rule);
    await client.query('ROLLBACK');
    client.release();
  });

  it.each([
    "UPDATE ledger.accounts SET balance = -1 WHERE kind = 'wallet'",
    "UPDATE ledger.accounts SET held = balance + 1 WHERE kind = 'wallet'",
    'UPDATE ledger.accounts SET held = -1',
  ])('the database itself refuses %s', async (sql) => {
    const pool = await database();
    await wallet(pool, 10n);
    await expect(pool.query(sql)).rejects.toThrow('check constraint');
  });

  it('is right in every interleaving of holds, settlements, expiries and credits', async () => {
    const pool = await database();
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { minLength: 1, maxLength: 25 }), async (steps) => {
        // Left over from the run before: expiry knows no wallets.
        await releaseExpired(pool, NOW);
        const run = randomUUID();
        const wallets = [await wallet(pool, 50n), await wallet(pool, 50n)];
        const model = new Model(run, wallets, 50n);
        for (const step of steps) await step.run(pool, model);
        for (const [i, id] of wallets.entries()) {
          expect(await readBalance(pool, id)).toMatchObject(model.balance(i));
        }
        expect(await checkInvariants(pool)).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});

/** What the ledger should say, written the plain way. */
class Model {
  readonly run: string;
  readonly wallets: readonly string[];
  readonly #balance: bigint[];
  readonly #holds = new Map<number, { wallet: number; amount: bigint; expired: boolean }>();
  readonly #charged = new Set<number>();

  constructor(run: string, wallets: readonly string[], balance: bigint) {
    this.run = run;
    this.wallets = wallets;
    this.#balance = wallets.map(() => balance);
  }

  balance(wallet: number): { balance: bigint; held: bigint } {
    const holds = [...this.#holds.values()].filter((h) => h.wallet === wallet);
    return { balance: this.#balance[wallet]!, held: holds.reduce((sum, h) => sum + h.amount, 0n) };
  }

  credit(wallet: number, amount: bigint): void {
    this.#balance[wallet]! += amount;
  }

  /** One request belongs to one wallet, as in life. */
  take(request: number, amount: bigint, expired: boolean): HoldResult {
    if (this.#holds.has(request)) return 'held';
    const wallet = request % this.wallets.length;
    const { balance, held } = this.balance(wallet);
    if (balance - held < amount) return 'balance';
    this.#holds.set(request, { wallet, amount, expired });
    return 'held';
  }

  /** Null: the call must fail. */
  settle(request: number, charge: bigint): SettleResult | null {
    const held = this.#holds.get(request);
    if (!held)
      return this.#charged.has(request) ? 'already_settled' : charge === 0n ? 'settled' : 'hold_lost';
    if (charge > held.amount || (charge > 0n && this.#charged.has(request))) return null;
    this.#holds.delete(request);
    this.#balance[held.wallet]! -= charge;
    if (charge > 0n) this.#charged.add(request);
    return 'settled';
  }

  expire(): number {
    const overdue = [...this.#holds].filter(([, h]) => h.expired);
    for (const [request] of overdue) this.#holds.delete(request);
    return overdue.length;
  }
}

interface Step {
  run(pool: Pool, model: Model): Promise<void>;
  readonly [fc.toStringMethod]: () => string;
}

const request = fc.nat(9);
const amount = fc.bigInt({ min: 0n, max: 40n });

const holdStep = fc
  .uniqueArray(fc.record({ request, amount, expired: fc.boolean() }), {
    minLength: 1,
    maxLength: 6,
    selector: (asked) => asked.request,
  })
  .map(
    (asked): Step => ({
      async run(pool, model) {
        const requests = asked.map((a) =>
          hold(
            `${model.run}-${a.request}`,
            model.wallets[a.request % 2]!,
            a.amount,
            a.expired ? NOW - 1 : NOW + 1,
          ),
        );
        const expected = asked.map((a) => model.take(a.request, a.amount, a.expired));
        expect(await takeHolds(pool, requests, NOW)).toEqual(expected);
      },
      [fc.toStringMethod]: () => `hold ${fc.stringify(asked)}`,
    }),
  );

const settleStep = fc
  .uniqueArray(fc.record({ request, charge: amount }), {
    minLength: 1,
    maxLength: 4,
    selector: (s) => s.request,
  })
  .map(
    (items): Step => ({
      async run(pool, model) {
        // One by one where one may fail, because a failing call undoes all of it.
        for (const { request: n, charge } of items) {
          const expected = model.settle(n, charge);
          const call = settleHolds(pool, [{ requestId: `${model.run}-${n}`, charge }], NOW);
          if (expected === null) await expect(call).rejects.toThrow();
          else expect(await call).toEqual([expected]);
        }
      },
      [fc.toStringMethod]: () => `settle ${fc.stringify(items)}`,
    }),
  );

const settleTogetherStep = fc.uniqueArray(request, { minLength: 1, maxLength: 6 }).map(
  (requests): Step => ({
    async run(pool, model) {
      const expected = requests.map((n) => model.settle(n, 0n));
      const items = requests.map((n) => ({ requestId: `${model.run}-${n}`, charge: 0n }));
      expect(await settleHolds(pool, items, NOW)).toEqual(expected);
    },
    [fc.toStringMethod]: () => `release ${fc.stringify(requests)}`,
  }),
);

const expireStep = fc.constant<Step>({
  async run(pool, model) {
    expect(await releaseExpired(pool, NOW)).toBe(model.expire());
  },
  [fc.toStringMethod]: () => 'expire',
});

const creditStep = fc.record({ wallet: fc.nat(1), amount: fc.bigInt({ min: 1n, max: 40n }) }).map(
  (given): Step => ({
    async run(pool, model) {
      model.credit(given.wallet, given.amount);
      const walletId = model.wallets[given.wallet]!;
      await credit(pool, { walletId, amount: given.amount, reference: null, description: 'test', at: NOW });
    },
    [fc.toStringMethod]: () => `credit ${fc.stringify(given)}`,
  }),
);

const anyStep = fc.oneof(holdStep, settleStep, settleTogetherStep, expireStep, creditStep);
