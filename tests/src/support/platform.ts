/** The whole product for a test: one gateway and its nodes as real processes, on loopback, in a folder of their own. */
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ManagedProcess } from './managed-process.ts';

export interface PlatformOptions {
  /** 1 unless told. */
  readonly nodes?: number;
  /** Settings of the gateway, over the defaults of a test. */
  readonly env?: Readonly<Record<string, string>>;
  /** Flags for every node, such as `['--slots', '2']`. */
  readonly nodeFlags?: readonly string[];
}

/** `credentials.env` of the first boot, by variable. */
export type Credentials = Readonly<Record<string, string>>;

/** Guards against hanging, generous because a machine that runs tests is a busy one. */
const READY_MS = 60_000;
const NODE_STOP_MS = 15_000;
const GATEWAY_STOP_MS = 30_000;
const DATABASE_STOP_MS = 20_000;

export class Platform {
  /** Such as `http://127.0.0.1:41234`; the same after a restart of the gateway. */
  readonly url: string;
  /** Holds everything that the platform writes; gone after `stop`. */
  readonly dataDir: string;
  readonly nodes: ManagedProcess[] = [];
  gateway: ManagedProcess;
  credentials: Credentials = {};
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #nodeFlags: readonly string[];
  #nodeTokenFile = '';
  #nodesMade = 0;

  private constructor(dataDir: string, port: number, options: PlatformOptions) {
    this.dataDir = dataDir;
    this.url = `http://127.0.0.1:${port}`;
    this.#env = {
      ...environmentWithoutOurs(),
      HOST: '127.0.0.1',
      PORT: String(port),
      ZEROGPU_DATA_DIR: dataDir,
      ...options.env,
    };
    this.#nodeFlags = options.nodeFlags ?? [];
    this.gateway = this.#spawnGateway();
  }

  /** Resolves when the gateway listens and every node is welcome with its models in memory. */
  static async start(options: PlatformOptions = {}): Promise<Platform> {
    const dataDir = await mkdtemp(path.join(tmpdir(), 'zerogpu-test-'));
    // As root the database runs as another user, who has to pass through.
    await chmod(dataDir, 0o711);
    const platform = new Platform(dataDir, await freePort(), options);
    try {
      await platform.#gatewayReady();
      await Promise.all(Array.from({ length: options.nodes ?? 1 }, () => platform.addNode()));
      return platform;
    } catch (error) {
      await platform.stop();
      throw error;
    }
  }

  /** The key of the first boot. */
  get apiKey(): string {
    return this.credentials['ZEROGPU_API_KEY'] ?? '';
  }

  get projectId(): string {
    return this.credentials['ZEROGPU_PROJECT_ID'] ?? '';
  }

  /** Starts one more node; resolves when it is welcome with its models in memory. */
  async addNode(): Promise<ManagedProcess> {
    const name = `node ${++this.#nodesMade}`;
    const state = path.join(this.dataDir, name.replace(' ', '-'));
    const flags = [
      '--gateway',
      this.url,
      '--token-file',
      this.#nodeTokenFile,
      '--state',
      state,
      '--name',
      name,
    ];
    const node = new ManagedProcess({
      name,
      program: 'node/src/main.ts',
      args: [...flags, ...this.#nodeFlags],
      env: this.#env,
    });
    this.nodes.push(node);
    await node.ready(READY_MS);
    return node;
  }

  /** Starts the gateway again at the same address after it was stopped or killed; resolves when it listens. */
  async startGateway(): Promise<void> {
    this.gateway = this.#spawnGateway();
    await this.#gatewayReady();
  }

  /** One call of the API with the key of the first boot; any headers given win. */
  async fetch(
    route: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Response> {
    const ours = { 'x-api-key': this.apiKey, 'content-type': 'application/json' };
    const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
    return fetch(this.url + route, { ...init, headers: { ...ours, ...headers } });
  }

  /** Ends everything that was started, the database of a killed gateway too, and removes the folder. */
  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop(NODE_STOP_MS)));
    await this.gateway.stop(GATEWAY_STOP_MS);
    await endDatabase(this.dataDir);
    await rm(this.dataDir, { recursive: true, force: true });
  }

  async #gatewayReady(): Promise<void> {
    const { nodeTokenFile, credentialsFile } = await this.gateway.ready(READY_MS);
    this.#nodeTokenFile = String(nodeTokenFile);
    this.credentials = parseCredentials(await readFile(String(credentialsFile), 'utf8'));
  }

  #spawnGateway(): ManagedProcess {
    return new ManagedProcess({ name: 'gateway', program: 'gateway/src/main.ts', env: this.#env });
  }
}

export function startPlatform(options?: PlatformOptions): Promise<Platform> {
  return Platform.start(options);
}

/** The `export NAME=value` lines of `credentials.env`, quotes taken off. */
export function parseCredentials(text: string): Credentials {
  const lines = text.matchAll(/^export (\w+)=(['"]?)(.*)\2$/gm);
  return Object.fromEntries([...lines].map(([, name, , value]) => [String(name), String(value)]));
}

/** A port of loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  await new Promise((resolve) => {
    server.close(resolve);
  });
  if (address === null || typeof address === 'string') throw new Error('No free port');
  return address.port;
}

/** A developer's own settings are not the test's. */
function environmentWithoutOurs(): Record<string, string | undefined> {
  const ours = (name: string) =>
    name.startsWith('ZEROGPU_') || ['DATABASE_URL', 'HOST', 'PORT'].includes(name);
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours(name)));
}

/** What a killed gateway leaves running until somebody starts one on the same folder again. */
export async function endDatabase(dataDir: string): Promise<void> {
  const file = path.join(dataDir, 'postgres', 'data', 'postmaster.pid');
  const text = await readFile(file, 'utf8').catch(() => '');
  const pid = Number(text.split('\n')[0]);
  if (!(pid > 1) || !isAlive(pid)) return;
  process.kill(pid, 'SIGQUIT');
  for (let waited = 0; isAlive(pid) && waited < DATABASE_STOP_MS; waited += 20) await sleep(20);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
