/** A gateway with a node, and what works on lines beside it: processes of their own, each to be killed and started again. */

import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { moneyTypes } from '@zerogpu/ledger';
import pg from 'pg';
import type { BatchDoor } from './batch-client.ts';
import { ManagedProcess, ROOT } from './managed-process.ts';
import { endDatabase, freePort, parseCredentials } from './platform.ts';

export interface BatchFleetOptions {
  /** Null: the gateway's own. */
  readonly databaseUrl: string | null;
  /** A worker process, which asks the gateways' nodes. */
  readonly worker?: boolean;
  /** Gateways leave all lines to the worker. */
  readonly onlyWorker?: boolean;
  /** A second gateway on the same database and folder of files, with a node of its own or with none. */
  readonly second?: 'with a node' | 'without a node';
  /** Of gateways and worker, over the defaults of a test. */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * The gateway's files lie on a disk of so many bytes, which it alone sees. Where none may be mounted (that takes Linux,
   * and the right to make namespaces), its writes find no more room than that: see small-disk.ts.
   */
  readonly diskBytes?: number;
}

export type Role = 'gateway' | 'second' | 'worker' | 'node';

/** Whether a small disk can be made for a process of its own. */
const MAKES_DISKS =
  process.platform === 'linux' &&
  process.env['ZEROGPU_TEST_NO_MOUNTS'] === undefined &&
  spawnSync('unshare', ['--map-root-user', '--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0;

const READY_MS = 60_000;
const STOP_MS = 30_000;

export interface Member {
  readonly name: string;
  readonly role: Role;
  /** Where it listens; of a node, which gateway it joins; of a worker, nothing. */
  readonly port: number;
  process: ManagedProcess;
}

export class BatchFleet implements BatchDoor {
  readonly members: Member[] = [];
  readonly dataDir: string;
  apiKey = '';
  readonly #options: BatchFleetOptions;
  readonly #env: Readonly<Record<string, string | undefined>>;

  private constructor(options: BatchFleetOptions, dataDir: string) {
    this.#options = options;
    this.dataDir = dataDir;
    this.#env = {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      // A restart compiles nothing anew, as with `npm start`.
      NODE_COMPILE_CACHE: path.join(ROOT, 'node_modules/.cache/compiled'),
      HOST: '127.0.0.1',
      ...(options.databaseUrl === null ? {} : { DATABASE_URL: options.databaseUrl }),
      ZEROGPU_SECRET: randomBytes(32).toString('hex'),
      ZEROGPU_DATA_DIR: dataDir,
      ...options.env,
    };
  }

  /** One after the other: the gateway fills the database and makes the node's token. */
  static async start(options: BatchFleetOptions): Promise<BatchFleet> {
    const dataDir = await mkdtemp(path.join(tmpdir(), 'zerogpu-test-'));
    // As root the database runs as another user, who has to pass through.
    await chmod(dataDir, 0o711);
    const fleet = new BatchFleet(options, dataDir);
    try {
      await writeFile(fleet.#room, String(options.diskBytes ?? 0));
      const gateway = await fleet.#add('gateway', 'gateway', await freePort());
      const credentials = parseCredentials(await readFile(path.join(dataDir, 'credentials.env'), 'utf8'));
      fleet.apiKey = credentials['ZEROGPU_API_KEY'] ?? '';
      await fleet.#add('node', 'node-1', gateway.port);
      if (options.worker) await fleet.#add('worker', 'worker', 0);
      if (options.second !== undefined) await fleet.#addSecond(options.second === 'with a node');
      return fleet;
    } catch (error) {
      await fleet.stop();
      throw error;
    }
  }

  /** The gateway's. */
  get url(): string {
    return this.urlOf(this.member('gateway'));
  }

  urlOf({ port }: Member): string {
    return `http://127.0.0.1:${port}`;
  }

  /** @param place among those of the role, from 0 to 1, without 1 */
  member(role: Role, place = 0): Member {
    const found = this.members.filter((member) => member.role === role);
    const member = found[Math.floor(place * found.length)];
    if (member === undefined) throw new Error(`There is no ${role}`);
    return member;
  }

  /** The folder of the storage, as the gateway sees it. */
  get files(): string {
    const folder = path.join(this.dataDir, 'files');
    return this.#options.diskBytes === undefined || !MAKES_DISKS
      ? folder
      : path.join('/proc', String(this.member('gateway').process.pid), 'root', folder);
  }

  /** Leaves no room on the disk of `diskBytes`. @returns what makes room again */
  async fillDisk(): Promise<() => Promise<void>> {
    const { diskBytes = 0 } = this.#options;
    if (!MAKES_DISKS) {
      await writeFile(this.#room, '0');
      return () => writeFile(this.#room, String(diskBytes));
    }
    const ballast = path.join(this.files, 'ballast');
    const file = await open(ballast, 'w');
    try {
      for (;;) await file.write(Buffer.alloc(4_096));
    } catch {
      return () => rm(ballast);
    } finally {
      await file.close();
    }
  }

  /** How much room there is, where no disk can be made. */
  get #room(): string {
    return path.join(this.dataDir, 'room');
  }

  /** `kill -9`; resolves when the process is gone. */
  async kill(member: Member): Promise<void> {
    await member.process.killHard();
  }

  /** Resolves when it can work again. */
  async restart(member: Member): Promise<void> {
    member.process = this.#spawn(member);
    await member.process.ready(READY_MS);
  }

  /** For a look at the database as it is now: one of its own, because an embedded one ends with its gateway. */
  async withPool<T>(act: (pool: pg.Pool) => Promise<T>): Promise<T> {
    const { databaseUrl } = this.#options;
    const where = databaseUrl === null ? await this.#embedded() : { connectionString: databaseUrl };
    const pool = new pg.Pool({ ...where, types: moneyTypes, max: 2 });
    pool.on('error', () => undefined);
    try {
      return await act(pool);
    } finally {
      await pool.end();
    }
  }

  /** The embedded database's process. */
  async databasePid(): Promise<number> {
    return Number((await this.#postmaster())[0]);
  }

  /** What all wrote last. */
  get output(): string {
    return this.members.map(({ name, process: { output } }) => `${name}:\n${output}`).join('\n');
  }

  /** Ends all in order: nodes last, so that nothing waits for one. The folder stays. */
  async end(): Promise<void> {
    for (const { process } of this.members) await process.stop(STOP_MS);
  }

  async stop(): Promise<void> {
    await this.end();
    await endDatabase(this.dataDir);
    await rm(this.dataDir, { recursive: true, force: true });
  }

  /** A small disk in a namespace of the gateway's own, so that it needs no rights and goes with its process. */
  #throughDisk(): string[] {
    const { diskBytes } = this.#options;
    if (diskBytes === undefined || !MAKES_DISKS) return [];
    const mount = `mkdir -p "$0" && mount -t tmpfs -o size=${diskBytes} tmpfs "$0" && exec "$@"`;
    return ['unshare', '--map-root-user', '--mount', 'sh', '-c', mount, path.join(this.dataDir, 'files')];
  }

  /** The same by word of mouth, where none may be mounted. */
  #saidDisk(role: Role): Readonly<Record<string, string>> {
    if (role !== 'gateway' || this.#options.diskBytes === undefined || MAKES_DISKS) return {};
    const module = path.join(ROOT, 'tests/src/support/small-disk.ts');
    return { NODE_OPTIONS: `--import ${module}`, ZEROGPU_TEST_ROOM: this.#room };
  }

  /** The private socket, as the running server has written it down: its port in the fourth line, its folder in the fifth. */
  async #embedded(): Promise<pg.PoolConfig> {
    const lines = await this.#postmaster();
    return { host: lines[4] ?? '', port: Number(lines[3]), user: 'zerogpu', database: 'zerogpu' };
  }

  async #postmaster(): Promise<string[]> {
    const file = path.join(this.dataDir, 'postgres', 'data', 'postmaster.pid');
    return (await readFile(file, 'utf8')).split('\n');
  }

  async #addSecond(withNode: boolean): Promise<void> {
    const second = await this.#add('second', 'second', await freePort());
    if (withNode) await this.#add('node', 'node-2', second.port);
  }

  async #add(role: Role, name: string, port: number): Promise<Member> {
    const member: Member = { name, role, port, process: this.#spawn({ role, name, port }) };
    this.members.push(member);
    await member.process.ready(READY_MS);
    return member;
  }

  #spawn({ role, name, port }: Omit<Member, 'process'>): ManagedProcess {
    if (role !== 'node') {
      const env: Record<string, string | undefined> = {
        ...this.#env,
        ...this.#saidDisk(role),
        PORT: String(port),
        ZEROGPU_GATEWAY_NAME: name,
      };
      if (role !== 'worker' && this.#options.onlyWorker) env['ZEROGPU_BATCH_CONCURRENCY'] = '0';
      const through = role === 'gateway' ? this.#throughDisk() : [];
      const program = role === 'worker' ? 'gateway/src/worker.ts' : 'gateway/src/main.ts';
      return new ManagedProcess({ name, program, env, through });
    }
    const token = path.join(this.dataDir, 'node-token');
    const state = path.join(this.dataDir, name);
    const url = `http://127.0.0.1:${port}`;
    const args = ['--gateway', url, '--token-file', token, '--state', state, '--name', name];
    return new ManagedProcess({ name, program: 'node/src/main.ts', args, env: this.#env });
  }
}
