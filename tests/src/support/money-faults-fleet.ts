/** Several gateways as processes of their own that share one database, to be killed and started again. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ManagedProcess } from './managed-process.ts';
import { freePort } from './platform.ts';

export interface FleetOptions {
  readonly gateways: number;
  readonly databaseUrl: string;
  readonly secret: string;
  readonly deadlineMs: number;
  /** The setting `ZEROGPU_UPSTREAMS`. */
  readonly upstreams: string;
}

const READY_MS = 60_000;
const STOP_MS = 30_000;

export interface FleetMember {
  readonly name: string;
  readonly port: number;
  /** Between a kill and the next start nobody is sent there. */
  up: boolean;
  process: ManagedProcess;
}

export class Fleet {
  readonly members: FleetMember[] = [];
  readonly #options: FleetOptions;
  readonly #dataDir: string;

  private constructor(options: FleetOptions, dataDir: string) {
    this.#options = options;
    this.#dataDir = dataDir;
  }

  /** One after the other: the first fills the database. */
  static async start(options: FleetOptions): Promise<Fleet> {
    const fleet = new Fleet(options, await mkdtemp(path.join(tmpdir(), 'zerogpu-test-')));
    try {
      for (let i = 1; i <= options.gateways; i++) await fleet.#add(`gateway-${i}`);
      return fleet;
    } catch (error) {
      await fleet.stop();
      throw error;
    }
  }

  get up(): FleetMember[] {
    return this.members.filter((member) => member.up);
  }

  /** `kill -9`; resolves when the process is gone. */
  async kill(member: FleetMember): Promise<void> {
    member.up = false;
    await member.process.killHard();
  }

  async restart(member: FleetMember): Promise<void> {
    member.process = this.#spawn(member.name, member.port);
    await member.process.ready(READY_MS);
    member.up = true;
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => member.process.stop(STOP_MS)));
    await rm(this.#dataDir, { recursive: true, force: true });
  }

  async #add(name: string): Promise<void> {
    const port = await freePort();
    const member: FleetMember = { name, port, up: false, process: this.#spawn(name, port) };
    this.members.push(member);
    await member.process.ready(READY_MS);
    member.up = true;
  }

  #spawn(name: string, port: number): ManagedProcess {
    const { databaseUrl, secret, deadlineMs, upstreams } = this.#options;
    const env = {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      // A restart compiles nothing anew, as with `npm start`.
      NODE_COMPILE_CACHE: path.join(this.#dataDir, 'compiled'),
      HOST: '127.0.0.1',
      PORT: String(port),
      DATABASE_URL: databaseUrl,
      ZEROGPU_SECRET: secret,
      ZEROGPU_DATA_DIR: path.join(this.#dataDir, name),
      ZEROGPU_GATEWAY_NAME: name,
      ZEROGPU_DEADLINE_MS: String(deadlineMs),
      ZEROGPU_UPSTREAMS: upstreams,
    };
    return new ManagedProcess({ name, program: 'gateway/src/main.ts', env });
  }
}
