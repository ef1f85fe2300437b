import { newId } from '@zerogpu/protocol';
import fc from 'fast-check';
import type { Pool } from 'pg';
import { describe, expect, it, vi } from 'vitest';
import type { Caller } from '../flow.ts';
import { checkRollups } from '../metering/check-rollups.ts';
import { Settler } from '../metering/settle.ts';
import { onEveryPostgres } from '../testing/postgres.ts';
import { makeSettlement, makeTenant } from '../testing/tenant.ts';
import { dropOldLog, ensureLogPartitions, rollUpDays } from './log-partitions.ts';
import { Secrets } from './secrets.ts';

const secrets = new Secrets('a secret of the tests, long enough');
const HOUR = 60 * 60 * 1_000;
const DAY = 24 * HOUR;
const WEEK = 7 * DAY;
/** A Monday far from now, so that no migration has made its partition. */
const MONDAY = Date.UTC(2035, 0, 1);

async function setUp(pool: Pool) {
  const { caller } = await makeTenant(pool, secrets);
  const settlers = ['gateway-1', 'gateway-2'].map(
    (gatewayName) => new Settler({ pool, secrets, gatewayName }),
  );
  let next = 0;
  const log = async (at: number, changes = {}) => {
    const requestId = newId('request', at);
    const settlement = { requestId, startedAt: at, cost: 0n, held: false, ...changes };
    await settlers[next++ % 2]!.settle(makeSettlement(caller, settlement));
    return settlement.requestId;
  };
  return { caller, log };
}

/** The ids that lie in each partition. */
async function places(pool: Pool, caller: Caller): Promise<Record<string, string[]>> {
  const { rows } = await pool.query(
    `SELECT tableoid::regclass::text AS place, array_agg(id ORDER BY id) AS ids FROM requests
     WHERE project_id = $1 GROUP BY 1`,
    [caller.projectId],
  );
  return Object.fromEntries(rows.map(({ place, ids }) => [place, ids]));
}

async function dropAll(pool: Pool, from: number): Promise<void> {
  await dropOldLog(pool, from + 3650 * DAY, 0);
  await ensureLogPartitions(pool, Date.now());
}

onEveryPostgres('partitions of the log', (database) => {
  it('begin at the first id of a Monday and end before the next', async () => {
    const pool = await database();
    const { caller, log } = await setUp(pool);
    await ensureLogPartitions(pool, MONDAY);
    const [before, first, last, after] = [MONDAY - 1, MONDAY, MONDAY + WEEK - 1, MONDAY + WEEK];
    const ids = await Promise.all([before, first, last, after].map((at) => log(at)));
    expect(await places(pool, caller)).toEqual({
      requests_default: [ids[0]],
      requests_20350101: [ids[1], ids[2]],
      requests_20350108: [ids[3]],
    });
    await dropAll(pool, MONDAY);
  });

  it('a border is where the id of its time would be, at any time', async () => {
    const pool = await database();
    const zeros = (bytes: Uint8Array) => bytes.fill(0);
    const times = fc.array(fc.integer({ min: 0, max: 2 ** 45 }), { minLength: 50, maxLength: 50 });
    await fc.assert(
      fc.asyncProperty(times, async (all) => {
        const { rows } = await pool.query(
          'SELECT request_id_at(at) AS id FROM unnest($1::timestamptz[]) WITH ORDINALITY AS t (at, n) ORDER BY n',
          [all.map((at) => new Date(at).toISOString())],
        );
        expect(rows.map((row) => row.id)).toEqual(all.map((at) => newId('request', at, zeros).slice(0, 14)));
      }),
      { numRuns: 10 },
    );
  });

  it('what came before its partition waits in the default one, and moves', async () => {
    const pool = await database();
    const { caller, log } = await setUp(pool);
    const [inside, beyond] = [await log(MONDAY + DAY), await log(MONDAY + 60 * WEEK)];
    const strange = await log(MONDAY, { requestId: 'a strange id' });
    expect(await places(pool, caller)).toEqual({ requests_default: [strange, inside, beyond] });
    expect(await ensureLogPartitions(pool, MONDAY)).toBe(10);
    expect(await places(pool, caller)).toEqual({
      requests_20350101: [inside],
      requests_default: [strange, beyond],
    });
    expect(await ensureLogPartitions(pool, MONDAY)).toBe(0);
    const minutes = await pool.query(
      'SELECT tableoid::regclass::text AS place FROM usage_minutes ORDER BY 1',
    );
    expect(minutes.rows.map((row) => row.place)).toEqual([
      'usage_minutes_20350101',
      'usage_minutes_20350101',
      'usage_minutes_default',
    ]);
    expect(await checkRollups(pool)).toEqual([]);
    await dropAll(pool, MONDAY);
  });

  it('are made once by many gateways at once, while requests settle', async () => {
    const pool = await database();
    const { caller, log } = await setUp(pool);
    const made = await Promise.all([
      ...Array.from({ length: 8 }, () => ensureLogPartitions(pool, MONDAY)),
      ...Array.from({ length: 40 }, (_, n) => log(MONDAY + n * 12 * HOUR).then(() => 0)),
    ]);
    expect(made.reduce((sum, count) => sum + count)).toBe(10);
    const found = await places(pool, caller);
    expect(Object.keys(found).sort()).toEqual([
      'requests_20350101',
      'requests_20350108',
      'requests_20350115',
    ]);
    expect(Object.values(found).flat()).toHaveLength(40);
    expect(await checkRollups(pool)).toEqual([]);
    await dropAll(pool, MONDAY);
  });

  it('go when their whole week is old, with their rollups by minute; hours stay', async () => {
    const pool = await database();
    const { caller, log } = await setUp(pool);
    await dropAll(pool, MONDAY);
    await ensureLogPartitions(pool, MONDAY);
    await Promise.all([MONDAY, MONDAY + WEEK, MONDAY - 50 * WEEK].map((at) => log(at)));
    const kept = 30;
    const gone = await dropOldLog(pool, MONDAY + WEEK + kept * DAY - 1, kept);
    expect(gone.filter((name) => name.endsWith('20350101'))).toEqual([]);
    expect(Object.keys(await places(pool, caller))).toHaveLength(2);
    expect(await dropOldLog(pool, MONDAY + WEEK + kept * DAY, kept)).toEqual([
      'requests_20350101',
      'usage_minutes_20350101',
    ]);
    expect(Object.keys(await places(pool, caller))).toEqual(['requests_20350108']);
    const { rows } = await pool.query(
      'SELECT resolution, sum(requests) AS n FROM usage_rollups GROUP BY 1 ORDER BY 1',
    );
    expect(rows).toEqual([
      { resolution: 'hour', n: '3' },
      { resolution: 'minute', n: '1' },
    ]);
    expect(await checkRollups(pool)).toEqual([]);
    await dropAll(pool, MONDAY);
  });

  it('are not dropped under a reader: the next round does it', async () => {
    const pool = await database();
    await ensureLogPartitions(pool, MONDAY - 2000 * WEEK);
    const reader = await pool.connect();
    await reader.query('BEGIN');
    await reader.query('SELECT count(*) FROM requests');
    await expect(dropOldLog(pool, MONDAY - 1000 * WEEK, 0)).rejects.toThrow('lock timeout');
    await reader.query('COMMIT');
    reader.release();
    expect(await dropOldLog(pool, MONDAY - 1000 * WEEK, 0)).toHaveLength(10);
  });
});

/** The statement that settles a request of so long ago. */
function settleOne({ projectId, keyId }: Caller, at: number): { text: string; values: unknown[] } {
  const row = {
    project_id: projectId,
    id: newId('request', at),
    created_at: new Date(at),
    key_id: keyId,
    gateway_id: 'g',
    endpoint: 'responses',
    status: 200,
    streamed: false,
    half_price: false,
    hedged: false,
    input_tokens: 1,
    output_tokens: 1,
    cost: 0,
    total_ms: 1,
    held: false,
    latency_histogram: '1e0',
  };
  const values = [JSON.stringify([row]), new Date()];
  return { text: 'SELECT settle_requests($1::json, $2, false)', values };
}

/** Midnight, UTC, so many days ago. */
const midnight = (daysAgo: number) => Math.floor(Date.now() / DAY) * DAY - daysAgo * DAY;

async function counted(pool: Pool, projectId: string, from: number, to: number): Promise<number> {
  const { rows } = await pool.query(
    `SELECT coalesce(sum(u.requests), 0)::int AS n FROM usage_segments($2, $3) s
     JOIN usage_rollups u ON u.project_id = $1 AND u.resolution = s.resolution
       AND u.bucket >= s.lower AND u.bucket < s.upper`,
    [projectId, new Date(from), new Date(to)],
  );
  return rows[0].n;
}

onEveryPostgres('rollups of days', (database) => {
  it('are made of days that are over, once, and of a request that comes later', async () => {
    const pool = await database();
    const { log } = await setUp(pool);
    expect(await rollUpDays(pool)).toBe(0);
    await Promise.all([5, 4, 2].flatMap((days) => [log(midnight(days)), log(midnight(days) + DAY - 1)]));
    await log(Date.now());
    const rolled = await Promise.all([rollUpDays(pool), rollUpDays(pool)]);
    const closed = Date.now() - midnight(0) >= 2 * HOUR ? 5 : 4;
    expect(rolled[0]! + rolled[1]!).toBe(closed);
    await Promise.all([5, 4, 3, 0].map((days) => log(midnight(days) + HOUR)));
    const { rows } = await pool.query(
      "SELECT bucket, requests::int, gateway_id FROM usage_rollups WHERE resolution = 'day' ORDER BY bucket",
    );
    expect(rows).toEqual([
      { bucket: new Date(midnight(5)), requests: 3, gateway_id: '' },
      { bucket: new Date(midnight(4)), requests: 3, gateway_id: '' },
      { bucket: new Date(midnight(3)), requests: 1, gateway_id: '' },
      { bucket: new Date(midnight(2)), requests: 2, gateway_id: '' },
    ]);
    expect(await checkRollups(pool)).toEqual([]);
  });

  it('count with hours and minutes to exactly the requests of any minutes', async () => {
    const pool = await database();
    const { caller, log } = await setUp(pool);
    const start = midnight(4);
    const MINUTES = 3 * 24 * 60;
    const at = fc.integer({ min: 0, max: MINUTES * 60_000 - 1 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(at, { minLength: 1, maxLength: 25 }),
        fc.boolean(),
        fc.array(fc.tuple(fc.nat(MINUTES), fc.nat(MINUTES)), { minLength: 8, maxLength: 8 }),
        async (offsets, roll, ranges) => {
          await Promise.all(offsets.map((offset) => log(start + offset)));
          if (roll) await rollUpDays(pool);
          for (const range of ranges) {
            const [from, to] = range.sort((a, b) => a - b).map((minute) => start + minute * 60_000);
            const { rows } = await pool.query(
              'SELECT count(*)::int AS n FROM requests WHERE created_at >= $1 AND created_at < $2',
              [new Date(from!), new Date(to!)],
            );
            expect(await counted(pool, caller.projectId, from!, to!)).toBe(rows[0].n);
          }
        },
      ),
      { numRuns: 15 },
    );
    expect(await checkRollups(pool)).toEqual([]);
  });

  it('loses nothing that settles while a day is made', async () => {
    const pool = await database();
    const { log } = await setUp(pool);
    await log(midnight(40));
    const settling = Array.from({ length: 60 }, (_, n) => log(midnight(39 - (n % 30)) + n * 60_000));
    await Promise.all([...settling, rollUpDays(pool), rollUpDays(pool)]);
    expect(await checkRollups(pool)).toEqual([]);
  });

  it('waits for a late request that is settling, and such a one waits for it', async () => {
    const pool = await database();
    const { caller, log } = await setUp(pool);
    await log(midnight(10));
    const waits = async () => {
      const { rows } = await pool.query(
        `SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      );
      return rows[0].n === 1;
    };
    const late = () => log(midnight(9) + HOUR);
    for (const [first, second] of [
      [settleOne(caller, midnight(9)), () => rollUpDays(pool)],
      ['SELECT roll_up_days(2)', late],
    ] as const) {
      await pool.query('DELETE FROM usage_rolled; DELETE FROM usage_days');
      const client = await pool.connect();
      await client.query('BEGIN');
      await client.query(first);
      const after = second();
      await vi.waitFor(async () => expect(await waits()).toBe(true));
      await client.query('COMMIT');
      client.release();
      await after;
      expect(await checkRollups(pool)).toEqual([]);
    }
  });

  describe('checkRollups', () => {
    it('tells what is missing, too much or different', async () => {
      const pool = await database();
      const { log } = await setUp(pool);
      await log(Date.now(), { requestedModel: 'made-up', servedModel: null, status: 404 });
      await log(Date.now());
      expect(await checkRollups(pool)).toEqual([]);
      await pool.query("UPDATE usage_rollups SET cost = cost + 1 WHERE resolution = 'hour' AND status = 404");
      expect(await checkRollups(pool)).toEqual([expect.stringContaining('hour')]);
      await pool.query("DELETE FROM usage_rollups WHERE resolution = 'hour' AND status = 404");
      expect(await checkRollups(pool)).toHaveLength(1);
      await pool.query('DELETE FROM requests WHERE status = 200');
      expect(await checkRollups(pool)).toHaveLength(3);
    });
  });
});
