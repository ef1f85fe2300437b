import type { Hello, Load, ModelManifest, RuntimeName } from '@zerogpu/protocol';
import type { FileSource, Runtime } from '@zerogpu/runtimes';
import { backoffDelay } from './backoff.ts';
import { Connection } from './connection.ts';
import type { Identity } from './identity.ts';
import { LoadedModels } from './loaded-models.ts';
import type { Refusal } from './session.ts';
import type { Connect } from './transport.ts';
import { Turns } from './turns.ts';
import { warmUp } from './warm-up.ts';
import { Work } from './work.ts';

/** What a platform (Node, browser) hands to the core, and what its owner chose. */
export interface EdgeNodeOptions {
  /** Complete address, such as `ws://127.0.0.1:8080/v1/nodes/connect`. */
  readonly gatewayUrl: string;
  readonly connect: Connect;
  readonly identity: Identity;
  joinToken(): Promise<string | null>;
  /** The ceiling of the time between two attempts to connect. */
  readonly slowestRetryMs: number;
  readonly name: string;
  readonly agent: string;
  readonly capabilities: Hello['capabilities'];
  readonly manifests: readonly ModelManifest[];
  readonly runtimes: ReadonlyMap<RuntimeName, Runtime>;
  files(manifest: ModelManifest): FileSource;
  /** Runs at once of each model, 1 to 1024. */
  readonly slots: number;
  /** Most bytes that all models in memory may take together. */
  readonly memoryBytes: number;
  /** How often each model is run before the node is ready, to warm its code; 0 for not at all. */
  readonly warmUpRuns: number;
  /** Resolves after the event loop has served what was waiting. */
  pause(): Promise<void>;
  /** Milliseconds, never going back. */
  now(): number;
  /** In [0, 1). */
  random(): number;
  /** Called with lines for the log; they hold nothing of a request. */
  log(line: string): void;
}

/** How a node ended. */
export type EdgeNodeEnd =
  | { readonly kind: 'drained' }
  | { readonly kind: 'refused'; readonly code: Refusal; readonly message: string };

/** A model that takes longer to run a paragraph is not worth waiting for before the node is ready. */
const WARM_UP_MS = 5_000;

/** An edge node: connects out, announces its models, runs what it is sent. */
export class EdgeNode {
  readonly #options: EdgeNodeOptions;
  readonly #models: LoadedModels;
  readonly #work: Work;
  readonly #connection: Connection;
  readonly #ended = Promise.withResolvers<EdgeNodeEnd>();
  readonly #firstWelcome = Promise.withResolvers<void>();
  readonly #counts = { connections: 0, ignoredFrames: 0 };
  readonly #drainStarted = new AbortController();

  constructor(options: EdgeNodeOptions) {
    this.#options = options;
    const { manifests, runtimes, memoryBytes, slots } = options;
    this.#models = new LoadedModels({
      manifests,
      runtimes,
      memoryBytes,
      files: (manifest) => options.files(manifest),
      now: () => options.now(),
      log: (line) => options.log(line),
      changed: () => this.#connection.sendLoad(),
    });
    this.#work = new Work({
      models: this.#models,
      slots,
      turns: new Turns(
        () => options.pause(),
        () => options.now(),
      ),
      now: () => options.now(),
      log: (line) => options.log(line),
    });
    this.#connection = this.#makeConnection();
  }

  /** Resolves once, when it ended for good: drained by its owner, or refused by the gateway. */
  get ended(): Promise<EdgeNodeEnd> {
    return this.#ended.promise;
  }

  /** Connections that became welcome, and messages that were no frames and were ignored. */
  get counts(): { readonly connections: number; readonly ignoredFrames: number } {
    return { ...this.#counts };
  }

  /**
   * Connects, and meanwhile loads the models and runs each a few times, so that the first request finds warm code.
   * Resolves with the ids of the models in memory when that is done and the gateway has welcomed the node; with null
   * when it ended before.
   */
  async start(): Promise<string[] | null> {
    this.#connection.start();
    const prepared = Promise.all([this.#firstWelcome.promise, this.#prepareModels()]);
    return Promise.race([prepared.then(() => this.#residentModels()), this.ended.then(() => null)]);
  }

  /**
   * Takes no new runs, finishes those in flight, says goodbye. Resolves when all is over.
   * @param graceMs how long runs in flight may take; those that take longer are answered as cancelled
   */
  async drain(graceMs: number): Promise<void> {
    if (this.#drainStarted.signal.aborted) return;
    this.#drainStarted.abort();
    this.#connection.sendDraining();
    await this.#work.finish(graceMs);
    await this.#connection.stop('draining');
    this.#models.unloadAll();
    this.#ended.resolve({ kind: 'drained' });
  }

  async #prepareModels(): Promise<void> {
    await this.#models.preload();
    const signal = AbortSignal.any([this.#drainStarted.signal, AbortSignal.timeout(WARM_UP_MS)]);
    for (const id of this.#residentModels()) {
      // Put out meanwhile for another model, it needs no warmth.
      const used = await this.#models.use(id).catch(() => null);
      if (used === null) continue;
      for (let run = 0; run < this.#options.warmUpRuns && !signal.aborted; run++) {
        await this.#options.pause();
        await warmUp(used.model, signal);
      }
      used.release();
    }
  }

  #residentModels(): string[] {
    const announced = this.#models.announced(this.#options.slots);
    return announced.filter((model) => model.resident).map((model) => model.id);
  }

  #makeConnection(): Connection {
    const { gatewayUrl: url, connect, identity, name, agent, capabilities, slots } = this.#options;
    const session = {
      url,
      connect,
      identity,
      joinToken: () => this.#options.joinToken(),
      introduction: () => ({ name, agent, capabilities, models: this.#models.announced(slots) }),
      load: () => this.#load(),
      now: () => this.#options.now(),
    };
    return new Connection(session, (attempt) => this.#backoff(attempt), {
      welcomed: (nodeId) => this.#welcomed(nodeId),
      run: (run, port) => this.#work.start(run, port),
      cancel: (id, port) => this.#work.cancel(id, port),
      ignored: () => {
        this.#counts.ignoredFrames++;
      },
      lost: (port, reason, retryInMs) => {
        this.#work.cancelAll(port);
        const seconds = (retryInMs / 1000).toFixed(1);
        this.#options.log(`Not connected to ${url} (${reason}); trying again in ${seconds} s`);
      },
      refused: (code, message) => this.#ended.resolve({ kind: 'refused', code, message }),
    });
  }

  #backoff(attempt: number): number {
    return backoffDelay(attempt, this.#options.random(), this.#options.slowestRetryMs);
  }

  #welcomed(nodeId: string): void {
    this.#counts.connections++;
    this.#options.log(`Connected to ${this.#options.gatewayUrl} as ${nodeId}`);
    this.#firstWelcome.resolve();
  }

  #load(): Load {
    const { residentBytes } = this.#models;
    return { type: 'load', models: this.#models.announced(this.#options.slots), residentBytes };
  }
}
