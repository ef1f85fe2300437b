import { checkedSha256, type ModelStore, type StoredFile, WrongHash } from './model-store.ts';
import { sha256Hex } from './sha256.ts';

interface Kept {
  bytes: Uint8Array<ArrayBuffer>;
  complete: boolean;
  lastUsedAt: number;
}

/** A store that ends with the program, for devices that give no storage: a private window, a full disk. */
export class MemoryStore implements ModelStore {
  readonly #files = new Map<string, Kept>();
  readonly #beginnings = new Map<string, Kept>();

  async list(): Promise<StoredFile[]> {
    return [...this.#files, ...this.#beginnings].map(([sha256, { bytes, complete, lastUsedAt }]) => ({
      sha256,
      bytes: bytes.length,
      complete,
      lastUsedAt,
    }));
  }

  async read(sha256: string): Promise<Uint8Array<ArrayBuffer> | null> {
    const file = this.#files.get(checkedSha256(sha256));
    if (!file) return null;
    file.lastUsedAt = Date.now();
    return file.bytes;
  }

  async beginning(sha256: string): Promise<number> {
    return this.#beginnings.get(checkedSha256(sha256))?.bytes.length ?? 0;
  }

  async append(sha256: string, at: number, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const before = at === 0 ? new Uint8Array() : this.#beginnings.get(checkedSha256(sha256))?.bytes;
    if (before?.length !== at) throw new RangeError('A beginning grows at its end');
    const joined = new Uint8Array(at + bytes.length);
    joined.set(before);
    joined.set(bytes, at);
    this.#beginnings.set(checkedSha256(sha256), { bytes: joined, complete: false, lastUsedAt: Date.now() });
  }

  async complete(sha256: string): Promise<void> {
    const file = this.#beginnings.get(checkedSha256(sha256));
    if (!file) throw new Error('There is no beginning to complete');
    this.#beginnings.delete(sha256);
    const truth = await sha256Hex(file.bytes);
    if (truth !== sha256) throw new WrongHash(`The file's SHA-256 is ${truth}, not ${sha256}`);
    this.#files.set(sha256, { ...file, complete: true });
  }

  async remove(sha256: string): Promise<void> {
    this.#files.delete(checkedSha256(sha256));
    this.#beginnings.delete(sha256);
  }
}
