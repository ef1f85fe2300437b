import type { AnnouncedModel, ModelManifest, RuntimeName } from '@zerogpu/protocol';
import type { FileSource, LoadedModel, Runtime } from '@zerogpu/runtimes';

/** The node cannot run this model, now or at all. */
export class ModelUnavailable extends Error {
  override readonly name = 'ModelUnavailable';
}

/** A model in use; `release` once, when done with it. */
export interface Lease {
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

interface Slot {
  readonly manifest: ModelManifest;
  readonly loading: Promise<LoadedModel>;
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
  readonly #slots = new Map<string, Slot>();
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
    for (const { model, manifest } of this.#slots.values())
      sum += model?.residentBytes ?? manifest.memoryBytes;
    return sum;
  }

  /**
   * The model, loaded if need be; whoever asks while it loads waits for the same load.
   * @throws ModelUnavailable when the model is not here, does not load, or finds no room
   */
  async use(id: string): Promise<Lease> {
    const slot = this.#slots.get(id) ?? this.#load(id);
    slot.users++;
    try {
      return this.#lease(slot, await slot.loading);
    } catch (error) {
      slot.users--;
      throw error;
    }
  }

  /** Loads every model for which there is room without putting out another; resolves when all are through. */
  async preload(): Promise<void> {
    for (const manifest of this.#runnable.values()) {
      if (this.residentBytes + manifest.memoryBytes > this.#options.memoryBytes) continue;
      await this.use(manifest.id).then(
        (lease) => lease.release(),
        () => undefined,
      );
    }
  }

  unloadAll(): void {
    for (const slot of this.#slots.values()) slot.model?.unload();
    this.#slots.clear();
  }

  #isResident(id: string): boolean {
    return (this.#slots.get(id)?.model ?? null) !== null;
  }

  #lease(slot: Slot, model: LoadedModel): Lease {
    return {
      model,
      release: () => {
        slot.users--;
        slot.lastUsedAt = this.#options.now();
      },
    };
  }

  #load(id: string): Slot {
    const manifest = this.has(id) ? this.#runnable.get(id) : undefined;
    const runtime = manifest && this.#options.runtimes.get(manifest.runtime);
    if (!manifest || !runtime) throw new ModelUnavailable(`The node does not have the model "${id}"`);
    this.#makeRoom(manifest);
    const loading = Promise.resolve()
      .then(() => runtime.load(manifest, this.#options.files(manifest)))
      .catch((error: unknown) => this.#failed(manifest, error));
    const slot: Slot = { manifest, loading, model: null, users: 0, lastUsedAt: 0 };
    this.#slots.set(id, slot);
    loading.then(
      (model) => this.#loaded(slot, model),
      () => undefined,
    );
    return slot;
  }

  #loaded(slot: Slot, model: LoadedModel): void {
    slot.model = model;
    slot.lastUsedAt = this.#options.now();
    this.#options.changed();
  }

  #failed(manifest: ModelManifest, error: unknown): never {
    this.#slots.delete(manifest.id);
    this.#failedUntil.set(manifest.id, this.#options.now() + LOAD_RETRY_MS);
    const reason = error instanceof Error ? error.message : String(error);
    this.#options.log(`Cannot load the model ${manifest.id}: ${reason}`);
    this.#options.changed();
    throw new ModelUnavailable(`The model "${manifest.id}" does not load on this node`);
  }

  /** Puts out models that nobody uses, the longest unused first, until the new one fits. */
  #makeRoom(manifest: ModelManifest): void {
    const idle = [...this.#slots.values()]
      .filter(({ model, users }) => model !== null && users === 0)
      .sort((a, b) => a.lastUsedAt - b.lastUsedAt);
    for (const slot of idle) {
      if (this.#fits(manifest)) return;
      this.#slots.delete(slot.manifest.id);
      slot.model?.unload();
      this.#options.changed();
    }
    if (!this.#fits(manifest)) {
      throw new ModelUnavailable(`The node has no memory free for the model "${manifest.id}"`);
    }
  }

  #fits(manifest: ModelManifest): boolean {
    return this.residentBytes + manifest.memoryBytes <= this.#options.memoryBytes;
  }
}
