/**
 * How long the dashboard's reads of logs and analytics take, and how much room a request takes:
 * `npm run bench:logs [-- --rows 10000000 --only server|embedded --runs 30 --seed 1]`. Ten million rows on the server at
 * ZEROGPU_TEST_DATABASE_URL, in a database of its own that is dropped at the end; a million on the embedded one. Writes
 * bench/results/log-queries.md, and what it is made of beside it.
 */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { openStore, type Store, silentLog } from '@zerogpu/gateway';
import pg from 'pg';
import { fill, type RollupSize, rollupSizes, type Sizes } from './log-queries/fill.ts';
import { queries } from './log-queries/queries.ts';
import { circumstances, circumstancesLine } from './support/machine.ts';
import { seededRandom } from './support/random.ts';
import { percentile } from './support/statistics.ts';
import { figure, markdownTable } from './support/table.ts';

const { values: options } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    runs: { type: 'string', default: '30' },
    rows: { type: 'string' },
    only: { type: 'string' },
    match: { type: 'string', default: '' },
    write: { type: 'boolean', default: true },
  },
  allowNegative: true,
});
const RESULTS = path.join(import.meta.dirname, '../results');
const seed = Number(options.seed);
const DAY_MS = 86_400_000;

type Kind = 'server' | 'embedded';
const ROWS: Readonly<Record<Kind, number>> = { server: 10_000_000, embedded: 1_000_000 };
const GOAL_MS: Readonly<Record<Kind, number>> = { server: 200, embedded: 100 };
const TITLES: Readonly<Record<Kind, string>> = {
  server: 'PostgreSQL server',
  embedded: 'Embedded PostgreSQL',
};

interface Measured {
  readonly circumstances: string;
  readonly version: string;
  readonly settings: string;
  readonly fillSeconds: number;
  readonly rows: number;
  readonly runs: number;
  /** What the last days added, with all indexes in place. */
  readonly grown: Sizes;
  readonly rollups: readonly RollupSize[];
  readonly times: readonly (readonly [name: string, p50: number, p95: number, max: number])[];
}

async function measure(store: Store, rows: number): Promise<Measured> {
  const { pool } = store;
  const now = Math.floor(Date.now() / DAY_MS) * DAY_MS;
  const began = performance.now();
  const filled = await fill(pool, rows, now, 1 / (1 + seed));
  const fillSeconds = (performance.now() - began) / 1_000;
  console.log(`${rows} rows in ${fillSeconds.toFixed(0)} s`);
  const rollups = await rollupSizes(pool);
  console.log(JSON.stringify({ grown: filled.grown, rollups }));
  const random = seededRandom(seed);
  const times: Measured['times'][number][] = [];
  for (const query of queries(pool, filled).filter(({ name }) => name.includes(options.match))) {
    const taken: number[] = [];
    let failures = 0;
    for (let run = 0; run < Number(options.runs); run++) {
      const start = performance.now();
      await query.run(random).catch((error: unknown) => {
        failures++;
        if (failures === 1) console.log(`${query.name}: ${String(error)}`);
      });
      taken.push(performance.now() - start);
      if (failures > 2) break;
    }
    const time = [query.name, percentile(taken, 0.5), percentile(taken, 0.95), Math.max(...taken)] as const;
    times.push(time);
    console.log(
      `${time
        .slice(1)
        .map((ms) => figure(Number(ms)).padStart(8))
        .join('')}  ${query.name}`,
    );
  }
  const version = await pool.query<{ v: string }>("SELECT current_setting('server_version') AS v");
  const settings = await pool.query<{ s: string }>(
    "SELECT string_agg(name || ' ' || current_setting(name), ', ' ORDER BY name) AS s FROM pg_settings WHERE name IN ('shared_buffers', 'fsync', 'effective_cache_size')",
  );
  return {
    circumstances: circumstancesLine(circumstances(seed)),
    version: version.rows[0]?.v ?? '',
    settings: `${settings.rows[0]?.s ?? ''}; load average of the machine ${figure(loadavg()[1] ?? 0)}`,
    fillSeconds,
    rows,
    runs: Number(options.runs),
    grown: filled.grown,
    rollups,
    times,
  };
}

/** In a database of its own, which goes again. */
async function onServer(rows: number): Promise<Measured> {
  const url = process.env['ZEROGPU_TEST_DATABASE_URL'];
  if (url === undefined)
    throw new Error('Set ZEROGPU_TEST_DATABASE_URL to a server on which this may make a database');
  const name = `zerogpu_bench_logs_${process.pid}`;
  await command(url, `CREATE DATABASE ${name}`);
  try {
    const databaseUrl = new URL(url);
    databaseUrl.pathname = `/${name}`;
    const store = await openStore({ databaseUrl: databaseUrl.href, dataDir: tmpdir(), log: silentLog });
    try {
      return await measure(store, rows);
    } finally {
      await store.close();
    }
  } finally {
    await command(url, `DROP DATABASE ${name} WITH (FORCE)`);
  }
}

async function command(connectionString: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

async function onEmbedded(rows: number): Promise<Measured> {
  const dataDir = mkdtempSync(path.join(tmpdir(), 'zerogpu-bench-'));
  // As root the database runs as another user, who has to pass through.
  chmodSync(dataDir, 0o711);
  const store = await openStore({ dataDir, log: silentLog });
  try {
    return await measure(store, rows);
  } finally {
    await store.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/** What was measured last of each kind, so that one may be measured again by itself. */
function kept(): Partial<Record<Kind, Measured>> {
  const file = path.join(RESULTS, 'log-queries.json');
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
}

function section(kind: Kind, m: Measured): string {
  const { grown, times } = m;
  const late = times.filter(([, , p95]) => p95 >= GOAL_MS[kind]);
  const perRequest = (bytes: number) => bytes / grown.requests;
  const indexes = Object.entries(grown.indexes).map(([name, bytes]) => [name, perRequest(bytes)] as const);
  const inIndexes = indexes.reduce((sum, [, bytes]) => sum + bytes, 0);
  const inTable = perRequest(grown.table);
  const slowest = Math.max(...times.map(([, , p95]) => p95));
  const goal = `${GOAL_MS[kind]} ms`;
  return [
    `## ${TITLES[kind]}, ${m.rows.toLocaleString('en-US')} requests`,
    `${m.circumstances} PostgreSQL ${m.version}; ${m.settings}. Filled in ${figure(m.fillSeconds)} s.`,
    `${times.length} reads, ${m.runs} times each with random parameters. Goal: 95 of 100 below ${goal}. ${
      late.length === 0
        ? `All reach it; the slowest has ${figure(slowest)} ms.`
        : `${late.length} do not: ${late.map(([name, , p95]) => `${name} (${figure(p95)} ms)`).join('; ')}.`
    }`,
    `A request of the last days, which came with all indexes in place, takes ${figure(inTable + inIndexes)} bytes: ${figure(inTable)} in the table, ${figure(inIndexes)} in indexes. Goal: 600.`,
    markdownTable(
      ['index', 'bytes a request'],
      indexes.map(([name, bytes]) => [name, figure(bytes)]),
    ),
    markdownTable(
      ['rollups', 'rows', 'MB'],
      m.rollups.map(({ name, rows, bytes }) => [name, rows.toLocaleString('en-US'), figure(bytes / 1e6)]),
    ),
    markdownTable(
      ['read', 'p50, ms', 'p95, ms', 'max, ms'],
      times.map(([name, ...ms]) => [name, ...ms.map(figure)]),
    ),
  ].join('\n\n');
}

const INTRODUCTION = `# Reads of logs and analytics

Thirty days of requests of two projects (one has nine tenths), 20 keys, 12 models, 6 statuses, 3 routes, more at noon than
at midnight, latencies log-normal and other for each model; rollups made from the rows. Each read is timed with its
transaction behind the tenant fence, as a handler calls it, on the large project. Made by \`npm run bench:logs\`.`;

const found = kept();
for (const kind of ['server', 'embedded'] as const) {
  if (options.only !== undefined && options.only !== kind) continue;
  const rows = Number(options.rows ?? ROWS[kind]);
  found[kind] = await (kind === 'server' ? onServer(rows) : onEmbedded(rows));
}
if (options.write) {
  writeFileSync(path.join(RESULTS, 'log-queries.json'), `${JSON.stringify(found, null, 2)}\n`);
  const sections = (['server', 'embedded'] as const).flatMap((kind) => {
    const measured = found[kind];
    return measured ? [section(kind, measured)] : [];
  });
  writeFileSync(path.join(RESULTS, 'log-queries.md'), `${[INTRODUCTION, ...sections].join('\n\n')}\n`);
}
