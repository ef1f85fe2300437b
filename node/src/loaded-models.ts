import type { AnnouncedModel, ModelManifest, RuntimeName } from '@zerogpu/protocol';
import type { FileSource, LoadedModel, Runtime } from '@zerogpu/runtimes';
import { changedModels } from './model-update.ts';

/** The node cannot run this model, now or at all. */
export class ModelUnavailable extends Error {
  override readonly name = 'ModelUnavailable';
}

/** A model in use; `release` once, when done with it. */
export interface ModelInUse {
  readonly model: LoadedModel;
  release(): void;
}

export interface LoadedModelsOptions {
  readonly manifests: readonly ModelManifest[];
  readonly runtimes: ReadonlyMap<RuntimeName, Runtime>;
  files(manifest: ModelManifest): FileSource;
  /** Most bytes that all models in memory may take together. */
  readonly memoryBytes: number;
  /** Whether the owner lets others use the model; without it, every model is offered. */
  offers?(id: string): boolean;
  now(): number;
  /** Called whenever what `announced` says has changed. */
  changed(): void;
  /** Called with a line for the log. */
  log(line: string): void;
}

/** A model’s place in memory, from the moment it begins to load. */
interface Place {
  readonly manifest: ModelManifest;
  readonly loading: Promise<LoadedModel>;
  /** Models that this one works with; in use as long as it is in memory. */
  readonly needed: ModelInUse[];
  /** Null while it loads. */
  model: LoadedModel | null;
  users: number;
  lastUsedAt: number;
  /** Another version took its place: it goes with its last user. */
  leaving: boolean;
}

/** What became of the last load, for the owner's eyes. */
export interface ModelState {
  readonly manifest: ModelManifest;
  readonly state: 'idle' | 'loading' | 'ready' | 'failed' | 'not_allowed';
  readonly problem: string | null;
}

interface Failure {
  readonly reason: string;
  readonly until: number;
  readonly times: number;
}

/** A model that failed to load is not offered again for so long; twice as long after each further failure. */
const LOAD_RETRY_MS = 60_000;
/** A file that is wrong stays wrong mostly: the gateway is not asked for megabytes every minute. */
const SLOWEST_LOAD_RETRY_MS = 60 * 60_000;

/** The models of a node: loaded once at first use, kept, and put out when memory is wanted for another. */
export class LoadedModels {
  readonly #options: LoadedModelsOptions;
  #runnable: ReadonlyMap<string, ModelManifest>;
  readonly #places = new Map<string, Place>();
  /** Neither offered yet nor any more: new versions on their way, and old ones that are still used. */
  readonly #beside = new Set<Place>();
  readonly #failures = new Map<string, Failure>();

  constructor(options: LoadedModelsOptions) {
    this.#options = options;
    this.#runnable = this.#runnableOf(options.manifests);
  }

  /** True when the node offers the model: it has the runtime, its owner allows it, and loading it has not just failed. */
  has(id: string): boolean {
    return this.#allows(id) && this.#loads(id) && this.#tooLarge(id) === null;
  }

  announced(slots: number): AnnouncedModel[] {
    if (slots === 0) return [];
    return [...this.#runnable.values()]
      .filter(({ id }) => this.has(id))
      .map(({ id, version }) => ({ id, version, slots, resident: this.#isResident(id) }));
  }

  /** Bytes of the models in memory, and of those that are loading as their manifests estimate them. */
  get residentBytes(): number {
    let sum = 0;
    for (const { model, manifest } of [...this.#places.values(), ...this.#beside])
      sum += model?.residentBytes ?? manifest.memoryBytes;
    return sum;
  }

  manifest(id: string): ModelManifest | undefined {
    return this.#runnable.get(id);
  }

  /** Of every model that could run here. */
  states(): ModelState[] {
    return [...this.#runnable.values()].map((manifest) => ({
      manifest,
      state: this.#stateOf(manifest.id),
      problem: this.#tooLarge(manifest.id) ?? this.#failures.get(manifest.id)?.reason ?? null,
    }));
  }

  /** Hashes of the files that models in memory, or on their way there, are made from. */
  filesInUse(): Set<string> {
    const places = [...this.#places.values(), ...this.#beside];
    return new Set(places.flatMap(({ manifest }) => manifest.files.map(({ sha256 }) => sha256)));
  }

  /**
   * The model, loaded if need be; whoever asks while it loads waits for the same load.
   * @throws ModelUnavailable when the model is not here, does not load, or finds no room
   */
  async use(id: string): Promise<ModelInUse> {
    return this.#enter(this.#places.get(id) ?? this.#load(id));
  }

  /**
   * Other versions of models take the place of these: each is loaded beside the old, which goes with its last run, so
   * that nothing is offered that was not seen to load. Those that work with a changed model are made anew too.
   * @throws ModelUnavailable when one of them does not load or finds no room; all is as before then
   */
  async replace(manifests: readonly ModelManifest[]): Promise<void> {
    const next = this.#runnableOf(manifests);
    const changed = changedModels(this.#runnable, next);
    const staged = new Map<string, Place>();
    const used: ModelInUse[] = [];
    try {
      for (const id of changed) {
        if (this.#isWanted(id)) used.push(await this.#useStaged(id, next, changed, staged));
      }
    } catch (error) {
      for (const one of used) one.release();
      for (const place of staged.values()) this.#leave(place);
      throw error;
    }
    this.#runnable = next;
    for (const id of changed) this.#swap(id, staged.get(id));
    for (const one of used) one.release();
    this.#options.changed();
  }

  /** Loads every model for which there is room without putting out another; resolves when all are through. */
  async preload(): Promise<void> {
    for (const manifest of this.#runnable.values()) {
      if (!this.has(manifest.id)) continue;
      if (this.residentBytes + manifest.memoryBytes > this.#options.memoryBytes) continue;
      await this.use(manifest.id).then(
        (used) => used.release(),
        () => undefined,
      );
    }
  }

  unloadAll(): void {
    for (const place of [...this.#places.values(), ...this.#beside]) place.model?.unload();
    this.#places.clear();
    this.#beside.clear();
  }

  #runnableOf(manifests: readonly ModelManifest[]): Map<string, ModelManifest> {
    const runnable = manifests.filter(({ runtime }) => this.#options.runtimes.has(runtime));
    return new Map(runnable.map((manifest) => [manifest.id, manifest]));
  }

  #allows(id: string): boolean {
    return this.#options.offers?.(id) ?? true;
  }

  /** Also what is not offered is loaded, when another model works with it. */
  #loads(id: string): boolean {
    return this.#runnable.has(id) && (this.#failures.get(id)?.until ?? 0) <= this.#options.now();
  }

  /** In words, when it finds no room even in an empty memory. */
  #tooLarge(id: string): string | null {
    const bytes = this.#runnable.get(id)?.memoryBytes ?? 0;
    if (bytes <= this.#options.memoryBytes) return null;
    const [need, limit] = [bytes, this.#options.memoryBytes].map((one) => Math.ceil(one / 2 ** 20));
    return `It needs ${need} MB of memory, and the limit is ${limit} MB`;
  }

  #stateOf(id: string): ModelState['state'] {
    if (!this.#allows(id)) return 'not_allowed';
    const place = this.#places.get(id);
    if (place) return place.model === null ? 'loading' : 'ready';
    return this.#loads(id) && this.#tooLarge(id) === null ? 'idle' : 'failed';
  }

  /** Nobody would load the others. */
  #isWanted(id: string): boolean {
    return this.#places.has(id) || (this.#allows(id) && this.#tooLarge(id) === null);
  }

  async #useStaged(
    id: string,
    next: ReadonlyMap<string, ModelManifest>,
    changed: ReadonlySet<string>,
    staged: Map<string, Place>,
  ): Promise<ModelInUse> {
    const there = staged.get(id);
    if (there) return this.#enter(there);
    const manifest = next.get(id);
    if (!manifest || !changed.has(id)) return this.use(id);
    const place = this.#begin(manifest, (need) => this.#useStaged(need, next, changed, staged));
    staged.set(id, place);
    this.#beside.add(place);
    return this.#enter(place);
  }

  #swap(id: string, place: Place | undefined): void {
    const old = this.#places.get(id);
    this.#places.delete(id);
    this.#failures.delete(id);
    if (place) {
      this.#beside.delete(place);
      this.#places.set(id, place);
    }
    if (old) this.#leave(old);
  }

  /** It is offered no more, and goes as soon as nobody uses it. */
  #leave(place: Place): void {
    place.leaving = true;
    this.#beside.add(place);
    this.#letGo(place);
  }

  #letGo(place: Place): void {
    if (!place.leaving || place.users > 0 || !this.#beside.delete(place)) return;
    place.model?.unload();
    for (const used of place.needed.splice(0)) used.release();
  }

  async #enter(place: Place): Promise<ModelInUse> {
    place.users++;
    try {
      return this.#inUse(place, await place.loading);
    } catch (error) {
      place.users--;
      throw error;
    }
  }

  #isResident(id: string): boolean {
    return (this.#places.get(id)?.model ?? null) !== null;
  }

  #inUse(place: Place, model: LoadedModel): ModelInUse {
    return {
      model,
      release: () => {
        place.users--;
        place.lastUsedAt = this.#options.now();
        this.#letGo(place);
      },
    };
  }

  #load(id: string): Place {
    const manifest = this.#loads(id) ? this.#runnable.get(id) : undefined;
    if (!manifest) throw new ModelUnavailable(`The node does not have the model "${id}"`);
    const place = this.#begin(manifest, (need) => this.use(need));
    this.#places.set(id, place);
    place.loading.catch((error: unknown) => this.#failed(place, error));
    this.#options.changed();
    return place;
  }

  #begin(manifest: ModelManifest, useNeeded: (id: string) => Promise<ModelInUse>): Place {
    const runtime = this.#options.runtimes.get(manifest.runtime);
    if (!runtime) throw new ModelUnavailable(`The node cannot run the model "${manifest.id}"`);
    this.#makeRoom(manifest);
    const needed: ModelInUse[] = [];
    const loading = Promise.resolve()
      .then(async () => {
        for (const id of manifest.needs) needed.push(await useNeeded(id));
        const models = needed.map(({ model }) => model);
        return runtime.load(manifest, this.#options.files(manifest), models);
      })
      .catch((error: unknown) => this.#notLoaded(manifest, needed, error));
    const place: Place = { manifest, loading, needed, model: null, users: 0, lastUsedAt: 0, leaving: false };
    loading.then(
      (model) => this.#loaded(place, model),
      () => undefined,
    );
    return place;
  }

  #loaded(place: Place, model: LoadedModel): void {
    // Everything was unloaded meanwhile, or the update that wanted it failed.
    if (place.leaving && !this.#beside.has(place)) {
      model.unload();
      return;
    }
    place.model = model;
    place.lastUsedAt = this.#options.now();
    if (this.#places.get(place.manifest.id) === place) this.#failures.delete(place.manifest.id);
    this.#options.changed();
  }

  #notLoaded(manifest: ModelManifest, needed: ModelInUse[], error: unknown): never {
    for (const used of needed.splice(0)) used.release();
    const reason = error instanceof Error ? error.message : String(error);
    this.#options.log(`Cannot load the model ${manifest.id}: ${reason}`);
    throw new ModelUnavailable(`The model "${manifest.id}" does not load on this node`, { cause: error });
  }

  #failed({ manifest: { id } }: Place, error: unknown): void {
    const { cause } = Object(error);
    const times = (this.#failures.get(id)?.times ?? 0) + 1;
    const retryMs = Math.min(SLOWEST_LOAD_RETRY_MS, LOAD_RETRY_MS * 2 ** Math.min(times - 1, 10));
    const reason = cause instanceof Error ? cause.message : String(cause);
    this.#places.delete(id);
    this.#failures.set(id, { reason, until: this.#options.now() + retryMs, times });
    this.#options.changed();
  }

  /** Puts out models that nobody uses, the longest unused first, until the new one fits. */
  #makeRoom(manifest: ModelManifest): void {
    while (!this.#fits(manifest)) {
      const place = this.#longestUnused();
      if (!place) throw new ModelUnavailable(`The node has no memory free for the model "${manifest.id}"`);
      this.#places.delete(place.manifest.id);
      place.model?.unload();
      // What only this one needed is unused from now on.
      for (const used of place.needed) used.release();
      this.#options.changed();
    }
  }

  #longestUnused(): Place | undefined {
    const idle = [...this.#places.values()].filter(({ model, users }) => model !== null && users === 0);
    return idle.sort((a, b) => a.lastUsedAt - b.lastUsedAt)[0];
  }

  #fits(manifest: ModelManifest): boolean {
    return this.residentBytes + manifest.memoryBytes <= this.#options.memoryBytes;
  }
}
