import { mkdir, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type Binaries, prepareBinaries } from './embedded/binaries.ts';
import { lockDataDir } from './embedded/data-dir-lock.ts';
import { type Place, preparePlace, prepareSocketFolder } from './embedded/place.ts';
import { type Postmaster, prepareCluster, SUPERUSER, startPostmaster } from './embedded/postmaster.ts';
import { clearLeftovers } from './embedded/postmaster-file.ts';
import { findRunningServer } from './embedded/running-server.ts';
import { isRoot } from './embedded/system-user.ts';
import type { Log } from './log.ts';

export { DataDirBusyError } from './embedded/data-dir-lock.ts';
export { EmbeddedPostgresError } from './embedded/embedded-error.ts';

export interface EmbeddedConnection {
  /** The folder of the private socket: what `pg` takes as host. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
}

export interface EmbeddedPostgres {
  readonly connection: EmbeddedConnection;
  /** Process id of the server now; changes when it was restarted. */
  readonly pid: number;
  /** Ends the server cleanly and frees the data directory. */
  stop(): Promise<void>;
}

const DATABASE = 'zerogpu';
const FIRST_BACKOFF_MS = 100;
const LAST_BACKOFF_MS = 5_000;
/** A server that lived this long starts the backoff anew. */
const STEADY_MS = 60_000;
/** Children of a server that was killed may hold its memory for a moment. */
const START_ATTEMPTS = 10;

/** To the database that a running gateway keeps for this data directory; null when none runs. */
export async function connectionToRunning(dataDir: string): Promise<EmbeddedConnection | null> {
  const server = await findRunningServer(dataDir);
  return server && { ...server, user: SUPERUSER, database: DATABASE };
}

/**
 * Runs the embedded PostgreSQL of a data directory as a supervised child: makes it on the first start, takes over
 * after a crash of any part, restarts it when it dies, and listens on a private socket only.
 * @throws DataDirBusyError when another gateway uses the data directory
 * @throws EmbeddedPostgresError that says what to do, for every other reason not to run
 */
export async function startEmbeddedPostgres(options: {
  dataDir: string;
  log: Log;
}): Promise<EmbeddedPostgres> {
  const { dataDir, log } = options;
  // As root the server runs as somebody else, who has to pass through.
  await mkdir(dataDir, { recursive: true, mode: isRoot() ? 0o711 : 0o700 });
  const lock = await lockDataDir(dataDir);
  try {
    const place = await preparePlace(dataDir);
    const binaries = await prepareBinaries(place.user, place.copyTo);
    const data = await prepareCluster(place, binaries, log);
    await clearLeftovers(data, log);
    const supervisor = new Supervisor(place, data, binaries, log);
    const socket = await supervisor.start();
    const connection = { host: socket, port: 5432, user: SUPERUSER, database: DATABASE };
    await createDatabase(connection);
    return {
      connection,
      get pid() {
        return supervisor.pid;
      },
      async stop() {
        await supervisor.stop();
        await lock.release();
      },
    };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function createDatabase(connection: EmbeddedConnection): Promise<void> {
  const client = new pg.Client({ ...connection, database: 'postgres' });
  await client.connect();
  try {
    const { rows } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [
      connection.database,
    ]);
    if (rows.length === 0) await client.query(`CREATE DATABASE ${connection.database}`);
  } finally {
    await client.end();
  }
}

/** What the server says while an earlier one is not quite gone; any other reason not to start stays. */
function mayPass(error: unknown): boolean {
  return /shared memory block|lock file/i.test(String(error));
}

/** Keeps one server running until it is told to stop. */
class Supervisor {
  readonly #place: Place;
  readonly #data: string;
  readonly #binaries: Binaries;
  readonly #log: Log;
  #socket = '';
  #server: Postmaster | null = null;
  #stopping = new AbortController();
  #watching: Promise<void> = Promise.resolve();

  constructor(place: Place, data: string, binaries: Binaries, log: Log) {
    this.#place = place;
    this.#data = data;
    this.#binaries = binaries;
    this.#log = log;
  }

  get pid(): number {
    return this.#server?.pid ?? 0;
  }

  /** @returns the socket's folder */
  async start(): Promise<string> {
    this.#socket = await prepareSocketFolder(this.#place);
    this.#server = await this.#startServer(START_ATTEMPTS);
    this.#watching = this.#watch();
    return this.#socket;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#server?.stop();
    await this.#watching;
    await this.#server?.stop();
    await rm(this.#socket, { recursive: true, force: true });
  }

  async #startServer(attempts: number): Promise<Postmaster> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await startPostmaster(this.#place, this.#data, this.#socket, this.#binaries, this.#log);
      } catch (error) {
        if (attempt >= attempts || !mayPass(error)) throw error;
        await sleep(500);
        await clearLeftovers(this.#data, this.#log);
      }
    }
  }

  async #watch(): Promise<void> {
    let backoff = FIRST_BACKOFF_MS;
    while (!this.#stopping.signal.aborted) {
      const started = performance.now();
      await this.#server?.ended;
      if (this.#stopping.signal.aborted) return;
      if (performance.now() - started > STEADY_MS) backoff = FIRST_BACKOFF_MS;
      this.#log.error({ restartInMs: backoff }, 'The database server died; it is started again');
      await this.#restart(backoff);
      backoff = Math.min(backoff * 2, LAST_BACKOFF_MS);
    }
  }

  async #restart(backoff: number): Promise<void> {
    await sleep(backoff, undefined, { signal: this.#stopping.signal }).catch(() => {});
    if (this.#stopping.signal.aborted) return;
    try {
      await clearLeftovers(this.#data, this.#log);
      this.#server = await this.#startServer(1);
      this.#log.info({ pid: this.#server.pid }, 'The database server runs again');
    } catch (error) {
      this.#log.error({ err: error }, 'The database server did not start');
    }
  }
}
