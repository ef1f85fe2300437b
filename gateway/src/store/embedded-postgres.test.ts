import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmod,
  chown,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { temporaryDataDir } from '../testing/postgres.ts';
import { findPackage, prepareBinaries } from './embedded/binaries.ts';
import { processStartTime } from './embedded/data-dir-lock.ts';
import { canTraverse, isRoot, type SystemUser, unprivilegedUser } from './embedded/system-user.ts';
import { DataDirBusyError, type EmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres.ts';
import { silentLog } from './log.ts';
import { openPool } from './open-store.ts';

const PROGRAM = fileURLToPath(new URL('../testing/run-embedded.ts', import.meta.url));
const SYSTEM_FOLDER = '/var/lib/zerogpu';
const root = isRoot();
/** Only root can be refused by the mode of a folder that it owns, in the name of another user. */
const asRoot = it.skipIf(!root);
const onLinux = it.skipIf(process.platform !== 'linux');

let dataDir = '';
const servers: EmbeddedPostgres[] = [];
const owners: ChildProcess[] = [];
const folders: string[] = [];

beforeEach(async () => {
  dataDir = await temporaryDataDir();
});

afterEach(async () => {
  for (const owner of owners.splice(0)) {
    if (owner.exitCode !== null || owner.signalCode !== null) continue;
    owner.kill('SIGTERM');
    await once(owner, 'exit');
  }
  for (const server of servers.splice(0)) await server.stop();
  for (const folder of [dataDir, ...folders.splice(0)]) await rm(folder, { recursive: true, force: true });
});

async function start(dir = dataDir): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ dataDir: dir, log: silentLog });
  servers.push(server);
  return server;
}

async function stop(server: EmbeddedPostgres): Promise<void> {
  servers.splice(servers.indexOf(server), 1);
  await server.stop();
}

async function query(connection: pg.ClientConfig, sql: string): Promise<pg.QueryResult['rows']> {
  const client = new pg.Client(connection);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

interface Told {
  readonly server: number;
  readonly connection: pg.ClientConfig;
  readonly refused?: string;
}

/** An owner in a process of its own. */
async function startOwner(
  dir: string,
  user: SystemUser | null = null,
  channel: 'ipc' | 'ignore' = 'ignore',
): Promise<{ owner: ChildProcess; told: Told }> {
  const owner = spawn(process.execPath, ['--no-warnings', PROGRAM, dir], {
    stdio: ['ignore', 'pipe', 'inherit', channel],
    cwd: '/',
    ...user,
  });
  owners.push(owner);
  let text = '';
  owner.stdout!.setEncoding('utf8');
  for await (const chunk of owner.stdout!) {
    text += chunk;
    if (text.includes('\n')) break;
  }
  return { owner, told: JSON.parse(text) };
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** What is left of a process whose parent never asks for it does not count. */
async function isAlive(pid: number): Promise<boolean> {
  return processStartTime(pid).then(
    () => true,
    () => false,
  );
}

/** Polls without an end of its own: the test's timeout is the guard. */
async function until(done: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await done())) await sleep(20);
}

describe('embedded PostgreSQL', () => {
  it('starts on an empty folder, stops without a trace, and keeps its data', async () => {
    const first = await start();
    await query(first.connection, 'CREATE TABLE kept AS SELECT 42 AS n');
    expect(await query(first.connection, 'SHOW fsync')).toEqual([{ fsync: 'on' }]);
    expect(await query(first.connection, 'SHOW synchronous_commit')).toEqual([{ synchronous_commit: 'on' }]);
    expect(await query(first.connection, 'SHOW listen_addresses')).toEqual([{ listen_addresses: '' }]);
    const { pid } = first;
    await stop(first);
    expect(await isAlive(pid)).toBe(false);
    expect(await readdir(dataDir)).toEqual(['postgres']);
    expect(await query((await start()).connection, 'SELECT n FROM kept')).toEqual([{ n: 42 }]);
  });

  it('lets nobody else to its files and its socket', async () => {
    const server = await start();
    for (const folder of [join(dataDir, 'postgres'), server.connection.host]) {
      expect((await stat(folder)).mode & 0o777).toBe(0o700);
    }
  });

  it('starts the server again when it dies, and pools recover', async () => {
    const server = await start();
    const pool = openPool(server.connection, silentLog);
    await pool.query('CREATE TABLE kept AS SELECT 42 AS n');
    const before = server.pid;
    process.kill(before, 'SIGKILL');
    await until(() =>
      pool.query('SELECT 1').then(
        () => server.pid !== before,
        () => false,
      ),
    );
    expect((await pool.query('SELECT n FROM kept')).rows).toEqual([{ n: 42 }]);
    await pool.end();
  });

  it('can be stopped while it waits to start the server again', async () => {
    const server = await start();
    process.kill(server.pid, 'SIGKILL');
    await until(async () => !(await isAlive(server.pid)));
    await stop(server);
    expect(await readdir(dataDir)).toEqual(['postgres']);
  });

  it('takes over the server of an owner that was killed', async () => {
    const { owner, told } = await startOwner(dataDir);
    await query(told.connection, 'CREATE TABLE kept AS SELECT 42 AS n');
    await kill(owner);
    expect(await isAlive(told.server)).toBe(true);
    const server = await start();
    expect(await isAlive(told.server)).toBe(false);
    expect(await query(server.connection, 'SELECT n FROM kept')).toEqual([{ n: 42 }]);
  });

  it('starts after the owner and the server were killed, while the children of the server still run', async () => {
    const { owner, told } = await startOwner(dataDir);
    await query(told.connection, 'CREATE TABLE kept AS SELECT 42 AS n');
    process.kill(told.server, 'SIGKILL');
    await kill(owner);
    const server = await start();
    expect(await query(server.connection, 'SELECT n FROM kept')).toEqual([{ n: 42 }]);
  });

  it('survives being killed again and again, in the middle of the first start too', async () => {
    for (const ms of [50, 200, 400, 600, 800]) {
      const owner = spawn(process.execPath, ['--no-warnings', PROGRAM, dataDir], {
        stdio: 'ignore',
        cwd: '/',
      });
      await sleep(ms);
      await kill(owner);
    }
    const server = await start();
    expect(await query(server.connection, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
    const home = join(dataDir, 'postgres');
    expect((await readdir(home)).filter((name) => name.startsWith('data.new'))).toEqual([]);
  });

  it('sees through a process id that belongs to somebody else after a power failure', async () => {
    await stop(await start());
    const bystander = spawn('sleep', ['1000'], { stdio: 'ignore' });
    const data = join(dataDir, 'postgres/data');
    const lines = [
      bystander.pid,
      data,
      1,
      5432,
      join(dataDir, 'postgres/run'),
      '',
      '12345 67890',
      'ready   ',
      '',
    ];
    await writeFile(join(data, 'postmaster.pid'), lines.join('\n'));
    const server = await start();
    expect(await query(server.connection, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
    expect(await isAlive(bystander.pid!)).toBe(true);
    await kill(bystander);
  });

  it('refuses a second owner, in another process and in this one, and names the first', async () => {
    const { owner } = await startOwner(dataDir);
    const refusal = await startEmbeddedPostgres({ dataDir, log: silentLog }).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(DataDirBusyError);
    expect(refusal).toMatchObject({ pid: owner.pid });
    expect(String(refusal)).toContain(`process id ${owner.pid}. Stop that one first (kill ${owner.pid})`);
    owner.kill('SIGTERM');
    await once(owner, 'exit');
    await start();
    await expect(start()).rejects.toMatchObject({ pid: process.pid });
  });

  it('names whoever starts the first again as the one to stop', async () => {
    const { owner } = await startOwner(dataDir, null, 'ipc');
    await expect(start()).rejects.toThrow(
      `process id ${owner.pid}. Stop that one first (kill ${process.pid})`,
    );
  });

  it('lets exactly one of many that start at once own a folder', async () => {
    const started = await Promise.all([1, 2, 3, 4].map(() => startOwner(dataDir)));
    expect(started.filter(({ told }) => told.refused === undefined)).toHaveLength(1);
  });

  onLinux('is not fooled by a lock whose process id was given to another process', async () => {
    const namespace = 'pid:[1]';
    const locks = [
      { pid: process.pid, startTime: 'another boot/1', namespace: await ownNamespace() },
      { pid: 2 ** 22 + 1, startTime: 'x/1', namespace: await ownNamespace() },
    ];
    for (const text of ['', 'nonsense', ...locks.map((lock) => JSON.stringify(lock))]) {
      await writeFile(join(dataDir, 'gateway.lock'), text);
      await stop(await start());
    }
    // In another container nobody can look a process up: what has not been touched for long has no owner.
    const lock = join(dataDir, 'gateway.lock');
    await writeFile(lock, JSON.stringify({ pid: 1, startTime: 'x/1', namespace }));
    const long = new Date(Date.now() - 60_000);
    await utimes(lock, long, long);
    await stop(await start());
  });

  it('puts its socket elsewhere when the path is too long for one', async () => {
    const deep = join(dataDir, 'd'.repeat(120));
    const server = await start(deep);
    expect(server.connection.host.startsWith(deep)).toBe(false);
    expect((await stat(server.connection.host)).mode & 0o777).toBe(0o700);
    expect(await query(server.connection, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
    await stop(server);
    await expect(stat(server.connection.host)).rejects.toThrow('ENOENT');
  });

  it('works in a folder whose name would confuse a shell or a list', async () => {
    const odd = join(dataDir, `with space, "quotes" and 'é'`);
    expect(await query((await start(odd)).connection, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
  });

  it('says what to do when the database was made by another version of PostgreSQL', async () => {
    await stop(await start());
    await writeFile(join(dataDir, 'postgres/data/PG_VERSION'), '13\n');
    await expect(start()).rejects.toThrow('was made by PostgreSQL 13');
    // And leaves the folder to the next try.
    await writeFile(join(dataDir, 'postgres/data/PG_VERSION'), '18\n');
    await start();
  });

  it('shows the end of the server log when it does not start', async () => {
    await stop(await start());
    await writeFile(join(dataDir, 'postgres/data/postgresql.conf'), 'no_such_setting = 1\n');
    await expect(start()).rejects.toThrow('no_such_setting');
  });
});

describe('processStartTime', () => {
  it('is the same for a process each time, and there is none for a dead one', async () => {
    expect(await processStartTime(process.pid)).toBe(await processStartTime(process.pid));
    const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
    expect(await processStartTime(child.pid!)).not.toBe(await processStartTime(process.pid));
    await kill(child);
    await expect(processStartTime(child.pid!)).rejects.toThrow();
  });

  onLinux('is none for what is left of a process whose parent does not ask for it', async () => {
    // A shell that starts a child and becomes a program which never waits for it.
    const parent = spawn('sh', ['-c', 'sleep 0 & echo $!; exec sleep 1000'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [line] = await once(parent.stdout!, 'data');
    const pid = Number(String(line).trim());
    const state = async () => (await readFile(`/proc/${pid}/stat`, 'utf8')).split(' ')[2];
    await until(async () => (await state()) === 'Z');
    await expect(processStartTime(pid)).rejects.toThrow('is dead');
    await kill(parent);
  });
});

describe('the programs', () => {
  onLinux('are copied when the user cannot reach them where they are, once, and run there', async () => {
    const folder = await temporaryDataDir();
    folders.push(folder);
    const closed = join(folder, 'closed/package');
    await mkdir(dirname(closed), { mode: 0o700 });
    await cp(findPackage(), closed, { recursive: true, filter: (path) => !path.endsWith('.a') });
    // As installed without scripts and without the right to write: no links.
    for (const name of ['libpq.so.5', 'libicuuc.so.60'])
      await rm(join(closed, 'native/lib', name), { force: true });
    const user = root ? await unprivilegedUser() : null;
    if (!root) await chmod(join(closed, 'native/lib'), 0o500);
    const copyTo = join(folder, 'copies');
    const copies = await Promise.all([1, 2].map(() => prepareBinaries(user, copyTo, closed)));
    if (!root) await chmod(join(closed, 'native/lib'), 0o700);
    expect(copies[0]!.postgres.startsWith(copyTo)).toBe(true);
    expect(copies[1]).toEqual(copies[0]);
    expect(await readdir(copyTo)).toHaveLength(1);
  });
});

describe('as root', () => {
  asRoot('runs as somebody without rights', async () => {
    const server = await start();
    const { uid } = await unprivilegedUser();
    expect((await stat(`/proc/${server.pid}`)).uid).toBe(uid);
    expect((await stat(join(dataDir, 'postgres/data'))).uid).toBe(uid);
  });

  asRoot(
    'keeps the data where that user can go when the data directory is closed, and remembers where',
    async () => {
      await chmod(dataDir, 0o700);
      const server = await start();
      await query(server.connection, 'CREATE TABLE kept AS SELECT 42 AS n');
      await stop(server);
      const { home } = JSON.parse(await readFile(join(dataDir, 'postgres.place'), 'utf8'));
      folders.push(home);
      expect(home.startsWith(`${SYSTEM_FOLDER}/`)).toBe(true);
      // Opening the folder later changes nothing: the data stays where it is.
      await chmod(dataDir, 0o755);
      const again = await start();
      expect(await query(again.connection, 'SELECT n FROM kept')).toEqual([{ n: 42 }]);
      await stop(again);

      const copied = await mkdtemp(join(tmpdir(), 'zerogpu-test-'));
      folders.push(copied);
      await cp(dataDir, copied, { recursive: true });
      await expect(start(copied)).rejects.toThrow('is a copy of');
      // Moved rather than copied, it is the same database.
      const moved = `${dataDir}-moved`;
      folders.push(moved);
      await rename(dataDir, moved);
      const there = await start(moved);
      expect(await query(there.connection, 'SELECT n FROM kept')).toEqual([{ n: 42 }]);
      await stop(there);

      await rename(home, `${home}-away`);
      folders.push(`${home}-away`);
      await expect(start(moved)).rejects.toThrow('which is not there any more');
    },
  );

  asRoot('starts empty where a closed data directory was deleted and made again', async () => {
    await chmod(dataDir, 0o700);
    const first = await start();
    await query(first.connection, 'CREATE TABLE kept AS SELECT 42 AS n');
    await stop(first);
    folders.push(JSON.parse(await readFile(join(dataDir, 'postgres.place'), 'utf8')).home);
    await rm(dataDir, { recursive: true });
    await mkdir(dataDir, { mode: 0o700 });
    const second = await start();
    folders.push(JSON.parse(await readFile(join(dataDir, 'postgres.place'), 'utf8')).home);
    expect(await query(second.connection, "SELECT to_regclass('kept') AS found")).toEqual([{ found: null }]);
  });

  asRoot('keeps running what an ordinary user made as that user', async () => {
    const user = { uid: 1, gid: 1 };
    await chown(dataDir, user.uid, user.gid);
    if (!(await canTraverse(dirname(PROGRAM), user))) return;
    const { owner, told } = await startOwner(dataDir, user);
    expect(told.refused).toBeUndefined();
    expect((await stat(`/proc/${told.server}`)).uid).toBe(user.uid);
    await query(told.connection, 'CREATE TABLE kept AS SELECT 42 AS n');
    owner.kill('SIGTERM');
    await once(owner, 'exit');
    const server = await start();
    expect((await stat(`/proc/${server.pid}`)).uid).toBe(user.uid);
    expect(await query(server.connection, 'SELECT n FROM kept')).toEqual([{ n: 42 }]);
    await stop(server);
    const again = await startOwner(dataDir, user);
    expect(again.told.refused).toBeUndefined();
  });

  asRoot('tells an ordinary user that root made the database', async () => {
    await stop(await start());
    await chmod(dataDir, 0o777);
    const user = { uid: 1, gid: 1 };
    if (!(await canTraverse(dirname(PROGRAM), user))) return;
    const { told } = await startOwner(dataDir, user);
    expect(told.refused).toContain('was made by another user');
  });
});

async function ownNamespace(): Promise<string> {
  return readlink('/proc/self/ns/pid');
}
