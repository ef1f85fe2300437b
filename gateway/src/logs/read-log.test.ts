import { newId } from '@zerogpu/protocol';
import fc from 'fast-check';
import type { Pool, PoolClient } from 'pg';
import { describe, expect, it } from 'vitest';
import type { Caller, Settlement } from '../flow.ts';
import { Secrets } from '../store/secrets.ts';
import { inTenant } from '../store/tenant-fence.ts';
import { randomSettlement, settleAll } from '../testing/logged.ts';
import { onEveryPostgres } from '../testing/postgres.ts';
import { makeSettlement, makeTenant } from '../testing/tenant.ts';
import { type ExportOptions, exportLines } from './export.ts';
import { statusesOf } from './log-filter.ts';
import { type PageQuery, questionOf } from './log-question.ts';
import type { Shown } from './logged-request.ts';
import { readDetail, readPage } from './read-log.ts';

const secrets = new Secrets('a secret of the tests, long enough');
const DAY = 86_400_000;
const NOW = Date.UTC(2026, 10, 21, 17, 5, 30);
const START = NOW - 20 * DAY;
const iso = (at: number) => new Date(at).toISOString();

/** Mulberry32, as in the benches. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

async function setUp(pool: Pool, count: number) {
  const { caller } = await makeTenant(pool, secrets);
  const { caller: stranger } = await makeTenant(pool, secrets);
  const random = seeded(count);
  const own = Array.from({ length: count }, () => randomSettlement(caller, START, NOW, random));
  const foreign = Array.from({ length: 20 }, () => randomSettlement(stranger, START, NOW, random));
  await settleAll(pool, secrets, [...own, ...foreign]);
  return { caller, stranger, own };
}

const asTenant = <T>(
  pool: Pool,
  { organizationId, projectId }: Caller,
  work: (db: PoolClient) => Promise<T>,
) => inTenant(pool, { organizationId, projectId }, work);

/** All pages, one after the other. */
async function pages(pool: Pool, caller: Caller, query: PageQuery): Promise<string[]> {
  const ids: string[] = [];
  let after: string | null = null;
  for (let page = 0; page < 500; page++) {
    const asked: PageQuery = after === null ? query : { ...query, after };
    const found = await asTenant(pool, caller, (db) => readPage(db, caller.projectId, asked, NOW));
    expect(found.data.length).toBeLessThanOrEqual(Number(query.limit ?? 50));
    ids.push(...found.data.map((row: Shown) => row.id));
    after = found.next;
    if (after === null) return ids;
  }
  throw new Error('Paging does not end');
}

/** What the pages should hold, from the settlements themselves. */
function expected(own: readonly Settlement[], query: PageQuery): string[] {
  const { status, model, key_id, endpoint, route, latency_min, latency_max, id, from, to } = query;
  const kept = own.filter(
    (s) =>
      (status === undefined || statusesOf(status).includes(s.status)) &&
      (model === undefined || (s.servedModel ?? s.requestedModel) === model) &&
      (key_id === undefined || s.caller.keyId === key_id) &&
      (endpoint === undefined || s.endpoint === endpoint) &&
      (route === undefined || s.routeClass === route) &&
      (latency_min === undefined || s.totalMs >= Number(latency_min)) &&
      (latency_max === undefined || s.totalMs <= Number(latency_max)) &&
      (id === undefined || s.requestId.includes(id)) &&
      s.startedAt >= Date.parse(from ?? iso(START)) &&
      s.startedAt < (to === undefined ? NOW + 1 : Date.parse(to)),
  );
  const byId = (a: Settlement, b: Settlement) => (a.requestId < b.requestId ? -1 : 1);
  const by =
    query.sort === 'latency' ? (a: Settlement, b: Settlement) => a.totalMs - b.totalMs || byId(a, b) : byId;
  const sorted = kept.sort(by).map((s) => s.requestId);
  return query.order === 'asc' ? sorted : sorted.reverse();
}

const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 2 });
const time = fc.integer({ min: START, max: NOW });

onEveryPostgres('the log', (database) => {
  it('pages through exactly what the filters let through, in every order', async () => {
    const pool = await database();
    const { caller, own } = await setUp(pool, 300);
    const question = fc.record({
      status: maybe(fc.constantFrom('200', '429', '404', '4xx', '5xx', '3xx')),
      model: maybe(fc.constantFrom('zlm-v1-summary-cloud', 'made-up=model', 'nobody-asked')),
      key_id: maybe(fc.constant(caller.keyId)),
      endpoint: maybe(fc.constantFrom('responses', 'chat/completions')),
      route: maybe(fc.constantFrom('edge', 'own', 'upstream')),
      latency_min: maybe(fc.constantFrom('3', '100', '2000')),
      latency_max: maybe(fc.constantFrom('2500', '4000')),
      sort: maybe(fc.constantFrom('time', 'latency')),
      order: maybe(fc.constantFrom('asc', 'desc')),
      limit: fc.constantFrom('1', '7', '50', '999'),
      range: maybe(fc.tuple(time, time)),
    });
    await fc.assert(
      fc.asyncProperty(question, async ({ range, ...asked }) => {
        const [a, b] = range ?? [START, NOW + 1];
        fc.pre(a !== b);
        const given = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));
        const query: PageQuery = { ...given, from: iso(Math.min(a, b)), to: iso(Math.max(a, b)) };
        expect(await pages(pool, caller, query)).toEqual(expected(own, query));
      }),
      { numRuns: 60 },
    );
  });

  it('holds nothing behind the last half minute that a row can have, and still answers', async () => {
    const pool = await database();
    const { caller, own } = await setUp(pool, 5);
    const far = '9999-12-31T23:59:59Z';
    expect(await pages(pool, caller, { to: far, from: iso(START) })).toHaveLength(own.length);
    expect(await pages(pool, caller, { from: '9000-01-01T00:00:00Z', to: far })).toEqual([]);
    expect(await pages(pool, caller, { id: `req_${'z'.repeat(26)}` })).toEqual([]);
  });

  it('finds a whole id, its beginning, and a text from within it', async () => {
    const pool = await database();
    const { caller, own } = await setUp(pool, 60);
    for (const { requestId } of own.slice(0, 5)) {
      for (const id of [requestId, requestId.slice(0, 14), requestId.slice(20, 27)]) {
        const query = { id, from: iso(START), limit: '1' };
        expect(await pages(pool, caller, query)).toEqual(expected(own, query));
      }
    }
    const query = { id: own[0]?.requestId.slice(24) ?? '', status: '404' };
    expect(await pages(pool, caller, query)).toEqual([]);
  });

  it('does not shift pages when requests come meanwhile, and refuses a cursor of other filters', async () => {
    const pool = await database();
    const { caller, own } = await setUp(pool, 20);
    const query = { limit: '5', sort: 'latency' } as const;
    const first = await asTenant(pool, caller, (db) => readPage(db, caller.projectId, query, NOW));
    const late = makeSettlement(caller, { startedAt: NOW + 1_000, held: false, cost: 0n, totalMs: 500 });
    await settleAll(pool, secrets, [late]);
    const after = first.next ?? '';
    const rest = await asTenant(pool, caller, (db) =>
      readPage(db, caller.projectId, { ...query, limit: '999', after }, NOW + 5_000),
    );
    const all = [...first.data, ...rest.data].map((row) => row.id);
    expect(all).toEqual(expected(own, { sort: 'latency' }));
    expect(() => questionOf({ ...query, status: '200', after }, NOW)).toThrow('same filters');
    expect(() => questionOf({ ...query, after: 'nonsense' }, NOW)).toThrow('page before');
  });

  it('shows nothing of another project, even to a statement without its predicate', async () => {
    const pool = await database();
    const { caller, stranger, own } = await setUp(pool, 5);
    const query = { from: iso(START) };
    const theirs = await asTenant(pool, stranger, (db) => readPage(db, caller.projectId, query, NOW));
    expect(theirs.data).toEqual([]);
    const counted = await asTenant(pool, caller, (db) => db.query('SELECT count(*)::int AS n FROM requests'));
    expect(counted.rows).toEqual([{ n: own.length }]);
    const { requestId = '' } = own[0] ?? {};
    const detail = (who: Caller) =>
      asTenant(pool, who, (db) => readDetail(db, who.organizationId, caller.projectId, requestId));
    expect((await detail(caller))?.id).toBe(requestId);
    expect(await detail(stranger)).toBeNull();
  });

  it('names a node only to the organization that owns it', async () => {
    const pool = await database();
    const { caller, stranger } = await setUp(pool, 0);
    const node = (id: string, organizationId: string | null) =>
      pool.query(
        "INSERT INTO nodes (id, public_key, organization_id, pool, name, agent) VALUES ($1, sha256($1::text::bytea), $2, $3, 'desk', 'test')",
        [id, organizationId, organizationId === null ? 'operator' : 'organization'],
      );
    await node('node_own', caller.organizationId);
    await node('node_foreign', stranger.organizationId);
    await node('node_pool', null);
    for (const [target, name] of [
      ['node_own', 'desk'],
      ['node_foreign', null],
      ['node_pool', null],
    ] as const) {
      const settlement = makeSettlement(caller, { held: false, cost: 0n, startedAt: NOW });
      const { route } = settlement;
      await settleAll(pool, secrets, [{ ...settlement, route: route && { ...route, target } }]);
      const row = await asTenant(pool, caller, (db) =>
        readDetail(db, caller.organizationId, caller.projectId, settlement.requestId),
      );
      expect([row?.node_id, row?.node_name]).toEqual(name === null ? [null, null] : [target, name]);
    }
  });

  describe('exports', () => {
    const exported = async (pool: Pool, caller: Caller, changes: Partial<ExportOptions>) => {
      const lines: string[] = [];
      const options: ExportOptions = {
        projectId: caller.projectId,
        question: questionOf({ from: iso(START) }, NOW),
        format: 'jsonl',
        rows: 100_000,
        hangup: new AbortController().signal,
        read: (work) => asTenant(pool, caller, work),
        stillAdmitted: async () => true,
        ...changes,
      };
      for await (const text of exportLines(options)) lines.push(text);
      return lines;
    };

    it('hold every row once, in batches, as many as asked for', async () => {
      const pool = await database();
      const { caller, own } = await setUp(pool, 2_100);
      const ids = (pieces: readonly string[]) =>
        pieces
          .join('')
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line).id);
      const pieces = await exported(pool, caller, {});
      expect(pieces).toHaveLength(3);
      expect(ids(pieces)).toEqual(expected(own, {}));
      expect(ids(await exported(pool, caller, { rows: 1_500 }))).toEqual(expected(own, {}).slice(0, 1_500));
    });

    it('are CSV that a spreadsheet does not run', async () => {
      const pool = await database();
      const { caller } = await setUp(pool, 0);
      const hostile = {
        requestedModel: '=HYPERLINK("http://evil")',
        servedModel: null,
        status: 404,
      } as const;
      await settleAll(pool, secrets, [
        makeSettlement(caller, {
          ...hostile,
          requestId: newId('request', NOW),
          held: false,
          cost: 0n,
          startedAt: NOW,
        }),
      ]);
      const [header, row] = (await exported(pool, caller, { format: 'csv' })).join('').split('\r\n');
      expect(header?.startsWith('id,created_at,')).toBe(true);
      expect(row).toContain(`"'=HYPERLINK(""http://evil"")"`);
    });

    it('end with the session', async () => {
      const pool = await database();
      const { caller } = await setUp(pool, 60);
      const question = { ...questionOf({ from: iso(START), id: 'zzzz' }, NOW) };
      await expect(
        exported(pool, caller, {
          question: { ...question, filter: { ...question.filter, idPart: null } },
          stillAdmitted: async () => false,
          batch: 2,
        }),
      ).rejects.toThrow('session');
    });
  });
});
