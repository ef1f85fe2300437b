import fc from 'fast-check';
import type { Pool, PoolClient } from 'pg';
import { expect, it } from 'vitest';
import type { Caller, Settlement } from '../flow.ts';
import { LATENCY_BOUNDS_MS, latencyBucket } from '../store/latency-histogram.ts';
import { Secrets } from '../store/secrets.ts';
import { inTenant } from '../store/tenant-fence.ts';
import { randomSettlement, settleAll } from '../testing/logged.ts';
import { onEveryPostgres } from '../testing/postgres.ts';
import { makeTenant } from '../testing/tenant.ts';
import type { FiguresShown } from './figures.ts';
import { type AnalyticsQuery, readFacets, readSeries, readTotals, readUsage } from './read-rollups.ts';

const secrets = new Secrets('a secret of the tests, long enough');
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
/** Days are made of what is two hours over by the database's clock: so the log lies before today. */
const NOW = Math.floor(Date.now() / DAY) * DAY - DAY;
const START = NOW - 5 * DAY;
const iso = (at: number) => new Date(at).toISOString();

async function setUp(pool: Pool, count: number, rollUpFirst: boolean) {
  const { caller } = await makeTenant(pool, secrets);
  const { caller: stranger } = await makeTenant(pool, secrets);
  const one = (of: Caller) => () => randomSettlement(of, START, NOW, Math.random);
  const own = Array.from({ length: count }, one(caller));
  const foreign = Array.from({ length: 30 }, one(stranger));
  const half = Math.floor(count / 2);
  await settleAll(pool, secrets, [...own.slice(0, half), ...foreign], 'gateway-1');
  // What settles when its day is made already has to be counted there too.
  if (rollUpFirst) await pool.query('SELECT roll_up_days(3)');
  await settleAll(pool, secrets, own.slice(half), 'gateway-2');
  await pool.query('SELECT roll_up_days(4)');
  return { caller, stranger, own };
}

const asTenant = <T>(
  pool: Pool,
  { organizationId, projectId }: Caller,
  work: (db: PoolClient) => Promise<T>,
) => inTenant(pool, { organizationId, projectId }, work);

/** The same figures, from the requests themselves. */
function counted(rows: readonly Settlement[]): FiguresShown {
  const sum = (of: (s: Settlement) => number) => rows.reduce((total, row) => total + of(row), 0);
  const errors = rows.filter((row) => row.status >= 400).length;
  const sorted = rows.map((row) => row.totalMs).sort((a, b) => a - b);
  const percentile = (share: number) => {
    const at = sorted[Math.max(1, Math.ceil(sorted.length * share)) - 1];
    return at === undefined
      ? null
      : (LATENCY_BOUNDS_MS[latencyBucket(at)] ?? LATENCY_BOUNDS_MS.at(-1) ?? null);
  };
  return {
    requests: rows.length,
    errors,
    error_rate: rows.length === 0 ? null : errors / rows.length,
    input_tokens: sum((row) => row.inputTokens),
    output_tokens: sum((row) => row.outputTokens),
    cost: '0.00',
    latency: {
      average_ms: rows.length === 0 ? null : sum((row) => row.totalMs) / rows.length,
      p50_ms: percentile(0.5),
      p95_ms: percentile(0.95),
      p99_ms: percentile(0.99),
    },
  };
}

/** As the rollups name it: what is in no catalogue is nobody. */
const modelOf = ({ servedModel, requestedModel }: Settlement) =>
  servedModel ?? (requestedModel?.startsWith('zlm-') ? requestedModel : null);

function matches(s: Settlement, { status, model, route, endpoint }: AnalyticsQuery): boolean {
  const statusFits =
    status === undefined ||
    (status.endsWith('xx') ? Math.floor(s.status / 100) === Number(status[0]) : s.status === Number(status));
  return (
    statusFits &&
    (model === undefined || modelOf(s) === model) &&
    (route === undefined || s.routeClass === route) &&
    (endpoint === undefined || s.endpoint === endpoint)
  );
}

const value: Readonly<Record<string, (s: Settlement) => unknown>> = {
  model: modelOf,
  key: (s) => s.caller.keyId,
  status: (s) => s.status,
  route: (s) => s.routeClass,
  endpoint: (s) => s.endpoint,
};

/** One text for a group, whichever side it is from. */
const nameOf = (group: object) =>
  JSON.stringify(
    Object.entries(group).map(([name, of]) => [name, typeof of === 'object' && of !== null ? of.id : of]),
  );
const groupNameOf = (s: Settlement, by: readonly string[]) =>
  JSON.stringify(by.map((name) => [name, value[name]?.(s)]));

const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined, freq: 2 });
const minute = fc.integer({ min: START / MINUTE - 10, max: NOW / MINUTE + 10 });
const filters = {
  status: maybe(fc.constantFrom('200', '4xx', '503', '404')),
  model: maybe(fc.constantFrom('zlm-v1-summary-cloud', 'made-up=model')),
  route: maybe(fc.constantFrom('edge', 'upstream')),
  endpoint: maybe(fc.constantFrom('responses')),
};
const groups = maybe(
  fc.constantFrom('model', 'key', 'status', 'route', 'endpoint', 'model,status', 'key,route'),
);
const question = fc.record({ ends: fc.tuple(minute, minute), group_by: groups, ...filters });

interface Asked {
  readonly ends: readonly [number, number];
}

function queryOf<T extends Asked>({ ends, ...rest }: T): AnalyticsQuery & { from: string; to: string } {
  const [a, b] = [Math.min(...ends), Math.max(...ends)];
  const given = Object.fromEntries(Object.entries(rest).filter(([, of]) => of !== undefined));
  return { ...given, from: iso(a * MINUTE), to: iso(b * MINUTE) };
}

const within = (own: readonly Settlement[], query: AnalyticsQuery & { from: string; to: string }) =>
  own.filter(
    (s) => matches(s, query) && s.startedAt >= Date.parse(query.from) && s.startedAt < Date.parse(query.to),
  );

onEveryPostgres('analytics', (database) => {
  it('totals are the log’s, to the row, for any range, filter and grouping', async () => {
    const pool = await database();
    const { caller, own } = await setUp(pool, 400, true);
    await fc.assert(
      fc.asyncProperty(question, async (asked) => {
        fc.pre(asked.ends[0] !== asked.ends[1]);
        const query = queryOf(asked);
        const { totals, groups: found } = await asTenant(pool, caller, (db) =>
          readTotals(db, caller.projectId, query, NOW),
        );
        const rows = within(own, query);
        expect(totals).toEqual(counted(rows));
        const by = query.group_by?.split(',') ?? [];
        const expected = by.length === 0 ? new Map() : Map.groupBy(rows, (s) => groupNameOf(s, by));
        expect(Object.fromEntries(found.map(({ group, figures }) => [nameOf(group), figures]))).toEqual(
          Object.fromEntries([...expected].map(([name, of]) => [name, counted(of)])),
        );
      }),
      { numRuns: 60 },
    );
  });

  it('the points of a series are the log’s, to the row', async () => {
    const pool = await database();
    const { caller, own } = await setUp(pool, 400, false);
    const sizes = { hour: 60 * MINUTE, day: DAY } as const;
    await fc.assert(
      fc.asyncProperty(question, fc.constantFrom('hour', 'day'), async (asked, bucket) => {
        fc.pre(asked.ends[0] !== asked.ends[1]);
        const query = { ...queryOf(asked), bucket } as const;
        const { series, more_groups } = await asTenant(pool, caller, (db) =>
          readSeries(db, caller.projectId, query, NOW),
        );
        const rows = within(own, query);
        const by = query.group_by?.split(',') ?? [];
        const at = (s: Settlement) => iso(Math.floor(s.startedAt / sizes[bucket]) * sizes[bucket]);
        const expected = Map.groupBy(rows, (s) => `${groupNameOf(s, by)} ${at(s)}`);
        const found = series.flatMap(({ group, points }) =>
          points.map((point) => [`${nameOf(group)} ${point.at}`, point.figures] as const),
        );
        for (const [name, figures] of found) expect(figures).toEqual(counted(expected.get(name) ?? []));
        if (!more_groups) expect(found.map(([name]) => name).sort()).toEqual([...expected.keys()].sort());
      }),
      { numRuns: 40 },
    );
  });

  it('facets count every value', async () => {
    const pool = await database();
    const { caller, own } = await setUp(pool, 200, false);
    const query = { from: iso(START), to: iso(NOW) };
    const facets = await asTenant(pool, caller, (db) => readFacets(db, caller.projectId, query, NOW));
    const count = (of: (s: Settlement) => unknown) =>
      new Map([...Map.groupBy(own, of)].map(([name, rows]) => [name, rows.length]));
    const shown = (found: readonly { value: unknown; requests: number }[]) =>
      new Map(found.map((facet) => [facet.value, facet.requests]));
    expect(shown(facets.models)).toEqual(count(modelOf));
    expect(shown(facets.statuses)).toEqual(count((s) => s.status));
    expect(shown(facets.routes)).toEqual(count((s) => s.routeClass));
    expect(shown(facets.endpoints)).toEqual(count((s) => s.endpoint));
    expect(facets.keys).toEqual([
      { value: { id: caller.keyId, name: 'test', masked: expect.any(String) }, requests: own.length },
    ]);
  });

  it('an organization sees its projects together, and nobody else’s', async () => {
    const pool = await database();
    const { caller, stranger, own } = await setUp(pool, 100, true);
    const query = { from: iso(START), to: iso(NOW) };
    const usage = (organizationId: string) =>
      inTenant(pool, { organizationId, projectId: null }, (db) => readUsage(db, organizationId, query, NOW));
    const { data, totals } = await usage(caller.organizationId);
    expect(data).toEqual([{ project: { id: caller.projectId, name: 'test' }, figures: counted(own) }]);
    expect(totals).toEqual(counted(own));
    expect((await usage(stranger.organizationId)).totals.requests).toBe(30);
    // Without any predicate: the second fence.
    const all = 'SELECT sum(requests)::int AS n FROM usage_rollups WHERE resolution = $1';
    const seen = (scope: { organizationId: string; projectId: string | null }) =>
      inTenant(pool, scope, async (db) => (await db.query(all, ['hour'])).rows[0]?.n);
    expect(await seen({ organizationId: caller.organizationId, projectId: null })).toBe(own.length);
    expect(await seen(caller)).toBe(own.length);
    expect(await seen({ ...caller, projectId: stranger.projectId })).toBe(30);
  });
});
