/** Every read of the dashboard, with random parameters, through the functions that its handlers call. */
import {
  boundedRead,
  cursorOf,
  filterOf,
  inTenant,
  type LogPageQuery,
  questionOf,
  readDetail,
  readFacets,
  readPage,
  readSeries,
  readTotals,
  readUsage,
  type Store,
  tailStatement,
} from '@zerogpu/gateway';
import { DIMENSIONS, newId } from '@zerogpu/protocol';
import { DAYS, type Filled, KEYS, MODELS } from './fill.ts';

type Pool = Store['pool'];
type Db = Parameters<Parameters<typeof inTenant>[2]>[0];
export type Random = () => number;

export interface Query {
  readonly name: string;
  run(random: Random): Promise<unknown>;
}

const DAY_MS = 86_400_000;
const iso = (at: number) => new Date(at).toISOString();
const pick = <T>(values: readonly [T, ...T[]], random: Random): T =>
  values[Math.floor(random() * values.length)] ?? values[0];

export function queries(pool: Pool, filled: Filled): readonly Query[] {
  const { organizationId, now } = filled;
  const read = <T>(projectId: string | null, work: (db: Db) => Promise<T>) =>
    boundedRead((inner) => inTenant(pool, { organizationId, projectId }, inner), work);
  return [
    ...lists(filled, read),
    ...single(filled, read),
    ...analytics(filled, read),
    {
      name: 'usage of the organization, 30 days',
      run: () => read(null, (db) => readUsage(db, organizationId, { range: '30d' }, now)),
    },
  ];
}

type Read = <T>(projectId: string | null, work: (db: Db) => Promise<T>) => Promise<T>;

/** Common, rare and absent values of each filter; two of them together. */
const FILTERS: readonly (readonly [name: string, filter: (random: Random) => LogPageQuery])[] = [
  ['no filter', () => ({})],
  ['status 200', () => ({ status: '200' })],
  ['status 429 (3 %)', () => ({ status: '429' })],
  ['status 500 (0.05 %)', () => ({ status: '500' })],
  ['status 404 (none)', () => ({ status: '404' })],
  ['4xx', () => ({ status: '4xx' })],
  ['5xx', () => ({ status: '5xx' })],
  ['a model', (random) => ({ model: pick(MODELS as [string], random) })],
  ['an unknown model', () => ({ model: 'never-asked-for' })],
  ['a key', (random) => ({ key_id: pick(KEYS as [string], random) })],
  ['an endpoint', (random) => ({ endpoint: pick(['responses', 'chat/completions', 'embeddings'], random) })],
  ['an endpoint never called', () => ({ endpoint: 'moderations' })],
  ['route cloud (3 %)', () => ({ route: 'cloud' })],
  ['route upstream (none)', () => ({ route: 'upstream' })],
  ['a key and a model', (r) => ({ key_id: pick(KEYS as [string], r), model: pick(MODELS as [string], r) })],
  ['a key and status 503', (random) => ({ key_id: pick(KEYS as [string], random), status: '503' })],
  ['a model and 5xx', (random) => ({ model: pick(MODELS as [string], random), status: '5xx' })],
  ['a key and route cloud', (random) => ({ key_id: pick(KEYS as [string], random), route: 'cloud' })],
  ['latency over 20 s', () => ({ latency_min: '20000' })],
  ['latency of 100 to 110 ms', () => ({ latency_min: '100', latency_max: '110' })],
];

function lists({ projects, now }: Filled, read: Read): Query[] {
  const [projectId] = projects;
  const start = now - DAYS * DAY_MS;
  const page = (query: LogPageQuery) => read(projectId, (db) => readPage(db, projectId, query, now));
  const any = (random: Random) => start + random() * (now - start);
  /** Somewhere in the middle: from a page that ended anywhere. */
  const deep = (query: LogPageQuery, random: Random) => {
    const whole = { from: iso(start), to: iso(now), ...query };
    const last = { id: newId('request', any(random)), latency_ms: Math.floor(5 + 400 * random() ** 3) };
    return page({ ...whole, after: cursorOf(whole, questionOf(whole, now), last) });
  };
  const ways = FILTERS.flatMap(([name, filter]): Query[] => [
    { name: `list, newest first, ${name}`, run: (random) => page(filter(random)) },
    { name: `list, deep page, ${name}`, run: (random) => deep(filter(random), random) },
    { name: `list, slowest first, ${name}`, run: (random) => page({ ...filter(random), sort: 'latency' }) },
    {
      name: `list, quickest first, ${name}`,
      run: (random) => page({ ...filter(random), sort: 'latency', order: 'asc' }),
    },
    {
      name: `list, slowest first, one day, ${name}`,
      run: (random) => {
        const from = any(random) - DAY_MS;
        return page({ ...filter(random), sort: 'latency', from: iso(from), to: iso(from + DAY_MS) });
      },
    },
  ]);
  return [
    ...ways,
    { name: 'list, deep page by latency', run: (random) => deep({ sort: 'latency' }, random) },
    {
      name: 'list, slowest first, one hour',
      run: (random) => {
        const from = any(random);
        return page({ sort: 'latency', from: iso(from), to: iso(from + DAY_MS / 24) });
      },
    },
    {
      name: 'list, the beginning of an id',
      run: (random) => page({ id: newId('request', any(random)).slice(0, 11) }),
    },
    {
      name: 'list, a text within ids',
      run: (random) => page({ id: newId('request', any(random)).slice(20, 26) }),
    },
  ];
}

function single({ organizationId, projects, now }: Filled, read: Read): Query[] {
  const [projectId] = projects;
  const tail = (query: LogPageQuery, random: Random) => {
    const { text, values } = tailStatement(projectId, filterOf(query), now - 5_000 - 1_000 * random(), []);
    return read(projectId, (db) => db.query(text, [...values]));
  };
  return [
    {
      name: 'detail of a request',
      run: (random) =>
        read(projectId, async (db) => {
          const at = newId('request', now - random() * DAYS * DAY_MS);
          const some = 'SELECT id FROM requests WHERE project_id = $1 AND id > $2 ORDER BY id LIMIT 1';
          const { rows } = await db.query<{ id: string }>(some, [projectId, at]);
          return readDetail(db, organizationId, projectId, rows[0]?.id ?? '');
        }),
    },
    { name: 'tail, one look', run: (random) => tail({}, random) },
    { name: 'tail, one look, status 500', run: (random) => tail({ status: '500' }, random) },
  ];
}

function analytics({ projects, now }: Filled, read: Read): Query[] {
  const [projectId] = projects;
  const ranges = ['1d', '7d', '30d'] as const;
  /** Ends at any minute, as a dashboard's does. */
  const any = (random: Random) => now - Math.floor(random() * 1_440) * 60_000;
  const groups = [...DIMENSIONS, 'model,status', 'key,model'];
  const custom = (random: Random) => {
    const to = now - Math.floor(random() * 10 * 1_440) * 60_000;
    return { from: iso(to - Math.floor(1_440 * (1 + 19 * random())) * 60_000), to: iso(to) };
  };
  return [
    ...ranges.flatMap((range): Query[] => [
      {
        name: `facets, ${range}`,
        run: (r) => read(projectId, (db) => readFacets(db, projectId, { range }, any(r))),
      },
      {
        name: `totals, ${range}`,
        run: (r) => read(projectId, (db) => readTotals(db, projectId, { range }, any(r))),
      },
      {
        name: `series, ${range}`,
        run: (r) => read(projectId, (db) => readSeries(db, projectId, { range }, any(r))),
      },
      ...groups.flatMap((group_by): Query[] => [
        {
          name: `totals by ${group_by}, ${range}`,
          run: (r) => read(projectId, (db) => readTotals(db, projectId, { range, group_by }, any(r))),
        },
        {
          name: `series by ${group_by}, ${range}`,
          run: (r) => read(projectId, (db) => readSeries(db, projectId, { range, group_by }, any(r))),
        },
      ]),
    ]),
    {
      name: 'series by model in hours, 7d',
      run: (r) =>
        read(projectId, (db) =>
          readSeries(db, projectId, { range: '7d', bucket: 'hour', group_by: 'model' }, any(r)),
        ),
    },
    {
      name: 'series in minutes, 6 hours',
      run: (r) => {
        const to = any(r);
        const query = { from: iso(to - DAY_MS / 4), to: iso(to), bucket: 'minute' } as const;
        return read(projectId, (db) => readSeries(db, projectId, query, now));
      },
    },
    {
      name: 'totals of one key, 30d',
      run: (r) =>
        read(projectId, (db) =>
          readTotals(
            db,
            projectId,
            { range: '30d', key_id: pick(KEYS as [string], r), group_by: 'model' },
            any(r),
          ),
        ),
    },
    {
      name: 'totals, any range',
      run: (r) => read(projectId, (db) => readTotals(db, projectId, custom(r), now)),
    },
  ];
}
