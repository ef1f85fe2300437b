import type { AnnouncedModel, Hello, Load, ModelManifest, RuntimeName } from '@zerogpu/protocol';
import type { FileSource, LoadedModel, Runtime } from '@zerogpu/runtimes';
import { isAllowed } from './allowed-models.ts';
import { backoffDelay } from './backoff.ts';
import { CatalogueFollower } from './catalogue-follower.ts';
import { Connection } from './connection.ts';
import { deferred } from './deferred.ts';
import type { Identity } from './identity.ts';
import { LoadedModels, type ModelState } from './loaded-models.ts';
import type { FileWishes } from './model-files.ts';
import type { ModelStatus, NodeStatus, PauseReason } from './node-status.ts';
import type { Refusal, Welcome } from './session.ts';
import { measureSpeed, type SpeedCache } from './speed.ts';
import { Speeds } from './speeds.ts';
import { StatusBoard } from './status-board.ts';
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
  /** The core adds the names of the runtimes. */
  readonly capabilities: Hello['capabilities'];
  readonly manifests: readonly ModelManifest[];
  readonly runtimes: ReadonlyMap<RuntimeName, Runtime>;
  /** `ModelFiles` gives them from the device, the store and the gateway. */
  files(manifest: ModelManifest, wishes: FileWishes): FileSource;
  /** Runs at once of each model, 0 to 1024. */
  readonly slots: number;
  /** Most bytes that all models in memory may take together. */
  readonly memoryBytes: number;
  /** Of one core's time, for runs: more than 0, at most 1, which is also the default. */
  readonly cpuShare?: number;
  /** Ids of models, in which `*` stands for any characters; null, the default, allows all. */
  readonly modelsAllowed?: readonly string[] | null;
  /**
   * Tells whether the device is wanted for other things: the node announces no models meanwhile, and finishes what runs.
   * Without it, it serves whatever else the device does. @returns what ends it
   */
  watchBusy?(changed: (busy: boolean) => void): () => void;
  /** Keeps how quick the device is at each model; without it, no model is tried for that. */
  readonly speeds?: SpeedCache;
  /** How often each model is run before the node is ready, to warm its code; 0 for not at all. */
  readonly warmUpRuns: number;
  /** Resolves after the event loop has served what was waiting. */
  pause(): Promise<void>;
  /** Milliseconds, never going back. */
  now(): number;
  /** Milliseconds since 1970; `Date.now` unless told. */
  wallClock?(): number;
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
/** Of one model; it waits behind others' runs. */
const TRIAL_MS = 10_000;
/** A node that runs for weeks looks for speeds that are too old. */
const SPEED_LOOK_MS = 24 * 3_600_000;

/** An edge node: connects out, announces its models, runs what it is sent. */
export class EdgeNode {
  readonly #options: EdgeNodeOptions;
  readonly #models: LoadedModels;
  readonly #work: Work;
  readonly #turns: Turns;
  readonly #connection: Connection;
  readonly #follower: CatalogueFollower;
  readonly #board: StatusBoard;
  readonly #speeds: Speeds | null;
  readonly #ended = deferred<EdgeNodeEnd>();
  readonly #firstWelcome = deferred<void>();
  readonly #counts = { connections: 0, ignoredFrames: 0 };
  readonly #drainStarted = new AbortController();
  /** Drained or refused: nothing more is fetched, tried or said of models. */
  readonly #over = new AbortController();
  readonly #paused = new Set<PauseReason>();
  #slots: number;
  #stopWatching: () => void = () => undefined;
  /** One after the other: no model is tried twice. */
  #measuring: Promise<void> = Promise.resolve();
  #speedTimer: ReturnType<typeof setInterval> | undefined;

  constructor(options: EdgeNodeOptions) {
    this.#options = options;
    this.#slots = options.slots;
    this.#board = new StatusBoard({ state: 'connecting', gateway: options.gatewayUrl });
    this.#speeds = options.speeds ? new Speeds(options.speeds, () => this.#wallClock()) : null;
    this.#turns = new Turns(
      () => options.pause(),
      () => options.now(),
    );
    this.#turns.setShare(checkedShare(options.cpuShare ?? 1));
    this.#models = this.#makeModels();
    this.#work = new Work({
      models: this.#models,
      // Not the announced ones: a gateway that heard of more a moment ago is not wrong.
      slots: () => Math.max(this.#slots, options.slots),
      accepts: () => this.#paused.size === 0,
      turns: this.#turns,
      now: () => options.now(),
      log: (line) => options.log(line),
      changed: () => this.#board.changed(),
    });
    this.#follower = new CatalogueFollower({
      manifests: options.manifests,
      models: this.#models,
      updated: () => this.#measureSpeeds(),
      tell: (line) => this.#tell('update', line),
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

  /** What there is to show, as it is now. */
  get status(): NodeStatus {
    const { name, capabilities, memoryBytes } = this.#options;
    const [paused = null] = this.#paused;
    return {
      connection: this.#board.connection,
      name,
      deviceClass: capabilities.deviceClass ?? 'server',
      place: capabilities.place ?? null,
      models: this.#models.states().map((state) => this.#statusOf(state)),
      runs: this.#work.counts,
      cpu: {
        share: this.#turns.share,
        restedMs: this.#turns.restedMs,
        throttled: this.#board.throttled,
      },
      memory: { usedBytes: this.#models.residentBytes, limitBytes: memoryBytes },
      paused,
      notices: this.#board.notices,
      updateHint: this.#board.updateHint,
    };
  }

  /** Calls whenever the status may have changed, once however much changes at a moment. @returns what ends it */
  watch(listener: () => void): () => void {
    return this.#board.watch(listener);
  }

  /**
   * Connects, and meanwhile loads the models and runs each a few times, so that the first request finds warm code.
   * Resolves with the ids of the models in memory when that is done and the gateway has welcomed the node; with null
   * when it ended before.
   */
  async start(): Promise<string[] | null> {
    this.#connection.start();
    this.#stopWatching =
      this.#options.watchBusy?.((busy) => this.#setPaused('busy', busy)) ?? this.#stopWatching;
    const prepared = Promise.all([this.#firstWelcome.promise, this.#prepareModels()]);
    const ready = prepared.then(() => this.#residentModels());
    ready.then(
      () => this.#measureSpeeds(),
      () => undefined,
    );
    if (this.#speeds) this.#speedTimer = setInterval(() => this.#measureSpeeds(), SPEED_LOOK_MS);
    return Promise.race([ready, this.ended.then(() => null)]);
  }

  /** Takes no new runs until `resume`; finishes those in flight, and stays connected. */
  pause(): void {
    this.#setPaused('owner', true);
  }

  resume(): void {
    this.#setPaused('owner', false);
  }

  /** @param share of one core's time, more than 0 and at most 1 */
  setCpuShare(share: number): void {
    this.#turns.setShare(checkedShare(share));
    this.#offerChanged();
  }

  /** @param slots runs at once of each model, 0 to 1024; 0 offers nothing for now */
  setSlots(slots: number): void {
    this.#slots = slots;
    this.#offerChanged();
  }

  /** Whether the device lets timers wait, as the platform found: only for the eyes of the owner. */
  setThrottled(throttled: boolean): void {
    this.#board.throttled = throttled;
  }

  /**
   * Takes no new runs, finishes those in flight, says goodbye. Resolves when all is over.
   * @param graceMs how long runs in flight may take; those that take longer are answered as cancelled
   */
  async drain(graceMs: number): Promise<void> {
    if (this.#drainStarted.signal.aborted) return;
    this.#drainStarted.abort();
    this.#over.abort(new Error('The node ends'));
    this.#paused.clear();
    this.#paused.add('draining');
    this.#stopBackground();
    this.#connection.sendDraining();
    this.#board.changed();
    await this.#work.finish(graceMs);
    await this.#connection.stop('draining');
    this.#turns.skipRest();
    this.#models.unloadAll();
    this.#board.connection = { state: 'ended', gateway: this.#options.gatewayUrl };
    this.#ended.resolve({ kind: 'drained' });
  }

  #stopBackground(): void {
    this.#stopWatching();
    this.#follower.stop();
    clearInterval(this.#speedTimer);
  }

  #makeModels(): LoadedModels {
    const { manifests, runtimes, memoryBytes, modelsAllowed = null } = this.#options;
    return new LoadedModels({
      manifests,
      runtimes,
      memoryBytes,
      offers: (id) => isAllowed(modelsAllowed, id),
      files: (manifest) => this.#files(manifest),
      now: () => this.#options.now(),
      log: (line) => {
        if (!this.#over.signal.aborted) this.#options.log(line);
      },
      changed: () => this.#offerChanged(),
    });
  }

  #files(manifest: ModelManifest): FileSource {
    const source = this.#options.files(manifest, {
      progress: (bytes, total) => this.#board.downloading(manifest.id, bytes, total),
      needed: () => this.#models.filesInUse(),
      signal: this.#over.signal,
    });
    return {
      read: (path) => source.read(path).finally(() => this.#board.downloadOver(manifest.id)),
    };
  }

  async #prepareModels(): Promise<void> {
    await this.#models.preload();
    const signal = AbortSignal.any([this.#over.signal, AbortSignal.timeout(WARM_UP_MS)]);
    for (const id of this.#residentModels()) {
      await this.#with(id, async (model) => {
        for (let run = 0; run < this.#options.warmUpRuns && !signal.aborted; run++) {
          await this.#options.pause();
          await warmUp(model, signal);
        }
      });
    }
  }

  #measureSpeeds(): void {
    this.#measuring = this.#measuring.then(() => this.#measureUnknown()).catch(() => undefined);
  }

  /** Tries each model in memory whose speed is not known, or was measured long ago. */
  async #measureUnknown(): Promise<void> {
    const speeds = this.#speeds;
    if (speeds === null) return;
    // Without what was kept all are tried again.
    await speeds.read().catch(() => undefined);
    for (const { manifest, state } of this.#models.states()) {
      if (state !== 'ready' || this.#over.signal.aborted || speeds.of(manifest)) continue;
      await this.#with(manifest.id, async (model) => {
        const signal = AbortSignal.any([this.#over.signal, AbortSignal.timeout(TRIAL_MS)]);
        const turn = () => this.#turns.next(true);
        const speed = await measureSpeed(model, { turn, now: () => this.#options.now(), signal });
        if (speed) await speeds.learn(manifest, speed).catch(() => undefined);
      });
    }
    this.#offerChanged();
  }

  /** Does something with a model in memory; one that was put out meanwhile is left alone. */
  async #with(id: string, work: (model: LoadedModel) => Promise<void>): Promise<void> {
    const used = await this.#models.use(id).catch(() => null);
    if (used === null) return;
    try {
      await work(used.model);
    } finally {
      used.release();
    }
  }

  #residentModels(): string[] {
    return this.#models.states().flatMap(({ manifest, state }) => (state === 'ready' ? [manifest.id] : []));
  }

  /** Nothing while the device is wanted for other things; fewer slots, and slower ones, by the share of its time. */
  #announced(): AnnouncedModel[] {
    if (this.#paused.size > 0) return [];
    return this.#models.announced(this.#offeredSlots()).map((model) => {
      const manifest = this.#models.manifest(model.id);
      const speed = manifest && this.#speeds?.of(manifest);
      return speed ? { ...model, speed: this.#atShare(speed) } : model;
    });
  }

  #offeredSlots(): number {
    return this.#slots === 0 ? 0 : Math.max(1, Math.floor(this.#slots * this.#turns.share));
  }

  #atShare({ baseMs, perThousandMs }: NonNullable<AnnouncedModel['speed']>) {
    const { share } = this.#turns;
    return { baseMs: bounded(baseMs / share), perThousandMs: bounded(perThousandMs / share) };
  }

  #statusOf({ manifest, state, problem }: ModelState): ModelStatus {
    const { id, version } = manifest;
    const download = this.#board.downloadOf(id);
    return {
      id,
      version,
      state: download && state !== 'ready' ? 'downloading' : state,
      download,
      problem,
      slots: this.#offeredSlots(),
      ...this.#work.of(id),
      speed: this.#speeds?.of(manifest) ?? null,
    };
  }

  #setPaused(reason: PauseReason, paused: boolean): void {
    if (this.#drainStarted.signal.aborted || this.#paused.has(reason) === paused) return;
    if (paused) this.#paused.add(reason);
    else this.#paused.delete(reason);
    this.#offerChanged();
  }

  #offerChanged(): void {
    this.#connection.sendLoad();
    this.#board.changed();
  }

  #makeConnection(): Connection {
    const { gatewayUrl: url, connect, identity, name, agent, runtimes } = this.#options;
    const capabilities = { ...this.#options.capabilities, runtimes: [...runtimes.keys()] };
    const session = {
      url,
      connect,
      identity,
      joinToken: () => this.#options.joinToken(),
      introduction: () => ({ name, agent, capabilities, models: this.#announced() }),
      load: () => this.#load(),
      now: () => this.#options.now(),
    };
    return new Connection(session, (attempt) => this.#backoff(attempt), {
      welcomed: (welcome) => this.#welcomed(welcome),
      run: (run, port) => this.#work.start(run, port),
      cancel: (id, port) => this.#work.cancel(id, port),
      notice: (kind, message) => this.#tell(kind, message),
      ignored: () => {
        this.#counts.ignoredFrames++;
      },
      lost: (port, reason, retryInMs) => {
        this.#work.cancelAll(port);
        this.#lost(reason, retryInMs);
      },
      refused: (code, message) => this.#refused(code, message),
    });
  }

  #backoff(attempt: number): number {
    return backoffDelay(attempt, this.#options.random(), this.#options.slowestRetryMs);
  }

  #welcomed({ nodeId, updateHint, catalogue }: Welcome): void {
    const gateway = this.#options.gatewayUrl;
    this.#counts.connections++;
    this.#options.log(`Connected to ${gateway} as ${nodeId}`);
    if (updateHint !== null && updateHint !== this.#board.updateHint) this.#options.log(updateHint);
    this.#board.connection = { state: 'connected', gateway, nodeId, held: null };
    this.#board.updateHint = updateHint;
    this.#firstWelcome.resolve();
    this.#follower.follow(catalogue);
  }

  #lost(reason: string, retryInMs: number): void {
    const gateway = this.#options.gatewayUrl;
    const seconds = (retryInMs / 1000).toFixed(1);
    this.#options.log(`Not connected to ${gateway} (${reason}); trying again in ${seconds} s`);
    this.#board.connection = { state: 'waiting', gateway, reason, retryInMs };
  }

  #refused(code: Refusal, message: string): void {
    this.#over.abort(new Error('The gateway refuses this node'));
    this.#stopBackground();
    this.#board.connection = { state: 'refused', gateway: this.#options.gatewayUrl, code, message };
    this.#ended.resolve({ kind: 'refused', code, message });
  }

  /** For the log and for the eyes of the owner. */
  #tell(kind: string, message: string): void {
    this.#options.log(message);
    this.#board.notice(kind, message, this.#wallClock());
  }

  #wallClock(): number {
    return this.#options.wallClock?.() ?? Date.now();
  }

  #load(): Load {
    return { type: 'load', models: this.#announced(), residentBytes: this.#models.residentBytes };
  }
}

function checkedShare(share: number): number {
  if (!(share > 0 && share <= 1)) throw new RangeError('A share of the CPU is more than 0 and at most 1');
  return share;
}

/** As a frame may say it. */
function bounded(ms: number): number {
  return Math.min(1e6, ms);
}
