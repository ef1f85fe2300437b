/**
 * Real databases for tests: the embedded server, and a server by address. A suite that is written with
 * `onEveryPostgres` runs on both.
 *
 * - `ZEROGPU_TEST_DATABASE_URL` names the server: `postgres://user:password@host:5432/postgres`, with a user who may
 *   create databases. Without it that half is skipped.
 * - `ZEROGPU_TEST_REQUIRE=postgres` makes the missing server a failure.
 */
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, it } from 'vitest';
import { startEmbeddedPostgres } from '../store/embedded-postgres.ts';
import { silentLog } from '../store/log.ts';
import { migrate } from '../store/migrate.ts';
import { MIGRATIONS, openPool } from '../store/open-store.ts';

/** A server on which a test may make databases. */
interface Server {
  /** Where its maintenance database is. */
  readonly connection: pg.PoolConfig;
  /** Ends with the suite, so that databases on it need not be dropped. */
  readonly ours: boolean;
  stop(): Promise<void>;
}

/** Gives a pool on a fresh database with all migrations; both end with the test. */
export type Database = () => Promise<pg.Pool>;

const SERVER_URL = process.env['ZEROGPU_TEST_DATABASE_URL'];
const REQUIRED = (process.env['ZEROGPU_TEST_REQUIRE'] ?? '').split(',').includes('postgres');

/** Runs a suite on each kind of PostgreSQL. */
export function onEveryPostgres(name: string, suite: (database: Database) => void): void {
  describe(`${name}, embedded PostgreSQL`, () => suite(databases(startEmbedded)));
  if (SERVER_URL) {
    describe(`${name}, PostgreSQL server`, () => suite(databases(async () => serverAt(SERVER_URL))));
  } else if (REQUIRED) {
    it(`${name}, PostgreSQL server`, () => {
      throw new Error('ZEROGPU_TEST_REQUIRE asks for a server, and ZEROGPU_TEST_DATABASE_URL names none');
    });
  } else {
    it.skip(`${name}, PostgreSQL server: set ZEROGPU_TEST_DATABASE_URL to a server to run this`, () => {});
  }
}

/** One server per suite, one database per call: copies of a template that is migrated once. */
function databases(start: () => Promise<Server>): Database {
  const suffix = randomBytes(6).toString('hex');
  const template = `zerogpu_test_${suffix}`;
  const made: string[] = [];
  const pools: pg.Pool[] = [];
  let server: Server | null = null;
  beforeAll(async () => {
    server = await start();
    made.push(template);
    await command(server, `CREATE DATABASE ${template}`);
    const pool = openPool(onDatabase(server, template), silentLog);
    await migrate(pool, MIGRATIONS);
    await endPool(pool);
  });
  afterEach(async () => {
    for (const pool of pools.splice(0)) await endPool(pool);
  });
  afterAll(async () => {
    if (!server) return;
    if (!server.ours) {
      for (const name of made) await command(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    }
    await server.stop();
  });
  return async () => {
    if (!server) throw new Error('A database is there only inside a test');
    const name = `${template}_${made.length}`;
    made.push(name);
    await command(server, `CREATE DATABASE ${name} TEMPLATE ${template}`);
    const pool = openPool(onDatabase(server, name), silentLog);
    pools.push(pool);
    return pool;
  };
}

async function startEmbedded(): Promise<Server> {
  const dataDir = await temporaryDataDir();
  const server = await startEmbeddedPostgres({ dataDir, log: silentLog });
  return {
    connection: server.connection,
    ours: true,
    async stop() {
      await server.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

function serverAt(connectionString: string): Server {
  return { connection: { connectionString }, ours: false, stop: async () => {} };
}

function onDatabase(server: Server, database: string): pg.PoolConfig {
  const { connectionString, ...rest } = server.connection;
  if (connectionString === undefined) return { ...rest, database };
  const url = new URL(connectionString);
  url.pathname = `/${database}`;
  return { connectionString: url.href };
}

async function command(server: Server, sql: string): Promise<void> {
  const client = new pg.Client(server.connection);
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/** `end` resolves before the sockets are closed; a test that looks for what is left open waits for them. */
export async function endPool(pool: pg.Pool): Promise<void> {
  const closed = Promise.withResolvers<void>();
  const look = () => {
    if (pool.totalCount === 0) closed.resolve();
  };
  pool.on('remove', look);
  if (!pool.ended) await pool.end();
  look();
  await closed.promise;
}

/** A data directory that the database's user can reach also when the tests run as root. */
export async function temporaryDataDir(): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), 'zerogpu-test-'));
  await chmod(dataDir, 0o711);
  return dataDir;
}
