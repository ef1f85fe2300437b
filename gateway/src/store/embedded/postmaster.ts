import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync, statSync } from 'node:fs';
import { chown, readdir, realpath, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Log } from '../log.ts';
import { readFileIfThere, syncFolder } from '../private-files.ts';
import type { Binaries } from './binaries.ts';
import { EmbeddedPostgresError, USE_A_SERVER } from './embedded-error.ts';
import type { Place } from './place.ts';
import { readPostmasterFile } from './postmaster-file.ts';

/** The database's own superuser; only who may enter the socket's folder gets that far. */
export const SUPERUSER = 'zerogpu';
const UNFINISHED = 'data.new-';
const MAX_LOG_BYTES = 10 * 1024 * 1024;
const POLL_MS = 5;
/** Recovery after a power failure reads at most `max_wal_size`; ten minutes is far beyond it. */
const READY_MS = 600_000;
const SLOW_START_MS = 10_000;

/** For a laptop that does other things: small, and as durable as the real thing. */
const SETTINGS: Readonly<Record<string, string>> = {
  // Nobody connects over a network.
  listen_addresses: '',
  unix_socket_permissions: '0700',
  max_connections: '50',
  shared_buffers: '64MB',
  work_mem: '8MB',
  maintenance_work_mem: '32MB',
  // An answer leaves when its settlement is on the disk, and not before.
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  // One server, no replicas: less to write.
  wal_level: 'minimal',
  max_wal_senders: '0',
  // Fewer checkpoints mean fewer whole pages in the log; recovery still takes seconds.
  max_wal_size: '512MB',
  checkpoint_timeout: '10min',
  // Each worker is a process with megabytes of its own.
  max_worker_processes: '2',
  max_logical_replication_workers: '0',
  max_parallel_workers: '0',
  max_parallel_workers_per_gather: '0',
  autovacuum_max_workers: '1',
  // Balances and holds are rewritten all the time: look often, there is little to look at.
  autovacuum_naptime: '10s',
  // The default starts three more processes, for reads that a warm 64 MB cache does not make.
  io_method: 'sync',
  // Compiling takes longer than any query of ours.
  jit: 'off',
  log_destination: 'stderr',
  logging_collector: 'off',
  log_min_messages: 'warning',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

/** One call for all files instead of one for each: recovery on a busy disk took 0.8 s instead of 2.8 s. */
const ON_LINUX: Readonly<Record<string, string>> =
  process.platform === 'linux' ? { recovery_init_sync_method: 'syncfs' } : {};

/** @returns the cluster's folder, made when it is missing */
export async function prepareCluster(place: Place, binaries: Binaries, log: Log): Promise<string> {
  const home = await realpath(place.home);
  const data = join(home, 'data');
  await removeUnfinished(home);
  const version = await readFileIfThere(join(data, 'PG_VERSION'));
  if (version === null) await initdb(home, place, binaries, log);
  else await refuseOtherVersion(version.trim(), data, binaries);
  return data;
}

async function refuseOtherVersion(version: string, data: string, binaries: Binaries): Promise<void> {
  const { stdout } = await promisify(execFile)(binaries.postgres, ['--version'], {
    env: binaries.env,
    cwd: '/',
  });
  const major = /(\d+)/.exec(stdout)?.[1];
  if (major === version) return;
  throw new EmbeddedPostgresError(
    `The database in ${data} was made by PostgreSQL ${version}, and the embedded one is ${major}. Start the release that made it, dump it with pg_dump, and load that into an empty data directory. ${USE_A_SERVER}`,
  );
}

/** What a start that was killed left; its initdb may still be writing, and gives up when its folder goes. */
async function removeUnfinished(home: string): Promise<void> {
  const names = (await readdir(home)).filter((name) => name.startsWith(UNFINISHED));
  for (const name of names) {
    await rm(join(home, name), { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }
}

/** Beside its name, then renamed: a kill in the middle leaves nothing that looks like a database. */
async function initdb(home: string, place: Place, binaries: Binaries, log: Log): Promise<void> {
  const started = performance.now();
  const fresh = join(home, `${UNFINISHED}${randomBytes(6).toString('hex')}`);
  const args = ['-D', fresh, '-U', SUPERUSER, '--encoding=UTF8', '--locale=C', '--no-instructions'];
  // The socket's folder is the fence: 0700 and the server user's. No password would be kept any better.
  args.push('--auth-local=trust', '--auth-host=reject');
  if (process.platform === 'linux') args.push('--sync-method=syncfs');
  try {
    await promisify(execFile)(binaries.initdb, args, { cwd: home, env: childEnv(binaries), ...place.user });
  } catch (error) {
    const reason = error instanceof Error ? error.message.trim() : String(error);
    throw new EmbeddedPostgresError(`Cannot make a database in ${home}: ${reason}. ${USE_A_SERVER}`);
  }
  await rename(fresh, join(home, 'data'));
  await syncFolder(home);
  log.info({ home, ms: Math.round(performance.now() - started) }, 'Made an embedded database');
}

export interface Postmaster {
  readonly pid: number;
  /** Resolves when the process has ended, however that came. */
  readonly ended: Promise<void>;
  /** Ends connections, writes what is to be written, and stops. */
  stop(): Promise<void>;
}

/**
 * Starts the server and waits until it accepts connections.
 * @throws EmbeddedPostgresError with the end of the server's log
 */
export async function startPostmaster(
  place: Place,
  data: string,
  socketFolder: string,
  binaries: Binaries,
  log: Log,
): Promise<Postmaster> {
  const logFile = join(place.home, 'server.log');
  const child = await spawnPostmaster(place, data, socketFolder, binaries, logFile);
  const ended = once(child, 'exit').then(
    () => {},
    () => {},
  );
  if (child.pid === undefined) throw await startError('it could not be spawned', logFile);
  const postmaster = { pid: child.pid, ended, stop: () => stopChild(child, ended) };
  await waitUntilReady(child, data, logFile, log);
  return postmaster;
}

async function spawnPostmaster(
  place: Place,
  data: string,
  socketFolder: string,
  binaries: Binaries,
  logFile: string,
): Promise<ChildProcess> {
  const settings = { ...SETTINGS, ...ON_LINUX, unix_socket_directories: socketFolder };
  const args = [
    '-D',
    data,
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ];
  const output = openSync(logFile, logMode(logFile), 0o600);
  try {
    if (place.user) await chown(logFile, place.user.uid, place.user.gid);
    return spawn(binaries.postgres, args, {
      cwd: data,
      env: childEnv(binaries),
      // A file and no pipe: the server must be able to speak after we are gone.
      stdio: ['ignore', output, output],
      // Its own process group: Ctrl-C is for the gateway, which drains before it stops the database.
      detached: true,
      ...place.user,
    });
  } finally {
    closeSync(output);
  }
}

/** Starts over when the log has grown large. */
function logMode(path: string): 'a' | 'w' {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  return size > MAX_LOG_BYTES ? 'w' : 'a';
}

async function waitUntilReady(child: ChildProcess, data: string, logFile: string, log: Log): Promise<void> {
  const start = performance.now();
  let told = false;
  while (performance.now() - start < READY_MS) {
    if (child.exitCode !== null || child.signalCode !== null) {
      throw await startError(`it ended with ${child.signalCode ?? `code ${child.exitCode}`}`, logFile);
    }
    const file = await readPostmasterFile(data);
    if (file?.pid === child.pid && file?.ready) return;
    if (!told && performance.now() - start > SLOW_START_MS) {
      told = true;
      log.warn({ log: logFile }, 'The database takes long to start, probably recovering from a crash');
    }
    await sleep(POLL_MS);
  }
  child.kill('SIGQUIT');
  throw await startError(`it was not ready after ${READY_MS / 1000} s`, logFile);
}

async function startError(what: string, logFile: string): Promise<EmbeddedPostgresError> {
  const text = (await readFileIfThere(logFile).catch(() => null)) ?? '';
  const lines = text.trim().split('\n').slice(-5).join('\n  ');
  return new EmbeddedPostgresError(
    `Cannot start the embedded database: ${what}. The end of ${logFile}:\n  ${lines}\n${USE_A_SERVER}`,
  );
}

/** Fast, then immediate, then dead; the next start recovers from any of them. */
async function stopChild(child: ChildProcess, ended: Promise<void>): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    const timeout = new AbortController();
    await Promise.race([ended, sleep(10_000, undefined, { signal: timeout.signal }).catch(() => {})]);
    timeout.abort();
  }
}

/** Nothing of ours leaks in: no PG variables, no locale. */
function childEnv(binaries: Binaries): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC', ...binaries.env };
}
