import type { AnnouncedModel, ModelManifest, RuntimeName } from '@zerogpu/protocol';
import type { FileSource, LoadedModel, Runtime } from '@zerogpu/runtimes';

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
}

/** A model that failed to load is not offered again for so long. */
const LOAD_RETRY_MS = 60_000;

/** The models of a node: loaded once at first use, kept, and put out when memory is wanted for another. */
export class LoadedModels {
  readonly #options: LoadedModelsOptions;
  readonly #runnable: ReadonlyMap<string, ModelManifest>;
  readonly #places = new Map<string, Place>();
  readonly #failedUntil = new Map<string, number>();

  constructor(options: LoadedModelsOptions) {
    this.#options = options;
    const runnable = options.manifests.filter((manifest) => options.runtimes.has(manifest.runtime));
    this.#runnable = new Map(runnable.map((manifest) => [manifest.id, manifest]));
  }

  /** True when the node offers the model: it has the runtime, and loading it has not just failed. */
  has(id: string): boolean {
    return this.#runnable.has(id) && (this.#failedUntil.get(id) ?? 0) <= this.#options.now();
  }

  announced(slots: number): AnnouncedModel[] {
    return [...this.#runnable.values()]
      .filter(({ id }) => this.has(id))
      .map(({ id, version }) => ({ id, version, slots, resident: this.#isResident(id) }));
  }

  /** Bytes of the models in memory, and of those that are loading as their manifests estimate them. */
  get residentBytes(): number {
    let sum = 0;
    for (const { model, manifest } of this.#places.values())
      sum += model?.residentBytes ?? manifest.memoryBytes;
    return sum;
  }

  /**
   * The model, loaded if need be; whoever asks while it loads waits for the same load.
   * @throws ModelUnavailable when the model is not here, does not load, or finds no room
   */
  async use(id: string): Promise<ModelInUse> {
    const place = this.#places.get(id) ?? this.#load(id);
    place.users++;
    try {
      return this.#inUse(place, await place.loading);
    } catch (error) {
      place.users--;
      throw error;
    }
  }

  /** Loads every model for which there is room without putting out another; resolves when all are through. */
  async preload(): Promise<void> {
    for (const manifest of this.#runnable.values()) {
      if (this.residentBytes + manifest.memoryBytes > this.#options.memoryBytes) continue;
      await this.use(manifest.id).then(
        (used) => used.release(),
        () => undefined,
      );
    }
  }

  unloadAll(): void {
    for (const place of this.#places.values()) place.model?.unload();
    this.#places.clear();
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
      },
    };
  }

  #load(id: string): Place {
    const manifest = this.has(id) ? this.#runnable.get(id) : undefined;
    const runtime = manifest && this.#options.runtimes.get(manifest.runtime);
    if (!manifest || !runtime) throw new ModelUnavailable(`The node does not have the model "${id}"`);
    this.#makeRoom(manifest);
    const needed: ModelInUse[] = [];
    const loading = Promise.resolve()
      .then(() => this.#loadWithNeeded(manifest, runtime, needed))
      .catch((error: unknown) => this.#failed(manifest, needed, error));
    const place: Place = { manifest, loading, needed, model: null, users: 0, lastUsedAt: 0 };
    this.#places.set(id, place);
    loading.then(
      (model) => this.#loaded(place, model),
      () => undefined,
    );
    return place;
  }

  async #loadWithNeeded(
    manifest: ModelManifest,
    runtime: Runtime,
    needed: ModelInUse[],
  ): Promise<LoadedModel> {
    for (const id of manifest.needs) needed.push(await this.use(id));
    const models = needed.map(({ model }) => model);
    return runtime.load(manifest, this.#options.files(manifest), models);
  }

  #loaded(place: Place, model: LoadedModel): void {
    place.model = model;
    place.lastUsedAt = this.#options.now();
    this.#options.changed();
  }

  #failed(manifest: ModelManifest, needed: readonly ModelInUse[], error: unknown): never {
    for (const used of needed) used.release();
    this.#places.delete(manifest.id);
    this.#failedUntil.set(manifest.id, this.#options.now() + LOAD_RETRY_MS);
    const reason = error instanceof Error ? error.message : String(error);
    this.#options.log(`Cannot load the model ${manifest.id}: ${reason}`);
    this.#options.changed();
    throw new ModelUnavailable(`The model "${manifest.id}" does not load on this node`);
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
