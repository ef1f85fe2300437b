/** A log of plausible requests, made by the database itself: so ten million rows take minutes. */
import type { Store } from '@zerogpu/gateway';
import type { PoolClient } from 'pg';

type Pool = Store['pool'];

export interface Filled {
  readonly organizationId: string;
  /** Nine of ten requests are of the first. */
  readonly projects: readonly [string, string];
  /** Milliseconds since 1970: the end of the thirty days. */
  readonly now: number;
  readonly grown: Sizes;
}

export const DAYS = 30;
const DAY_MS = 86_400_000;
const id = (kind: string, n: number) => `${kind}-0000-4000-8000-${String(n).padStart(12, '0')}`;
const ORGANIZATION = id('00000000', 1);
const PROJECTS = [id('11111111', 1), id('11111111', 2)] as const;
export const KEYS: readonly string[] = Array.from({ length: 20 }, (_, n) => id('22222222', n));
export const MODELS: readonly string[] = Array.from({ length: 12 }, (_, n) => `bench-model-number-${n}`);

/** The time within an id, as request_id_at has it, which takes 20 µs where this takes 1. */
const ID_TIME = [45, 40, 35, 30, 25, 20, 15, 10, 5, 0]
  .map((bits) => `substr('0123456789abcdefghjkmnpqrstvwxyz', 1 + ((ms >> ${bits}) & 31)::int, 1)`)
  .join(' || ');

/** The keys' numbers of requests fall as squares; every key has a model that it uses most; models differ in speed. */
const ROWS = `
INSERT INTO requests (
  project_id, id, created_at, settled_at, cost, key_id, input_tokens, output_tokens, queue_ms, network_ms, model_ms,
  total_ms, latency_ms, half_minute, status, attempts, streamed, fallback, hedged, half_price, gateway_id, endpoint,
  requested_model, served_model, error_code, finish_reason, route_kind, route_target, route_class)
SELECT
  ('11111111-0000-4000-8000-00000000000' || project)::uuid,
  'req_' || ${ID_TIME} || substr(md5(random()::text), 1, 16), to_timestamp(ms / 1000.0),
  to_timestamp((ms + took) / 1000.0), CASE WHEN status = 200 THEN 20 * (input + 4 * output) ELSE 0 END,
  ('22222222-0000-4000-8000-' || lpad(key::text, 12, '0'))::uuid, input, CASE WHEN status = 200 THEN output ELSE 0 END,
  0.3 + took / 50, 1.5, took * 0.8, took, took::int, floor(ms / 30000)::int, status, 1, streamed, false, false, false,
  'gateway_' || gateway, CASE WHEN model < 8 THEN 'responses' WHEN model < 11 THEN 'chat/completions' ELSE 'embeddings' END,
  'bench-model-number-' || model, CASE WHEN status = 200 THEN 'bench-model-number-' || model END,
  CASE status WHEN 200 THEN NULL WHEN 429 THEN 'rate_limit_exceeded' WHEN 400 THEN 'invalid_value'
    WHEN 503 THEN 'no_capacity' WHEN 504 THEN 'upstream_timeout' ELSE 'internal_error' END,
  CASE WHEN status = 200 THEN 'stop' END, CASE WHEN refused THEN NULL ELSE 'node' END,
  CASE WHEN refused THEN NULL ELSE 'node_01arz3ndektsv4rrffq69g5f' || lpad(key::text, 2, '0') END,
  CASE WHEN refused THEN NULL WHEN route < 0.8 THEN 'edge' WHEN route < 0.97 THEN 'own' ELSE 'cloud' END
FROM (
  SELECT *, status IN (429, 400) AS refused,
    CASE WHEN status IN (429, 400) THEN floor(random() * 3) WHEN status = 504 THEN 30000 + floor(random() * 500)
      ELSE floor(least(29000, greatest(1, (8 + 12 * model) * exp(0.8 * normal)))) END::float8 AS took
  FROM (
    SELECT floor($1 + 86400000 * hour)::bigint AS ms, CASE WHEN random() < 0.9 THEN 1 ELSE 2 END AS project, key,
      CASE WHEN random() < 0.7 THEN (key * 5) % 12 ELSE floor(12 * random() ^ 1.5)::int END AS model,
      CASE WHEN fate < 0.94 THEN 200 WHEN fate < 0.97 THEN 429 WHEN fate < 0.985 THEN 400 WHEN fate < 0.995 THEN 503
        WHEN fate < 0.9995 THEN 504 ELSE 500 END AS status,
      random() AS route, 1 + floor(2 * random())::int AS gateway, random() < 0.3 AS streamed,
      (20 + 900 * random() ^ 2)::int AS input, (5 + 300 * random() ^ 2)::int AS output,
      sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()) AS normal
    FROM (
      SELECT n, floor(20 * random() ^ 2)::int AS key, random() AS fate,
        -- Most at noon, few at midnight.
        0.5 + (random() + random() + random() - 1.5) / 3.01 AS hour
      FROM generate_series(1, $2::int) n) a) b) c
ORDER BY ms`;

const ROLLUPS = `
INSERT INTO usage_rollups (
  project_id, resolution, bucket, key_id, model, endpoint, status, route_class, gateway_id, requests, input_tokens,
  output_tokens, cost, latency_ms_sum, latency_histogram)
SELECT project_id, $1, date_trunc($1, created_at, 'UTC'), key_id, requested_model, endpoint, status,
  coalesce(route_class, ''), gateway_id, count(*), sum(input_tokens), sum(output_tokens), sum(cost),
  sum(total_ms::float8), sum(counts.one)
FROM requests JOIN counts ON counts.ms = total_ms
WHERE id >= request_id_at($2) AND id < request_id_at($3)
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9 ORDER BY 3, 1, 4, 5, 6, 7, 8, 9`;

/** Each latency in the bucket that it counts in. */
const COUNTS = `
CREATE TEMPORARY TABLE counts AS
SELECT ms::real AS ms, trunc(power(10::numeric, 12 * latency_bucket(ms))) AS one FROM generate_series(0, 35000) ms`;
const WALLET = 'SELECT ledger.open_wallet($1) AS id';

/**
 * @param now milliseconds since 1970, the beginning of a day: where the thirty days end
 * @param seed from 0 to 1
 */
export async function fill(pool: Pool, rows: number, now: number, seed: number): Promise<Filled> {
  await makeTenants(pool);
  const client = await pool.connect();
  try {
    await begin(client, seed);
    const start = now - DAYS * DAY_MS;
    await client.query('SELECT ensure_log_partitions($1, $2)', [new Date(start), new Date(now)]);
    const indexes = await client.query<Index>(INDEXES);
    for (const { name } of indexes.rows) await client.query(`DROP INDEX ${name}`);
    const days = [...Array(DAYS).keys()];
    for (const day of days.slice(0, -IN_PLACE)) await fillDay(client, start + day * DAY_MS, rows / DAYS);
    for (const { name, definition } of indexes.rows) {
      // Of a partitioned table it is told without its parts.
      await client.query(definition.replace(' ON ONLY ', ' ON '));
      console.log(`made ${name}`);
    }
    const before = await sizesNow(client);
    for (const day of days.slice(-IN_PLACE)) await fillDay(client, start + day * DAY_MS, rows / DAYS);
    const grown = difference(before, await sizesNow(client));
    await client.query('SELECT roll_up_days(40)');
    await client.query('VACUUM (ANALYZE) requests');
    await client.query('VACUUM (ANALYZE) usage_rollups');
    return { organizationId: ORGANIZATION, projects: PROJECTS, now, grown };
  } finally {
    client.release(true);
  }
}

async function begin(client: PoolClient, seed: number): Promise<void> {
  await client.query(
    "SET statement_timeout = 0; SET synchronous_commit = off; SET jit = off; SET work_mem = '256MB'",
  );
  await client.query(COUNTS);
  // Without an index and figures the join with it is 35,000 comparisons a row.
  await client.query('ALTER TABLE counts ADD PRIMARY KEY (ms)');
  await client.query('ANALYZE counts');
  await client.query('SELECT setseed($1)', [seed]);
}

/** Days that come with all indexes in place, as in life: what a request adds is told of these. */
const IN_PLACE = 3;

interface Index {
  readonly name: string;
  readonly definition: string;
}

const INDEXES = `
SELECT c.relname AS name, pg_get_indexdef(c.oid) AS definition FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = 'requests'::regclass AND NOT i.indisprimary`;

async function fillDay(client: PoolClient, from: number, rows: number): Promise<void> {
  await client.query(ROWS, [from, Math.round(rows)]);
  const bounds = [new Date(from), new Date(from + DAY_MS)];
  for (const resolution of ['minute', 'hour']) await client.query(ROLLUPS, [resolution, ...bounds]);
  console.log(`filled ${new Date(from).toISOString().slice(0, 10)}`);
}

async function makeTenants(pool: Pool): Promise<void> {
  const { rows } = await pool.query<{ id: string }>(WALLET, [ORGANIZATION]);
  const organization = [ORGANIZATION, 'bench', rows[0]?.id];
  await pool.query('INSERT INTO organizations (id, name, wallet_id) VALUES ($1, $2, $3)', organization);
  for (const project of PROJECTS) {
    const values = [project, ORGANIZATION, 'bench'];
    await pool.query('INSERT INTO projects (id, organization_id, name) VALUES ($1, $2, $3)', values);
  }
  for (const [n, key] of KEYS.entries()) {
    const values = [key, PROJECTS[0], `key ${n}`, Buffer.alloc(32, n), `zgpu-api-…${n}`];
    await pool.query(
      'INSERT INTO api_keys (id, project_id, name, hash, masked) VALUES ($1, $2, $3, $4, $5)',
      values,
    );
  }
}

export interface Sizes {
  readonly requests: number;
  /** Bytes. */
  readonly table: number;
  readonly indexes: Readonly<Record<string, number>>;
}

export interface RollupSize {
  readonly name: string;
  readonly rows: number;
  readonly bytes: number;
}

const INDEX_SIZES = `
SELECT parent.relname AS name, sum(pg_relation_size(h.inhrelid))::float8 AS bytes
FROM pg_index i JOIN pg_class parent ON parent.oid = i.indexrelid JOIN pg_inherits h ON h.inhparent = parent.oid
WHERE i.indrelid = 'requests'::regclass GROUP BY 1 ORDER BY 2 DESC`;
const TABLE_SIZE = `
SELECT sum(pg_relation_size(relid))::float8 AS bytes, (SELECT count(*) FROM requests)::float8 AS requests
FROM pg_partition_tree('requests') WHERE isleaf`;
const ROLLUP_SIZES = `
SELECT r.name, count(u.*)::float8 AS rows,
  (SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree(r.parent::regclass) WHERE isleaf)::float8 AS bytes
FROM (VALUES ('minute', 'usage_minutes'), ('hour', 'usage_hours'), ('day', 'usage_days')) r (name, parent)
LEFT JOIN usage_rollups u ON u.resolution = r.name GROUP BY r.name, r.parent ORDER BY 2 DESC`;

async function sizesNow(db: PoolClient): Promise<Sizes> {
  const table = await db.query<{ bytes: number; requests: number }>(TABLE_SIZE);
  const indexes = await db.query<{ name: string; bytes: number }>(INDEX_SIZES);
  return {
    requests: Number(table.rows[0]?.requests),
    table: Number(table.rows[0]?.bytes),
    indexes: Object.fromEntries(indexes.rows.map(({ name, bytes }) => [name, bytes])),
  };
}

function difference(before: Sizes, after: Sizes): Sizes {
  const indexes = Object.entries(after.indexes).map(([name, bytes]) => [
    name,
    bytes - (before.indexes[name] ?? 0),
  ]);
  return {
    requests: after.requests - before.requests,
    table: after.table - before.table,
    indexes: Object.fromEntries(indexes),
  };
}

export async function rollupSizes(pool: Pool): Promise<readonly RollupSize[]> {
  return (await pool.query<RollupSize>(ROLLUP_SIZES)).rows;
}
