/** A gateway, a worker beside it and a node as processes of their own, each to be killed and started again alone. */
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { moneyTypes } from '@zerogpu/ledger';
import pg from 'pg';
import type { BatchDoor } from './batch-client.ts';
import { ManagedProcess, ROOT } from './managed-process.ts';
import { endDatabase, freePort, parseCredentials } from './platform.ts';

export interface BatchFleetOptions {
  /** Null: the gateway's own, and no worker beside it. */
  readonly databaseUrl: string | null;
  readonly worker: boolean;
  readonly nodes?: number;
  /** Of gateway and worker, over the defaults of a test. */
  readonly env?: Readonly<Record<string, string>>;
  /** The gateway's files lie on a disk of so many bytes, which it alone sees (Linux, where namespaces may be made). */
  readonly diskBytes?: number;
}

export type Role = 'gateway' | 'worker' | 'node';

const READY_MS = 60_000;
const STOP_MS = 30_000;

export interface Member {
  readonly name: string;
  readonly role: Role;
  process: ManagedProcess;
}

export class BatchFleet implements BatchDoor {
  readonly members: Member[] = [];
  readonly url: string;
  readonly dataDir: string;
  apiKey = '';
  projectId = '';
  readonly #options: BatchFleetOptions;
  readonly #env: Readonly<Record<string, string | undefined>>;

  private constructor(options: BatchFleetOptions, dataDir: string, port: number) {
    this.#options = options;
    this.dataDir = dataDir;
    this.url = `http://127.0.0.1:${port}`;
    this.#env = {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      // A restart compiles nothing anew, as with `npm start`.
      NODE_COMPILE_CACHE: path.join(ROOT, 'node_modules/.cache/compiled'),
      HOST: '127.0.0.1',
      PORT: String(port),
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
    const fleet = new BatchFleet(options, dataDir, await freePort());
    try {
      await fleet.#add('gateway', 'gateway');
      const credentials = parseCredentials(await readFile(path.join(dataDir, 'credentials.env'), 'utf8'));
      fleet.apiKey = credentials['ZEROGPU_API_KEY'] ?? '';
      fleet.projectId = credentials['ZEROGPU_PROJECT_ID'] ?? '';
      if (options.worker) await fleet.#add('worker', 'worker');
      for (let i = 1; i <= (options.nodes ?? 1); i++) await fleet.#add('node', `node-${i}`);
      return fleet;
    } catch (error) {
      await fleet.stop();
      throw error;
    }
  }

  member(role: Role): Member {
    const found = this.members.find((member) => member.role === role);
    if (found === undefined) throw new Error(`There is no ${role}`);
    return found;
  }

  /** The folder of the storage, as the gateway sees it. */
  get files(): string {
    const folder = path.join(this.dataDir, 'files');
    return this.#options.diskBytes === undefined
      ? folder
      : path.join('/proc', String(this.member('gateway').process.pid), 'root', folder);
  }

  /** `kill -9`; resolves when the process is gone. */
  async kill(member: Member): Promise<void> {
    await member.process.killHard();
  }

  /** Resolves when it can work again. */
  async restart(member: Member): Promise<void> {
    member.process = this.#spawn(member.role, member.name);
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
    if (diskBytes === undefined) return [];
    const mount = `mkdir -p "$0" && mount -t tmpfs -o size=${diskBytes} tmpfs "$0" && exec "$@"`;
    return ['unshare', '--map-root-user', '--mount', 'sh', '-c', mount, path.join(this.dataDir, 'files')];
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

  async #add(role: Role, name: string): Promise<void> {
    const member: Member = { name, role, process: this.#spawn(role, name) };
    this.members.push(member);
    await member.process.ready(READY_MS);
  }

  #spawn(role: Role, name: string): ManagedProcess {
    if (role === 'gateway') {
      const through = this.#throughDisk();
      return new ManagedProcess({ name, program: 'gateway/src/main.ts', env: this.#env, through });
    }
    if (role === 'worker') {
      const env = { ...this.#env, PORT: '0', ZEROGPU_GATEWAY_NAME: name };
      return new ManagedProcess({ name, program: 'gateway/src/worker.ts', env });
    }
    const token = path.join(this.dataDir, 'node-token');
    const state = path.join(this.dataDir, name);
    const args = ['--gateway', this.url, '--token-file', token, '--state', state, '--name', name];
    return new ManagedProcess({ name, program: 'node/src/main.ts', args, env: this.#env });
  }
}
