import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { link, open, readFile, readlink, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { isErrno, readFileIfThere } from '../private-files.ts';
import { EmbeddedPostgresError } from './embedded-error.ts';

/** Another gateway uses the data directory. */
export class DataDirBusyError extends EmbeddedPostgresError {
  readonly pid: number;

  /** @param owner its process id @param toEnd the process to end, so that nobody starts the owner again */
  constructor(dataDir: string, owner: number, toEnd: number) {
    super(
      `The data directory ${dataDir} is in use by the gateway with process id ${owner}. Stop that one first (kill ${toEnd}), or give this one its own with ZEROGPU_DATA_DIR, and its own PORT`,
    );
    this.pid = owner;
  }
}

export interface DataDirLock {
  release(): Promise<void>;
}

interface Owner {
  readonly pid: number;
  /** Tells a process from a later one with the same id, also after a reboot. */
  readonly startTime: string;
  /** Starts it again when it ends: itself, when nobody does. */
  readonly starter: number;
  /** In which space of process ids `pid` counts: containers that share a volume do not share ids. */
  readonly namespace: string;
}

const NAME = 'gateway.lock';
const MAX_ATTEMPTS = 100;
const HEARTBEAT_MS = 2_000;
/** An owner in another namespace cannot be looked up; it counts as gone when its heartbeat is older than this. */
const FOREIGN_STALE_MS = 8_000;

/**
 * Makes this process the owner of a data directory, until `release` or its death, whichever way it dies.
 * @throws DataDirBusyError when another process, or this one, owns it already
 */
export async function lockDataDir(dataDir: string): Promise<DataDirLock> {
  const path = join(dataDir, NAME);
  const owner: Owner = {
    pid: process.pid,
    startTime: await processStartTime(process.pid),
    // Who starts us over a channel hears of our end by it.
    starter: process.connected ? process.ppid : process.pid,
    namespace: await pidNamespace(),
  };
  const mine = JSON.stringify({ ...owner, nonce: randomBytes(8).toString('hex') });
  await retryUntilLocked(dataDir, path, mine);
  // So that a gateway in another container can tell that this one lives.
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {});
  }, HEARTBEAT_MS);
  heartbeat.unref();
  return {
    async release() {
      clearInterval(heartbeat);
      if ((await readFileIfThere(path)) === mine) await rm(path, { force: true });
    },
  };
}

async function retryUntilLocked(dataDir: string, path: string, mine: string): Promise<void> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    if ((await placeLock(path, mine)) && (await readFileIfThere(path)) === mine) return;
    const theirs = await readFileIfThere(path);
    if (theirs === null) continue;
    const verdict = await judge(path, theirs);
    if (verdict.state === 'alive') throw new DataDirBusyError(dataDir, verdict.pid, verdict.starter);
    if (verdict.state === 'stale') await removeStale(path, theirs);
    else await sleep(250);
  }
  throw new EmbeddedPostgresError(
    `Cannot lock the data directory ${dataDir}: ${path} keeps changing. Stop other gateways on it and start again`,
  );
}

/** Whole or not there: written beside, then linked to its name. @returns false when the name is taken */
async function placeLock(path: string, text: string): Promise<boolean> {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  const handle = await open(temporary, 'wx', 0o644);
  await handle.writeFile(text);
  await handle.sync();
  await handle.close();
  try {
    await link(temporary, path);
    return true;
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

/**
 * Takes a dead owner's lock away. Moved aside first and looked at again, because between our judgement and now
 * another starter may have replaced it: a living lock goes back.
 */
async function removeStale(path: string, judged: string): Promise<void> {
  const aside = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return;
    throw error;
  }
  if ((await readFile(aside, 'utf8')) !== judged) await link(aside, path).catch(() => {});
  await rm(aside, { force: true });
}

type Verdict = { state: 'alive'; pid: number; starter: number } | { state: 'stale' } | { state: 'unsure' };

async function judge(path: string, text: string): Promise<Verdict> {
  const theirs = parseOwner(text);
  // Cut off by a power failure: nobody holds it.
  if (theirs === null) return { state: 'stale' };
  const now = await processStartTime(theirs.pid).catch(() => null);
  if (theirs.namespace !== (await pidNamespace())) {
    const age = await stat(path).then(
      (s) => Date.now() - s.mtimeMs,
      () => Number.POSITIVE_INFINITY,
    );
    if (age > FOREIGN_STALE_MS) return { state: 'stale' };
    return age < HEARTBEAT_MS * 1.5 && age >= 0 ? foreignVerdict(path, theirs) : { state: 'unsure' };
  }
  return now === theirs.startTime ? { state: 'alive', ...theirs } : { state: 'stale' };
}

/** Alive when its heartbeat comes while we watch. */
async function foreignVerdict(path: string, owner: Owner): Promise<Verdict> {
  const before = await stat(path).catch(() => null);
  await sleep(HEARTBEAT_MS * 1.5);
  const after = await stat(path).catch(() => null);
  const beats = before !== null && after !== null && after.mtimeMs > before.mtimeMs;
  return beats ? { state: 'alive', ...owner } : { state: 'unsure' };
}

function parseOwner(text: string): Owner | null {
  try {
    const { pid, startTime, starter = pid, namespace } = JSON.parse(text);
    if (!Number.isSafeInteger(pid) || !Number.isSafeInteger(starter)) return null;
    if (typeof startTime !== 'string' || typeof namespace !== 'string') return null;
    return { pid, startTime, starter, namespace };
  } catch {
    return null;
  }
}

/**
 * Linux: clock ticks since boot and the boot's id. Elsewhere: what ps says.
 * @throws when there is no such process, or only what is left of it: one that was killed and whose parent never asks
 *   for it (in a container without an init) stays in the table for good
 */
export async function processStartTime(pid: number): Promise<string> {
  if (process.platform === 'linux') {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The name, in parentheses, may hold anything; after it come the state, and as 20th the start time.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    refuseDead(pid, fields[0]);
    return `${(await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()}/${fields[19]}`;
  }
  const { stdout } = await promisify(execFile)('ps', ['-o', 'stat=,lstart=', '-p', String(pid)]);
  const [state, ...startTime] = stdout.trim().split(/\s+/);
  refuseDead(pid, state);
  return startTime.join(' ');
}

function refuseDead(pid: number, state: string | undefined): void {
  if (state === undefined || /^[ZX]/.test(state)) throw new Error(`Process ${pid} is dead`);
}

async function pidNamespace(): Promise<string> {
  return process.platform === 'linux' ? readlink('/proc/self/ns/pid').catch(() => '') : '';
}
