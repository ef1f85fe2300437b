/**
 * Real databases for tests: the embedded server, and a server by address. A suite that is written with
 * `onEveryPostgres` runs on both.
 *
 * - `ZEROGPU_TEST_DATABASE_URL` names the server: `postgres://user:password@host:5432/postgres`, with a
 *   superuser. Without it that half is skipped.
 * - `ZEROGPU_TEST_REQUIRE=postgres` makes the missing server a failure.
 */
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, it, onTestFinished } from 'vitest';
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

/** Gives a pool on an empty database with all migrations; the pool ends with the test. Once per test. */
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

/** One server and one database per suite; emptied for every test, which is a hundred times quicker than a new one. */
function databases(start: () => Promise<Server>): Database {
  const name = `zerogpu_test_${randomBytes(6).toString('hex')}`;
  let server: Server | null = null;
  let pool: pg.Pool | null = null;
  beforeAll(async () => {
    server = await start();
    await command(server, `CREATE DATABASE ${name}`);
    const setUp = openPool(onDatabase(server, name), silentLog);
    await migrate(setUp, MIGRATIONS);
    await endPool(setUp);
  });
  afterEach(async () => {
    if (pool) await endPool(pool);
    pool = null;
  });
  afterAll(async () => {
    if (server && !server.ours) await command(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    await server?.stop();
  });
  return async () => {
    if (!server) throw new Error('A database is there only inside a test');
    pool = openPool(onDatabase(server, name), silentLog);
    await pool.query(EMPTY);
    return pool;
  };
}

/** All rows of all tables but the migrations'. As a replica, so that neither foreign keys nor our own triggers object. */
const EMPTY = `
DO $$
DECLARE
  emptied regclass;
BEGIN
  SET LOCAL session_replication_role = replica;
  FOR emptied IN
    SELECT c.oid FROM pg_class c WHERE c.relnamespace IN ('public'::regnamespace, 'ledger'::regnamespace)
      AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> 'schema_migrations'
  LOOP
    EXECUTE format('DELETE FROM %s', emptied);
  END LOOP;
END $$`;

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

/** A migrated embedded database of one test, which the test may kill by `server.pid`; it goes when the test ends. */
export async function killableDatabase() {
  const dataDir = await temporaryDataDir();
  const server = await startEmbeddedPostgres({ dataDir, log: silentLog });
  const pool = openPool(server.connection, silentLog);
  onTestFinished(async () => {
    await endPool(pool);
    await server.stop();
    await rm(dataDir, { recursive: true, force: true });
  });
  await migrate(pool, MIGRATIONS);
  return { server, pool };
}
