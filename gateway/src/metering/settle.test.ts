import { checkInvariants, readBalance } from '@zerogpu/ledger';
import fc from 'fast-check';
import type { Pool } from 'pg';
import { describe, expect, it } from 'vitest';
import type { Caller, Settlement } from '../flow.ts';
import { HoldBook } from '../quota/hold-money.ts';
import { readLatencies } from '../store/latency-histogram.ts';
import { silentLog } from '../store/log.ts';
import { Secrets } from '../store/secrets.ts';
import { onEveryPostgres } from '../testing/postgres.ts';
import { makeAsking, makeSettlement, makeTenant } from '../testing/tenant.ts';
import { SettlementError, Settler } from './settle.ts';
import { sweep } from './sweeper.ts';

const secrets = new Secrets('a secret of the tests, long enough');
const HOLD = 1_000n;

async function setUp(pool: Pool, balance?: bigint) {
  const { caller } = await makeTenant(pool, secrets, balance);
  const holds = new HoldBook(pool);
  const settler = new Settler({ pool, secrets, gatewayName: 'gateway-1' });
  const take = (requestId: string, expiresAt = Date.now() + 60_000) =>
    holds.take(makeAsking(caller, requestId, { amount: HOLD, expiresAt }));
  return { caller, settler, take };
}

async function logged(pool: Pool, caller: Caller) {
  const { rows } = await pool.query('SELECT * FROM requests WHERE project_id = $1 ORDER BY id', [
    caller.projectId,
  ]);
  return rows;
}

async function rollups(pool: Pool) {
  const { rows } = await pool.query(
    'SELECT * FROM usage_rollups ORDER BY resolution DESC, bucket, status, model',
  );
  return rows;
}

onEveryPostgres('settlement', (database) => {
  it('charges, logs, rolls up and frees the rest of the hold', async () => {
    const pool = await database();
    const { caller, settler, take } = await setUp(pool);
    const settlement = makeSettlement(caller);
    expect(await take(settlement.requestId)).toMatchObject({ result: 'held' });
    await settler.settle(settlement);
    expect(await readBalance(pool, caller.walletId)).toEqual({
      balance: 999_300n,
      held: 0n,
      available: 999_300n,
    });
    expect(await logged(pool, caller)).toEqual([
      {
        project_id: caller.projectId,
        id: settlement.requestId,
        created_at: new Date(settlement.startedAt),
        settled_at: expect.any(Date),
        latency_ms: 12,
        half_minute: Math.floor(settlement.startedAt / 30_000),
        key_id: caller.keyId,
        gateway_id: 'gateway-1',
        endpoint: 'responses',
        requested_model: 'zlm-v1-summary-cloud',
        served_model: 'zlm-v1-summary-cloud',
        status: 200,
        error_code: null,
        finish_reason: 'stop',
        streamed: false,
        input_tokens: 30,
        output_tokens: 5,
        cost: 700n,
        route_kind: 'node',
        route_target: 'node_test',
        route_class: 'edge',
        region: 'DE',
        why: settlement.route?.why,
        attempts: 1,
        fallback: false,
        hedged: false,
        half_price: false,
        replay_of: null,
        queue_ms: 0.5,
        network_ms: 1.5,
        model_ms: 2.5,
        total_ms: 12,
      },
    ]);
    const [minute, hour] = await rollups(pool);
    expect(minute).toMatchObject({
      resolution: 'minute',
      bucket: new Date(Date.UTC(2030, 0, 1, 12, 34)),
      status: 200,
      route_class: 'edge',
      key_id: caller.keyId,
      requests: 1n,
      input_tokens: 30n,
      output_tokens: 5n,
      cost: 700n,
      latency_ms_sum: 12,
    });
    expect(hour).toMatchObject({
      resolution: 'hour',
      bucket: new Date(Date.UTC(2030, 0, 1, 12)),
      requests: 1n,
    });
    expect(await checkInvariants(pool)).toEqual([]);
  });

  it('writes an error that never held money, and one that gives its hold back', async () => {
    const pool = await database();
    const { caller, settler, take } = await setUp(pool);
    const none = {
      route: null,
      routeClass: null,
      servedModel: null,
      cost: 0n,
      finishReason: null,
      requestedModel: null,
    } as const;
    const early = makeSettlement(caller, { ...none, status: 400, errorCode: 'invalid_json', held: false });
    const late = makeSettlement(caller, { ...none, status: 503, errorCode: 'no_capacity' });
    await take(late.requestId);
    await Promise.all([settler.settle(early), settler.settle(late)]);
    expect(await readBalance(pool, caller.walletId)).toMatchObject({ balance: 1_000_000n, held: 0n });
    expect((await logged(pool, caller)).map((row) => row.error_code).sort()).toEqual([
      'invalid_json',
      'no_capacity',
    ]);
    expect((await rollups(pool)).map((row) => [row.resolution, row.status, row.model])).toEqual([
      ['minute', 400, ''],
      ['minute', 503, ''],
      ['hour', 400, ''],
      ['hour', 503, ''],
    ]);
  });

  it('settles a request once, however often it is tried, and from whichever gateway', async () => {
    const pool = await database();
    const { caller, settler, take } = await setUp(pool);
    const other = new Settler({ pool, secrets, gatewayName: 'gateway-2' });
    const all = Array.from({ length: 10 }, () => makeSettlement(caller));
    await Promise.all(all.map((s) => take(s.requestId)));
    await Promise.all([...all, ...all].map((s) => settler.settle(s)));
    const fresh = makeSettlement(caller);
    await take(fresh.requestId);
    await Promise.all([...all, fresh, ...all].map((s) => other.settle(s)));
    expect(await readBalance(pool, caller.walletId)).toMatchObject({
      balance: 1_000_000n - 11n * 700n,
      held: 0n,
    });
    expect(await logged(pool, caller)).toHaveLength(11);
    const minutes = (await rollups(pool)).filter((row) => row.resolution === 'minute');
    expect(minutes.map((row) => [row.gateway_id, row.requests])).toEqual(
      expect.arrayContaining([
        ['gateway-1', 10n],
        ['gateway-2', 1n],
      ]),
    );
    expect(await checkInvariants(pool)).toEqual([]);
  });

  it('refuses a request whose hold is gone, writes nothing of it, and lets its neighbours through', async () => {
    const pool = await database();
    const { caller, settler, take } = await setUp(pool);
    const [good, lost] = [makeSettlement(caller), makeSettlement(caller)];
    await take(good.requestId);
    await take(lost.requestId, Date.now() - 1);
    expect(await sweep(pool, silentLog, Date.now())).toEqual({ holds: 1, answers: 0, payloads: 0 });
    const results = await Promise.allSettled([settler.settle(lost), settler.settle(good)]);
    expect(results.map((r) => r.status)).toEqual(['rejected', 'fulfilled']);
    expect(results[0]).toMatchObject({ reason: { kind: 'hold_lost' } });
    expect((await logged(pool, caller)).map((row) => row.id)).toEqual([good.requestId]);
    // What the way then writes instead: it knows of a hold and not that it is gone, and charges nothing.
    await settler.settle({ ...lost, status: 504, errorCode: 'upstream_timeout', cost: 0n });
    expect(await logged(pool, caller)).toHaveLength(2);
    expect(await readBalance(pool, caller.walletId)).toMatchObject({ balance: 999_300n, held: 0n });
  });

  it('refuses the one that charges too much, and lets its neighbours through', async () => {
    const pool = await database();
    const { caller, settler, take } = await setUp(pool);
    const all = Array.from({ length: 9 }, (_, i) =>
      makeSettlement(caller, { cost: i === 4 ? HOLD + 1n : 5n }),
    );
    await Promise.all(all.map((s) => take(s.requestId)));
    const results = await Promise.allSettled(all.map((s) => settler.settle(s)));
    expect(results.map((r) => r.status === 'fulfilled')).toEqual(all.map((_, i) => i !== 4));
    expect(results[4]).toMatchObject({ reason: { kind: 'database' } });
    expect(await readBalance(pool, caller.walletId)).toMatchObject({ balance: 1_000_000n - 40n, held: HOLD });
    await expect(settler.settle(makeSettlement(caller, { held: false }))).rejects.toBeInstanceOf(
      SettlementError,
    );
  });

  it('says of a line of a batch that it cost half, and of a replay what it repeats', async () => {
    const pool = await database();
    const { caller, settler } = await setUp(pool);
    const free = { cost: 0n, held: false };
    const first = makeSettlement(caller, { ...free, tier: 'batch' });
    await settler.settle(first);
    await settler.settle(makeSettlement(caller, { ...free, replayOf: first.requestId, routeClass: null }));
    const rows = await logged(pool, caller);
    const told = rows.map((row) => [row.half_price, row.replay_of, row.route_class]);
    expect(told).toEqual(
      expect.arrayContaining([
        [true, null, 'edge'],
        [false, first.requestId, null],
      ]),
    );
  });

  it('stores what PostgreSQL cannot hold as what it can', async () => {
    const pool = await database();
    const { caller, settler } = await setUp(pool);
    const requestedModel = `a\0b\ud800c'"\\{}${'é'.repeat(240)}`;
    const settlement = makeSettlement(caller, {
      requestedModel,
      servedModel: null,
      cost: 0n,
      held: false,
      status: 404,
    });
    await settler.settle(settlement);
    const [row] = await logged(pool, caller);
    expect(row.requested_model).toBe(`a\ufffdb\ufffdc'"\\{}${'é'.repeat(240)}`);
  });

  it('rolls up under models of the catalogue only, whatever names callers make up', async () => {
    const pool = await database();
    const { caller, settler } = await setUp(pool);
    const refused = { servedModel: null, cost: 0n, held: false, status: 404 };
    await settler.settle(makeSettlement(caller, { ...refused, requestedModel: 'made-up-1' }));
    await settler.settle(makeSettlement(caller, { ...refused, requestedModel: 'made-up-2' }));
    await settler.settle(makeSettlement(caller, { ...refused, requestedModel: 'zlm-v1-summary-cloud' }));
    const minutes = (await rollups(pool)).filter((row) => row.resolution === 'minute');
    expect(minutes.map((row) => [row.model, row.requests])).toEqual([
      ['', 2n],
      ['zlm-v1-summary-cloud', 1n],
    ]);
  });

  it('keeps a row of the log under 600 bytes', async () => {
    const pool = await database();
    const { caller, settler } = await setUp(pool);
    const longest = makeSettlement(caller, {
      requestedModel: 'm'.repeat(256),
      endpoint: 'chat/completions',
      errorCode: 'context_length_exceeded',
      cost: 0n,
      held: false,
    });
    await settler.settle(longest);
    const { rows } = await pool.query('SELECT pg_column_size(r.*) AS bytes FROM requests r');
    expect(rows[0].bytes).toBeLessThan(600);
  });

  it('adds latencies up in histograms, across groups and within them', async () => {
    const pool = await database();
    const { caller, settler } = await setUp(pool);
    const request = (totalMs: number) => makeSettlement(caller, { totalMs, cost: 0n, held: false });
    await Promise.all([0.2, 1, 10, 10, 1_000_000].map((ms) => settler.settle(request(ms))));
    await settler.settle(request(10));
    const [minute, hour] = await rollups(pool);
    const counts = readLatencies(minute.latency_histogram).flatMap((n: number, bucket: number) =>
      n > 0 ? [[bucket, n]] : [],
    );
    expect(counts).toEqual([
      [0, 2],
      [10, 3],
      [52, 1],
    ]);
    expect(hour.latency_histogram).toEqual(minute.latency_histogram);
  });

  it('never spends more than there is, whatever is asked for and settled at once', async () => {
    const pool = await database();
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ cost: fc.bigInt({ min: 0n, max: HOLD }), settles: fc.nat(2) }), {
          maxLength: 40,
        }),
        async (asked) => {
          const { caller, settler, take } = await setUp(pool, 10_000n);
          let charged = 0n;
          let open = 0n;
          const one = async ({ cost, settles }: { cost: bigint; settles: number }) => {
            const settlement: Settlement = makeSettlement(caller, { cost });
            if ((await take(settlement.requestId)).result !== 'held') return;
            for (let i = 0; i < settles; i++) await settler.settle(settlement);
            if (settles > 0) charged += cost;
            else open += HOLD;
          };
          await Promise.all(asked.map(one));
          const balance = await readBalance(pool, caller.walletId);
          expect(balance).toMatchObject({ balance: 10_000n - charged, held: open });
          expect(await checkInvariants(pool)).toEqual([]);
        },
      ),
      { numRuns: 15 },
    );
  });

  describe('when the database goes away', () => {
    it('tries again after the connection was cut, without settling twice', async () => {
      const pool = await database();
      const { caller, settler, take } = await setUp(pool);
      const all = Array.from({ length: 30 }, () => makeSettlement(caller));
      await Promise.all(all.map((s) => take(s.requestId)));
      // The commit happens, and its answer is lost on the way.
      let cuts = 0;
      const query = pool.query.bind(pool);
      Object.assign(pool, {
        query: async (...args: Parameters<typeof query>) => {
          const result = await query(...args);
          if (JSON.stringify(args).includes('settle_requests') && cuts++ < 2) {
            throw Object.assign(new Error('Connection terminated unexpectedly'), { code: 'ECONNRESET' });
          }
          return result;
        },
      });
      await Promise.all(all.map((s) => settler.settle(s)));
      expect(cuts).toBeGreaterThan(2);
      expect(await readBalance(pool, caller.walletId)).toMatchObject({
        balance: 1_000_000n - 30n * 700n,
        held: 0n,
      });
      expect(await logged(pool, caller)).toHaveLength(30);
    });
  });
});
