/** A database of the version before: its log moves into partitions, and its rollups are counted anew. */
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { newId } from '@zerogpu/protocol';
import type pg from 'pg';
import { expect, it } from 'vitest';
import { checkRollups } from '../metering/check-rollups.ts';
import { endPool, onEveryPostgres } from '../testing/postgres.ts';
import { makeTenant } from '../testing/tenant.ts';
import { silentLog } from './log.ts';
import { migrate } from './migrate.ts';
import { MIGRATIONS, openPool } from './open-store.ts';
import { Secrets } from './secrets.ts';

/** The last of the gateway's migrations before the log's partitions. */
const BEFORE = 5;
const secrets = new Secrets('a secret of the tests, long enough');

/** All migrations of the ledger, and those of the gateway up to a number. */
async function migrateUpTo(pool: pg.Pool, last: number): Promise<void> {
  const [ledger, gateway] = MIGRATIONS;
  if (!ledger || !gateway) throw new Error('Expected two sets of migrations');
  const folder = await mkdtemp(join(tmpdir(), 'zerogpu-migrations-'));
  for (const name of await readdir(gateway.folder)) {
    const from = fileURLToPath(new URL(name, gateway.folder));
    if (Number(name.slice(0, 4)) <= last) await cp(from, join(folder, name));
  }
  await migrate(pool, [ledger, { ...gateway, folder: pathToFileURL(`${folder}/`) }]);
  await rm(folder, { recursive: true });
}

/** Another database on the server of this one. */
async function inAnother(pool: pg.Pool, work: (other: pg.Pool) => Promise<void>): Promise<void> {
  const name = `zerogpu_test_moving_${process.pid}`;
  await pool.query(`CREATE DATABASE ${name}`);
  const { connectionString, host, port, user, password } = pool.options;
  const url = connectionString === undefined ? null : new URL(connectionString);
  if (url !== null) url.pathname = `/${name}`;
  const where =
    url === null ? { host, port, user, password, database: name } : { connectionString: url.href };
  const other = openPool(where as pg.PoolConfig, silentLog);
  try {
    await work(other);
  } finally {
    await endPool(other);
    await pool.query(`DROP DATABASE ${name} WITH (FORCE)`);
  }
}

const INSERT = `
INSERT INTO requests (project_id, id, created_at, key_id, gateway_id, endpoint, requested_model, served_model, status,
  streamed, input_tokens, output_tokens, cost, route_kind, route_target, attempts, fallback, total_ms)
VALUES ($1, $2, $3, gen_random_uuid(), 'gateway-1', 'responses', $4, $5, $6, false, 3, 4, $7, $8, $9, 1, false, $10)`;

onEveryPostgres('the log of the version before', (database) => {
  it('moves into partitions with all its rows, and is counted anew', async () => {
    await inAnother(await database(), async (pool) => {
      await migrateUpTo(pool, BEFORE);
      const { caller } = await makeTenant(pool, secrets);
      for (const [id, organization] of [
        ['node_edge', null],
        ['node_own', caller.organizationId],
      ])
        await pool.query(
          "INSERT INTO nodes (id, public_key, organization_id, name, agent) VALUES ($1::text, sha256(convert_to($1::text, 'UTF8')), $2, 'n', 'a')",
          [id, organization],
        );
      const known = 'zlm-v1-summary-cloud';
      const rows = [
        [known, known, 200, 10n, 'node', 'node_edge', 1],
        [known, known, 200, 10n, 'node', 'node_own', 2.5],
        ['alias', known, 200, 0n, 'upstream', 'u', 1_024],
        [known, null, 503, 0n, null, null, 300_000],
        ['made-up', null, 404, 0n, null, null, 0],
      ];
      const start = Date.UTC(2026, 8, 7);
      const times = rows.map((_, i) => start + i * 6 * 24 * 60 * 60 * 1_000);
      for (const [i, row] of rows.entries()) {
        const at = times[i]!;
        await pool.query(INSERT, [caller.projectId, newId('request', at), new Date(at), ...row]);
      }
      await pool.query(
        `INSERT INTO usage_rollups SELECT $1, 'minute', now(), 'g', gen_random_uuid(), $2, 'responses', 2, 1, 1, 1, 1, 1, '{1}'`,
        [caller.projectId, known],
      );
      await migrate(pool, MIGRATIONS);

      const moved = await pool.query(
        `SELECT tableoid::regclass::text AS place, status, route_class, cost, replay_of, half_price,
           (extract(epoch FROM settled_at - created_at) * 1000)::float8 AS ms
         FROM requests ORDER BY id`,
      );
      const kept = { replay_of: null, half_price: false };
      expect(moved.rows).toEqual([
        { ...kept, place: 'requests_20260907', status: 200, route_class: 'edge', cost: 10n, ms: 1 },
        { ...kept, place: 'requests_20260907', status: 200, route_class: 'own', cost: 10n, ms: 2.5 },
        { ...kept, place: 'requests_20260914', status: 200, route_class: 'upstream', cost: 0n, ms: 1_024 },
        { ...kept, place: 'requests_20260921', status: 503, route_class: null, cost: 0n, ms: 300_000 },
        { ...kept, place: 'requests_20260928', status: 404, route_class: null, cost: 0n, ms: 0 },
      ]);
      const { rows: hours } = await pool.query(
        "SELECT bucket, model, status FROM usage_rollups WHERE resolution = 'hour' ORDER BY bucket",
      );
      expect(hours).toEqual([
        ...[0, 1, 2].map((i) => ({ bucket: new Date(times[i]!), model: known, status: 200 })),
        { bucket: new Date(times[3]!), model: known, status: 503 },
        { bucket: new Date(times[4]!), model: '', status: 404 },
      ]);
      expect(await checkRollups(pool)).toEqual([]);
    });
  });
});
