import { LEDGER_MIGRATIONS, moneyTypes } from '@zerogpu/ledger';
import pg from 'pg';
import { connectionToRunning, DataDirBusyError, startEmbeddedPostgres } from './embedded-postgres.ts';
import type { Log } from './log.ts';
import { type MigrationSet, migrate } from './migrate.ts';

export interface Store {
  readonly pool: pg.Pool;
  /** True when the database answers within two seconds. */
  health(): Promise<boolean>;
  /** Ends the connections, and the embedded server if that is ours. */
  close(): Promise<void>;
}

export interface StoreOptions {
  /** Null or absent runs the embedded server in the data directory. */
  readonly databaseUrl?: string | null;
  readonly dataDir: string;
  readonly log: Log;
}

/** Every folder of migrations, in the order of their dependence. */
export const MIGRATIONS: readonly MigrationSet[] = [
  { name: 'ledger', folder: LEDGER_MIGRATIONS },
  { name: 'gateway', folder: new URL('../../migrations/', import.meta.url) },
];

/** PostgreSQL 15: the oldest that the tests run on. */
const OLDEST_VERSION = 150_000;

/** The database cannot be used; says what to do. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
}

/**
 * Opens the database, embedded or by address, and brings its schema up to date.
 * @throws StoreError, EmbeddedPostgresError, DataDirBusyError, MigrationError: all in words for the operator
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { databaseUrl, dataDir, log } = options;
  const embedded = databaseUrl ? null : await startEmbeddedPostgres({ dataDir, log });
  const pool = openPool(embedded?.connection ?? { connectionString: databaseUrl ?? '' }, log);
  const close = async () => {
    await pool.end();
    await embedded?.stop();
  };
  try {
    await checkServer(pool, databaseUrl ?? null);
    for (const { set, name } of await migrate(pool, MIGRATIONS))
      log.info({ set, name }, 'Applied a migration');
  } catch (error) {
    await close();
    throw error;
  }
  return { pool, close, health: () => isHealthy(pool) };
}

/**
 * Opens the database for an operator's command, also while a gateway runs on it.
 * @throws as `openStore`
 */
export async function openStoreBeside(options: StoreOptions): Promise<Pick<Store, 'pool' | 'close'>> {
  try {
    return await openStore(options);
  } catch (error) {
    const running = error instanceof DataDirBusyError ? await connectionToRunning(options.dataDir) : null;
    if (running === null) throw error;
    const pool = openPool(running, options.log);
    return { pool, close: () => pool.end() };
  }
}

/**
 * Opens the database of a running gateway for a process that works beside it, and leaves it as it is.
 * @throws StoreError in words for the operator
 */
export async function openStoreOfRunning({ databaseUrl, dataDir, log }: StoreOptions): Promise<Store> {
  const where = databaseUrl ? { connectionString: databaseUrl } : await connectionToRunning(dataDir);
  if (where === null) throw new StoreError(nobodyRuns(dataDir));
  const pool = openPool({ ...where, max: BESIDE_CONNECTIONS, application_name: 'zerogpu-worker' }, log);
  try {
    await checkServer(pool, databaseUrl ?? null);
    await checkSchema(pool, dataDir);
  } catch (error) {
    await pool.end();
    throw error;
  }
  return { pool, health: () => isHealthy(pool), close: () => pool.end() };
}

/** With a gateway's own and four workers the 50 of the embedded server have room for the operator. */
const BESIDE_CONNECTIONS = 8;

const nobodyRuns = (dataDir: string) =>
  `No gateway runs on the data directory ${dataDir}. Start one first (npm start), or name its database with DATABASE_URL`;

/** A gateway of the same version has been here. */
async function checkSchema(pool: pg.Pool, dataDir: string): Promise<void> {
  const { rows } = await pool.query<{ there: boolean }>(
    "SELECT to_regclass('gateways') IS NOT NULL AS there",
  );
  if (rows[0]?.there !== true) throw new StoreError(nobodyRuns(dataDir));
}

/** @param where what `pg` takes: host, port, user, database, or connectionString */
export function openPool(where: pg.PoolConfig, log: Log): pg.Pool {
  const pool = new pg.Pool({
    application_name: 'zerogpu-gateway',
    // Groups of holds, settlements and claims, keys, nodes, sweeper and people together; a query takes a millisecond.
    max: 12,
    ...where,
    min: 0,
    idleTimeoutMillis: 60_000,
    connectionTimeoutMillis: 10_000,
    // A query that runs this long is a defect or a lock; it must not pile up others behind it.
    statement_timeout: 30_000,
    idle_in_transaction_session_timeout: 30_000,
    keepAlive: true,
    types: moneyTypes,
  });
  // An idle connection that breaks is replaced by the pool; without a listener it would end the process. Only the
  // message: the error carries the whole connection.
  pool.on('error', ({ message }) => {
    if (!pool.ending) log.warn({ reason: message }, 'A database connection broke');
  });
  // One that breaks in somebody's hands between two statements tells the next statement. Without a listener it would end
  // the process here too, and the pool's own listens only to those that lie idle.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

async function checkServer(pool: pg.Pool, databaseUrl: string | null): Promise<void> {
  const version = await readVersion(pool, databaseUrl);
  if (version >= OLDEST_VERSION) return;
  throw new StoreError(
    `The PostgreSQL server is version ${Math.floor(version / 10_000)}; 15 or later is needed. Upgrade it, or leave DATABASE_URL out to use the embedded one`,
  );
}

async function readVersion(pool: pg.Pool, databaseUrl: string | null): Promise<number> {
  try {
    const { rows } = await pool.query<{ version: number }>(
      "SELECT current_setting('server_version_num')::int AS version",
    );
    return rows[0]?.version ?? 0;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StoreError(
      `Cannot connect to ${databaseUrl ? `DATABASE_URL (${withoutPassword(databaseUrl)})` : 'the embedded database'}: ${reason || 'refused'}. Check that the server runs, and the user, password and database name`,
      { cause },
    );
  }
}

/** For messages: passwords do not go to logs. */
export function withoutPassword(url: string): string {
  if (!URL.canParse(url)) return 'not a valid address';
  const parsed = new URL(url);
  return `${parsed.protocol}//${parsed.username ? `${parsed.username}@` : ''}${parsed.host}${parsed.pathname}`;
}

const HEALTH_MS = 2_000;

async function isHealthy(pool: pg.Pool): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => late.resolve(false), HEALTH_MS);
  const alive = pool.query('SELECT 1').then(
    () => true,
    () => false,
  );
  const healthy = await Promise.race([alive, late.promise]);
  clearTimeout(timer);
  return healthy;
}
