import type { ModelFile, ModelManifest } from '@zerogpu/protocol';
import type { FileSource } from '@zerogpu/runtimes';
import { fetchModelFile, modelFileUrl } from './fetch-model-file.ts';
import { makeRoom } from './model-room.ts';
import { type ModelStore, WrongHash } from './model-store.ts';
import { sha256Hex } from './sha256.ts';

/** What a node tells whoever gets it the files of a model. */
export interface FileWishes {
  /** Called with what is there of all the model's files that must be fetched. */
  progress(bytes: number, totalBytes: number): void;
  /** Hashes of files that models in memory were made from: no room is made by removing them. */
  needed(): ReadonlySet<string>;
  /** Nobody wants the files any more. */
  readonly signal: AbortSignal;
}

export interface ModelFilesOptions {
  readonly store: ModelStore;
  /** Of the socket. */
  readonly gatewayUrl: string;
  /** Most bytes that the store may take. */
  readonly capBytes: number;
  readonly fetch: typeof fetch;
  /** Files that came with the software, or that the owner put somewhere; what it gives is verified here again. */
  local?(manifest: ModelManifest): FileSource;
  random(): number;
  log(line: string): void;
}

/** Gives models' files: from what is on the device, else from the store, else from the gateway by way of the store. */
export class ModelFiles {
  readonly #options: ModelFilesOptions;
  /** One after the other, so that each sees the room that the one before took. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: ModelFilesOptions) {
    this.#options = options;
  }

  source(manifest: ModelManifest, wishes: FileWishes): FileSource {
    return {
      read: async (path) => {
        const file = manifest.files.find((one) => one.path === path);
        if (!file) throw new Error(`the manifest of ${manifest.id} names no file "${path}"`);
        const here = (await this.#local(manifest, file)) ?? (await this.#stored(file));
        if (here !== null) return here;
        await this.#inTurn(() => this.#fetch(manifest, file, wishes));
        const fetched = await this.#stored(file);
        if (fetched === null)
          throw new Error(`the file "${path}" of ${manifest.id} did not stay in the store`);
        return fetched;
      },
    };
  }

  async #local(manifest: ModelManifest, file: ModelFile): Promise<Uint8Array | null> {
    const bytes = await this.#options
      .local?.(manifest)
      .read(file.path)
      .catch(() => null);
    return bytes ?? null;
  }

  /** Null when it is not there; a file that rotted is removed. */
  async #stored(file: ModelFile): Promise<Uint8Array | null> {
    const bytes = await this.#options.store.read(file.sha256);
    if (bytes === null) return null;
    if (bytes.length === file.bytes && (await sha256Hex(bytes)) === file.sha256) return bytes;
    this.#options.log(`A file of the model store is damaged, and fetched again: ${file.sha256}`);
    await this.#options.store.remove(file.sha256);
    return null;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work, work);
    this.#last = mine;
    return mine;
  }

  async #fetch(manifest: ModelManifest, file: ModelFile, wishes: FileWishes): Promise<void> {
    const { store, capBytes, gatewayUrl, log } = this.#options;
    wishes.signal.throwIfAborted();
    // Another model's turn may have brought it.
    if ((await this.#stored(file)) !== null) return;
    await makeRoom(store, file, { capBytes, needed: wishes.needed() });
    log(`Fetching ${manifest.id} version ${manifest.version} (${sizeOf(file)})`);
    try {
      await fetchModelFile(file, {
        store,
        url: modelFileUrl(gatewayUrl, file.sha256),
        fetch: this.#options.fetch,
        signal: wishes.signal,
        progress: (bytes) => wishes.progress(bytes, file.bytes),
        random: () => this.#options.random(),
      });
    } catch (error) {
      if (error instanceof WrongHash) {
        log(`Refused what the gateway gave for ${manifest.id}: ${error.message}`);
      }
      throw error;
    }
  }
}

/** For people; nothing that is fetched is 0.0 MB. */
function sizeOf({ bytes }: ModelFile): string {
  return bytes < 1e5 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
