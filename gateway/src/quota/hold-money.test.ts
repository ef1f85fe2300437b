import { randomUUID } from 'node:crypto';
import { checkInvariants, readBalance, settleHolds } from '@zerogpu/ledger';
import fc from 'fast-check';
import type { Pool } from 'pg';
import { expect, it } from 'vitest';
import type { PerMinute } from '../flow.ts';
import { sweep } from '../metering/sweeper.ts';
import { silentLog } from '../store/log.ts';
import { Secrets } from '../store/secrets.ts';
import { onEveryPostgres } from '../testing/postgres.ts';
import { makeAsking, makeTenant } from '../testing/tenant.ts';
import type { Asking } from './admit-requests.ts';
import { HoldBook } from './hold-money.ts';

const secrets = new Secrets('a secret of the tests, long enough');
const NONE: PerMinute = { requests: null, tokens: null };

async function setUp(pool: Pool, balance?: bigint) {
  const { caller } = await makeTenant(pool, secrets, balance);
  const holds = new HoldBook(pool);
  const asking = (key: Partial<PerMinute> = {}, project: Partial<PerMinute> = {}, changes = {}) =>
    makeAsking(caller, randomUUID(), {
      limits: { key: { ...NONE, ...key }, project: { ...NONE, ...project } },
      ...changes,
    });
  /** In one statement: what is asked for in one turn goes together. */
  const takeAll = (all: readonly Asking[]) => Promise.all(all.map((one) => holds.take(one)));
  return { caller, holds, asking, takeAll };
}

async function limitRows(pool: Pool): Promise<number> {
  return (await pool.query('SELECT FROM rate_limits')).rows.length;
}

onEveryPostgres('admission', (database) => {
  it('of requests without limits touches no limit', async () => {
    const pool = await database();
    const { asking, takeAll } = await setUp(pool);
    const limits = { requests: null, tokens: null };
    expect(await takeAll([asking(), asking()])).toEqual([
      { result: 'held', limits },
      { result: 'held', limits },
    ]);
    expect(await limitRows(pool)).toBe(0);
  });

  it('gives a whole allowance at once and says what is left of it; what is refused holds nothing', async () => {
    const pool = await database();
    const { caller, asking, takeAll } = await setUp(pool);
    const grants = await takeAll([asking(), ...[1, 2, 3, 4, 5].map(() => asking({ requests: 3 })), asking()]);
    expect(grants.map((grant) => grant.result)).toEqual([
      ...['held', 'held', 'held', 'held'],
      ...['rate_limited', 'rate_limited', 'held'],
    ]);
    expect(grants.map((grant) => grant.limits.requests?.remaining)).toEqual([
      ...[undefined, 2, 1, 0, 0, 0],
      undefined,
    ]);
    expect(grants[3]).toMatchObject({ limits: { requests: { limit: 3, resetMs: 60_000 }, tokens: null } });
    expect(grants[4]).toMatchObject({
      refusal: { scope: 'key', what: 'requests', limit: 3, retryMs: 20_000 },
    });
    expect(await readBalance(pool, caller.walletId)).toMatchObject({ held: 5_000n });
  });

  it('counts a minute by the clock of the database, whichever gateway asks', async () => {
    const pool = await database();
    const { caller, asking, takeAll } = await setUp(pool);
    const other = new HoldBook(pool, 2, () => 0);
    const started = performance.now();
    const both = await Promise.all([
      takeAll(Array.from({ length: 30 }, () => asking({}, { requests: 10 }))),
      ...Array.from({ length: 30 }, () => other.take(asking({}, { requests: 10 }))),
    ]);
    const held = both.flat().filter((grant) => grant.result === 'held').length;
    expect(held).toBeGreaterThanOrEqual(10);
    // One more for each six seconds that this took.
    expect(held).toBeLessThanOrEqual(10 + Math.floor((performance.now() - started) / 6_000));
    await pool.query('UPDATE rate_limits SET whole_at = whole_at - 60000000000');
    expect(await other.take(asking({}, { requests: 10 }))).toMatchObject({
      result: 'held',
      limits: { requests: { remaining: 9 } },
    });
    expect(await limitRows(pool)).toBe(1);
    expect(await checkInvariants(pool)).toEqual([]);
    expect(caller.limits.project).toEqual(NONE);
  });

  it('takes nothing from the other limits when one refuses, and tells the tighter one', async () => {
    const pool = await database();
    const { asking, takeAll } = await setUp(pool);
    const own = { requests: 10, tokens: 100 };
    const [first, refused, fits] = await takeAll([
      asking(own, { requests: 5, tokens: 50 }),
      asking(own, { requests: 5, tokens: 50 }),
      asking(own, { requests: 5, tokens: 50 }, { tokens: 20 }),
    ]);
    expect(first).toMatchObject({
      result: 'held',
      limits: { requests: { limit: 5, remaining: 4 }, tokens: { limit: 50, remaining: 20 } },
    });
    expect(refused).toMatchObject({
      result: 'rate_limited',
      refusal: { scope: 'project', what: 'tokens', limit: 50, retryMs: 12_000 },
      limits: { requests: { limit: 5, remaining: 4 }, tokens: { limit: 50, remaining: 20 } },
    });
    expect(fits).toMatchObject({
      result: 'held',
      limits: { requests: { limit: 5, remaining: 3 }, tokens: { limit: 50, remaining: 0 } },
    });
  });

  it('never grants a request that alone is over a limit, and says so', async () => {
    const pool = await database();
    const { asking, takeAll } = await setUp(pool);
    const grants = await takeAll([asking({ requests: 1, tokens: 29 }), asking({ requests: 1 })]);
    expect(grants).toMatchObject([
      {
        result: 'rate_limited',
        refusal: { what: 'tokens', retryMs: null },
        limits: { tokens: { remaining: 29 } },
      },
      { result: 'held' },
    ]);
  });

  it('counts a request once that is asked for again while it holds', async () => {
    const pool = await database();
    const { asking, holds } = await setUp(pool);
    const same = asking({ requests: 5 });
    expect(await holds.take(same)).toMatchObject({ result: 'held', limits: { requests: { remaining: 4 } } });
    expect(await holds.take(same)).toMatchObject({ result: 'held', limits: { requests: { remaining: 4 } } });
  });

  it('counts a request that the balance does not cover, which then holds nothing', async () => {
    const pool = await database();
    const { caller, asking, takeAll } = await setUp(pool, 1_500n);
    const grants = await takeAll([1, 2].map(() => asking({ requests: 5 })));
    expect(grants).toMatchObject([
      { result: 'held' },
      { result: 'balance', limits: { requests: { remaining: 3 } } },
    ]);
    expect(await readBalance(pool, caller.walletId)).toMatchObject({ held: 1_000n });
  });

  it('says which budget does not cover a request, and how it stands', async () => {
    const pool = await database();
    const { caller, asking, takeAll, holds } = await setUp(pool, 10_000n);
    const set = (kind: string, id: string, limit: bigint) =>
      pool.query('SELECT ledger.set_budget($1, $2, $3, $4, 0, now())', [caller.walletId, kind, id, limit]);
    await set('key', caller.keyId, 3_000n);
    const [first] = [asking(), 0];
    await holds.take(first);
    await settleHolds(pool, [{ requestId: first.requestId, charge: 400n }], Date.now());
    const grants = await takeAll([1, 2, 3].map(() => asking({ requests: 60 })));
    expect(grants).toMatchObject([
      { result: 'held' },
      { result: 'held' },
      {
        result: 'key_budget',
        budget: { limit: 3_000n, spent: 400n, held: 2_000n },
        limits: { requests: { remaining: 57 } },
      },
    ]);
    await set('organization', caller.organizationId, 2_500n);
    await set('project', caller.projectId, 2_999n);
    // Of several the widest is told.
    expect(await holds.take(asking())).toMatchObject({
      result: 'organization_budget',
      budget: { limit: 2_500n, spent: 0n, held: 2_000n },
    });
    await pool.query('SELECT ledger.remove_budget($1, $2)', [caller.walletId, caller.organizationId]);
    expect(await holds.take(asking())).toMatchObject({ result: 'project_budget', budget: { limit: 2_999n } });
    expect(await checkInvariants(pool)).toEqual([]);
  });

  it('forgets limits that are whole again', async () => {
    const pool = await database();
    const { asking, takeAll } = await setUp(pool);
    await takeAll([asking({ requests: 5, tokens: 1_000 }), asking({}, { requests: 5 })]);
    await sweep(pool, silentLog, Date.now());
    expect(await limitRows(pool)).toBe(3);
    await sweep(pool, silentLog, Date.now() + 180_000);
    expect(await limitRows(pool)).toBe(0);
  });

  it('limits as the formula says, whatever is asked of which limits when', async () => {
    const pool = await database();
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const model = new Model();
        let now = 1_900_000_000_000_000_000n;
        for (const { wait, asked } of steps) {
          now += BigInt(wait) * 1_000_000n;
          const given = await takeRateLimits(pool, model.scopes, asked, now);
          expect(given).toEqual(asked.map((ask) => model.take(ask, now)));
        }
      }),
      { numRuns: 60 },
    );
  });
});

interface Ask {
  readonly key: number;
  readonly project: number;
  readonly tokens: number;
  readonly keyLimits: PerMinute;
  readonly projectLimits: PerMinute;
}

const perMinute = fc.record({
  requests: fc.option(fc.integer({ min: 1, max: 9 })),
  tokens: fc.option(fc.oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 1_000_000_000 }))),
});
const step = fc.record({
  wait: fc.nat(30_000),
  asked: fc.array(
    fc
      .record({
        key: fc.nat(2),
        project: fc.nat(1),
        tokens: fc.nat(100),
        keyLimits: perMinute,
        projectLimits: perMinute,
      })
      .filter(({ keyLimits, projectLimits }) =>
        [...Object.values(keyLimits), ...Object.values(projectLimits)].some((limit) => limit !== null),
      ),
    { minLength: 1, maxLength: 6 },
  ),
});

/** What is compared: whether it was refused, by which limit, and what is left. */
interface Told {
  readonly refused: string | null;
  readonly requests: number | null;
  readonly tokens: number | null;
}

async function takeRateLimits(
  pool: Pool,
  scopes: Model['scopes'],
  asked: readonly Ask[],
  now: bigint,
): Promise<Told[]> {
  const limited = asked.map(({ tokens, keyLimits, projectLimits }, i) => ({
    n: i + 1,
    tokens,
    key_requests: keyLimits.requests,
    key_tokens: keyLimits.tokens,
    project_requests: projectLimits.requests,
    project_tokens: projectLimits.tokens,
  }));
  const { rows } = await pool.query('SELECT take_rate_limits($1, $2, $3, $4, $5) AS given', [
    JSON.stringify(limited),
    asked.map(() => randomUUID()),
    asked.map(({ project }) => scopes.projects[project]),
    asked.map(({ key }) => scopes.keys[key]),
    now,
  ]);
  return rows[0].given.map(
    (one: {
      refused: { scope: string; what: string } | null;
      requests?: { remaining: number };
      tokens?: { remaining: number };
    }) => ({
      refused: one.refused === null ? null : `${one.refused.scope} ${one.refused.what}`,
      requests: one.requests?.remaining ?? null,
      tokens: one.tokens?.remaining ?? null,
    }),
  );
}

const MINUTE = 60_000_000_000n;

/** The formula, one limit at a time, in nanoseconds. */
class Model {
  readonly scopes = {
    keys: [randomUUID(), randomUUID(), randomUUID()],
    projects: [randomUUID(), randomUUID()],
  };
  readonly #wholeAt = new Map<string, bigint>();

  take(ask: Ask, now: bigint): Told {
    const all = limitsOf(ask);
    const waits = all.map(({ id, amount, limit }) => {
      const wait = this.#used(id, now) + (BigInt(amount) * MINUTE) / BigInt(limit) - MINUTE;
      return amount > limit ? Infinity : Number(wait);
    });
    const longest = Math.max(...waits);
    if (longest <= 0) {
      for (const { id, amount, limit } of all)
        this.#wholeAt.set(id, now + this.#used(id, now) + (BigInt(amount) * MINUTE) / BigInt(limit));
    }
    const left = (what: string) => {
      const of = all.filter((one) => one.what === what);
      const remaining = of.map(
        ({ id, limit }) => limit - ceilDivide(this.#used(id, now) * BigInt(limit), MINUTE),
      );
      return of.length === 0 ? null : Math.min(...remaining);
    };
    const refused = longest > 0 ? all.filter((_, i) => waits[i] === longest).map((one) => one.name) : [null];
    // Of two that take as long either may be told; the last that never will, else the first.
    const told = longest === Infinity ? refused.at(-1) : refused[0];
    return { refused: told ?? null, requests: left('requests'), tokens: left('tokens') };
  }

  #used(id: string, now: bigint): bigint {
    const used = (this.#wholeAt.get(id) ?? 0n) - now;
    return used > 0n ? used : 0n;
  }
}

function ceilDivide(a: bigint, b: bigint): number {
  return Number((a + b - 1n) / b);
}

function limitsOf({ key, project, tokens, keyLimits, projectLimits }: Ask) {
  const amounts = { requests: 1, tokens: Math.max(1, tokens) };
  return [
    { scope: 'key', n: key, limits: keyLimits },
    { scope: 'project', n: project, limits: projectLimits },
  ].flatMap(({ scope, n, limits }) =>
    (['requests', 'tokens'] as const).flatMap((what) => {
      const limit = limits[what];
      const id = `${scope} ${n} ${what}`;
      return limit === null ? [] : [{ id, name: `${scope} ${what}`, what, limit, amount: amounts[what] }];
    }),
  );
}
