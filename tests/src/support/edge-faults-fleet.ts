/** A gateway and twelve nodes as processes of their own, and what can happen to such nodes. */
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NodePool } from '@zerogpu/protocol';
import { ONLY } from './edge-faults-asks.ts';
import { type Lying, LyingProxy } from './lying-proxy.ts';
import { ManagedProcess } from './managed-process.ts';
import type { NetworkNamespace } from './network-namespace.ts';
import { endDatabase } from './platform.ts';

/** What befalls a node while others are killed and frozen. */
export type Fate = 'mortal' | 'slow' | 'cut off' | 'spared' | Lying;

export interface NodeSpec {
  readonly name: string;
  readonly pool: NodePool;
  readonly fate: Fate;
}

const ALWAYS: Lying = { share: 1, honestFor: 0 };
const TENTH: Lying = { share: 0.1, honestFor: 0 };
/** Trusted for each of the four models by then, or nearly. */
const PATIENT: Lying = { share: 0.1, honestFor: 60 };

export const NODES: readonly NodeSpec[] = [
  { name: 'operator 1', pool: 'operator', fate: 'mortal' },
  { name: 'operator 2', pool: 'operator', fate: 'mortal' },
  { name: 'operator 3', pool: 'operator', fate: 'slow' },
  { name: 'operator 4', pool: 'operator', fate: 'cut off' },
  { name: 'organization 1', pool: 'organization', fate: 'mortal' },
  { name: 'organization 2', pool: 'organization', fate: 'mortal' },
  { name: 'stranger 1', pool: 'public', fate: 'mortal' },
  { name: 'stranger 2', pool: 'public', fate: 'mortal' },
  { name: 'always lies', pool: 'public', fate: ALWAYS },
  { name: 'one in ten', pool: 'public', fate: TENTH },
  { name: 'one in ten, later', pool: 'public', fate: PATIENT },
  // The fallback: as long as it is up nothing may fail.
  { name: 'cloud 1', pool: 'cloud', fate: 'spared' },
];

/** Few, so that a handful of callers fills an organization's nodes and the rest goes further. */
const SLOTS = '4';
const FALLBACK_SLOTS = '16';
/** It works a sixteenth of the time. */
const SLOW_WORKS_MS = 10;
const SLOW_RESTS_MS = 150;
const READY_MS = 90_000;
const NODE_STOP_MS = 15_000;
const GATEWAY_STOP_MS = 30_000;

export interface EdgeFleetOptions {
  readonly dataDir: string;
  readonly port: number;
  readonly tokens: Readonly<Record<NodePool, string>>;
  /** Null where there can be none: then that node is like any other. */
  readonly network: NetworkNamespace | null;
  random(): number;
}

export class EdgeNode {
  readonly spec: NodeSpec;
  readonly liar: LyingProxy | null;
  process: ManagedProcess | null = null;
  /** Something is being done to it. */
  busy = false;
  readonly #spawn: () => ManagedProcess;

  constructor(spec: NodeSpec, liar: LyingProxy | null, spawn: () => ManagedProcess) {
    this.spec = spec;
    this.liar = liar;
    this.#spawn = spawn;
  }

  /** Resolves when it is welcome. */
  async start(): Promise<void> {
    const process = this.#spawn();
    this.process = process;
    await process.ready(READY_MS);
  }

  async kill(): Promise<void> {
    await this.process?.killHard();
  }

  /** Stands still for so long; its sockets stay open. */
  async freeze(ms: number): Promise<void> {
    this.process?.kill('SIGSTOP');
    await sleep(ms);
    this.process?.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    this.process?.kill('SIGCONT');
    await this.process?.stop(NODE_STOP_MS);
    await this.liar?.close();
  }
}

export class EdgeFleet {
  readonly nodes: EdgeNode[] = [];
  readonly url: string;
  /** Of every process that there ever was. */
  readonly pids: number[] = [];
  readonly #options: EdgeFleetOptions;
  readonly #gateway: ManagedProcess;
  readonly #env: Readonly<Record<string, string | undefined>>;

  private constructor(options: EdgeFleetOptions) {
    const { dataDir, port, network } = options;
    const host = network?.hostAddress ?? '127.0.0.1';
    this.#options = options;
    this.url = `http://${host}:${port}`;
    this.#env = {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      // A node that comes back compiles nothing anew.
      NODE_COMPILE_CACHE: path.join(dataDir, 'compiled'),
    };
    const env = { ...this.#env, HOST: host, PORT: String(port), ZEROGPU_DATA_DIR: dataDir };
    this.#gateway = new ManagedProcess({ name: 'gateway', program: 'gateway/src/main.ts', env });
    this.pids.push(this.#gateway.pid);
  }

  /** Resolves when all nodes are welcome. */
  static async start(options: EdgeFleetOptions): Promise<EdgeFleet> {
    const fleet = new EdgeFleet(options);
    try {
      await fleet.#gateway.ready(READY_MS);
      for (const spec of NODES) fleet.nodes.push(await fleet.#node(spec));
      await Promise.race([Promise.all(fleet.nodes.map((node) => node.start())), fleet.#gatewayDied()]);
      return fleet;
    } catch (error) {
      await fleet.stop();
      throw error;
    }
  }

  /** Why the gateway ended although nobody asked it to; null while it runs. */
  get gatewayEnd(): string | null {
    return this.#gateway.running ? null : this.#gateway.output;
  }

  /** Nodes that may be killed or frozen at this moment. */
  idle(fate: Fate): EdgeNode[] {
    return this.nodes.filter(({ spec, busy }) => spec.fate === fate && !busy);
  }

  /** Lets a node work a sixteenth of the time, until the signal. */
  async slowDown(node: EdgeNode, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await node.freeze(SLOW_RESTS_MS);
      await sleep(SLOW_WORKS_MS);
    }
  }

  /** Ends everything, and the database of a gateway that did not end by itself. */
  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
    await this.#gateway.stop(GATEWAY_STOP_MS);
    await endDatabase(this.#options.dataDir);
  }

  async remove(): Promise<void> {
    await rm(this.#options.dataDir, { recursive: true, force: true });
  }

  async #gatewayDied(): Promise<never> {
    await this.#gateway.exited;
    throw new Error(`The gateway ended. It wrote:\n${this.#gateway.output}`);
  }

  async #node(spec: NodeSpec): Promise<EdgeNode> {
    const liar = typeof spec.fate === 'string' ? null : await this.#liar(spec.fate);
    return new EdgeNode(spec, liar, () => this.#spawnNode(spec, liar?.url ?? this.url));
  }

  #liar(lying: Lying): Promise<LyingProxy> {
    return LyingProxy.open(this.url, lying, this.#options.random);
  }

  #spawnNode({ name, pool, fate }: NodeSpec, gateway: string): ManagedProcess {
    const { dataDir, tokens, network } = this.#options;
    const state = path.join(dataDir, name.replaceAll(/\W+/g, '-'));
    const slots = fate === 'spared' ? FALLBACK_SLOTS : SLOTS;
    const flags = { gateway, state, name, slots, token: tokens[pool], only: ONLY, memory: '512' };
    const spawned = new ManagedProcess({
      name,
      program: 'node/src/main.ts',
      args: Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value]),
      env: this.#env,
      through: fate === 'cut off' && network !== null ? network.through : [],
    });
    this.pids.push(spawned.pid);
    return spawned;
  }
}

/** Of processes that should be gone. */
export function stillAlive(pids: readonly number[]): number[] {
  return pids.filter((pid) => {
    try {
      process.kill(pid, 0);
      return true;
    } catch {
      return false;
    }
  });
}
