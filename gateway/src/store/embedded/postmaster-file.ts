import { execFile } from 'node:child_process';
import { readdir, readFile, readlink, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Log } from '../log.ts';
import { readFileIfThere } from '../private-files.ts';
import { EmbeddedPostgresError, USE_A_SERVER } from './embedded-error.ts';

/** How long a server that nobody owns any more may take to write its buffers and stop. */
const FAST_STOP_MS = 20_000;
const IMMEDIATE_STOP_MS = 10_000;
const POLL_MS = 20;

/** What the server writes about itself while it runs. */
export interface PostmasterFile {
  readonly pid: number;
  /** True when it accepts connections. */
  readonly ready: boolean;
}

const STATUS_LINE = 7;

/** @returns null when there is no file, or not yet a whole one */
export async function readPostmasterFile(dataFolder: string): Promise<PostmasterFile | null> {
  const text = await readFileIfThere(join(dataFolder, 'postmaster.pid'));
  const lines = text?.split('\n') ?? [];
  const pid = Number(lines[0]);
  if (!Number.isSafeInteger(pid) || pid <= 0) return null;
  return { pid, ready: lines[STATUS_LINE]?.trim() === 'ready' };
}

/**
 * Ends what an earlier gateway left behind when it was killed: its server, or the server's children. The caller
 * holds the lock of the data directory, so whatever runs on these files has no owner.
 * @throws EmbeddedPostgresError when it cannot be ended
 */
export async function clearLeftovers(dataFolder: string, log: Log): Promise<void> {
  const file = await readPostmasterFile(dataFolder);
  if (file && (await isServerOf(file.pid, dataFolder))) {
    log.warn({ pid: file.pid }, 'Ending the database server that a killed gateway left behind');
    await endServer(file.pid, dataFolder);
  }
  await endOrphans(dataFolder, log);
  // Left by a power failure; its process id may by now be somebody else's, which the server would not see through.
  await rm(join(dataFolder, 'postmaster.pid'), { force: true });
}

async function endServer(pid: number, dataFolder: string): Promise<void> {
  signal(pid, 'SIGINT');
  if (await waitUntil(FAST_STOP_MS, async () => !(await isServerOf(pid, dataFolder)))) return;
  signal(pid, 'SIGQUIT');
  if (await waitUntil(IMMEDIATE_STOP_MS, async () => !(await isServerOf(pid, dataFolder)))) return;
  throw new EmbeddedPostgresError(
    `The database server with process id ${pid} still runs on ${dataFolder} and does not stop. End it (kill -QUIT ${pid}) and start again`,
  );
}

/** When the server itself was killed its children notice and leave; they get a moment, then a hint. */
async function endOrphans(dataFolder: string, log: Log): Promise<void> {
  const none = async () => (await serversIn(dataFolder)).length === 0;
  if (await waitUntil(3_000, none)) return;
  const pids = await serversIn(dataFolder);
  log.warn({ pids }, 'Ending database processes that lost their server');
  for (const pid of pids) signal(pid, 'SIGQUIT');
  if (await waitUntil(IMMEDIATE_STOP_MS, none)) return;
  throw new EmbeddedPostgresError(
    `Database processes ${pids.join(', ')} of an earlier run still use ${dataFolder}. End them (kill -QUIT) and start again. ${USE_A_SERVER}`,
  );
}

/** Processes of PostgreSQL that work in the folder; they all change into it. Linux only, elsewhere none are found. */
async function serversIn(dataFolder: string): Promise<number[]> {
  if (process.platform !== 'linux') return [];
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const mine = await Promise.all(pids.map((pid) => isServerOf(pid, dataFolder)));
  return pids.filter((_, i) => mine[i]);
}

/** True when the process is PostgreSQL's and works on this folder: a process id alone proves nothing. */
export async function isServerOf(pid: number, dataFolder: string): Promise<boolean> {
  try {
    if (process.platform === 'linux') {
      const [folder, name] = await Promise.all([
        readlink(`/proc/${pid}/cwd`),
        readFile(`/proc/${pid}/comm`, 'utf8'),
      ]);
      return folder === dataFolder && name.startsWith('postgres');
    }
    const { stdout } = await promisify(execFile)('ps', ['-o', 'command=', '-p', String(pid)]);
    return stdout.includes('postgres') && stdout.includes(dataFolder);
  } catch {
    return false;
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone in the meantime.
  }
}

/** @returns false when the time is over */
async function waitUntil(ms: number, done: () => Promise<boolean>): Promise<boolean> {
  const end = performance.now() + ms;
  while (!(await done())) {
    if (performance.now() > end) return false;
    await sleep(POLL_MS);
  }
  return true;
}
