/**
 * Where a device keeps models' files: addressed by their SHA-256, so that no name, path or address of anybody can say
 * where a file goes. What is complete is verified; what is not survives a restart and is gone on with.
 */

/** A file of the store, or the beginning of one. */
export interface StoredFile {
  /** 64 lower-case hex digits. */
  readonly sha256: string;
  /** Bytes that are there. */
  readonly bytes: number;
  /** False for a beginning, which nothing reads. */
  readonly complete: boolean;
  /** Milliseconds since 1970: when it was last read, or written. */
  readonly lastUsedAt: number;
}

export interface ModelStore {
  /** Everything that takes room, in no order. */
  list(): Promise<StoredFile[]>;
  /** A complete file, or null. It counts as used now. The caller checks its hash: bytes may rot. */
  read(sha256: string): Promise<Uint8Array<ArrayBuffer> | null>;
  /** Bytes of the beginning that is there; 0 when there is none. */
  beginning(sha256: string): Promise<number>;
  /**
   * Adds to the beginning, and makes it when `at` is 0 (what was there is thrown away then).
   * @param at must be the beginning's length
   * @throws StoreFull when the device has no room; the beginning is as it was or shorter
   */
  append(sha256: string, at: number, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /**
   * The beginning becomes the file, if its bytes have this hash.
   * @throws WrongHash when they have not; the beginning is gone then
   */
  complete(sha256: string): Promise<void>;
  /** Takes the file and its beginning away; nothing happens when neither is there. */
  remove(sha256: string): Promise<void>;
}

/** The device has no room for what a model needs, in words for its owner. */
export class StoreFull extends Error {
  override readonly name = 'StoreFull';
}

/** What came is not what the manifest names. */
export class WrongHash extends Error {
  override readonly name = 'WrongHash';
}

/** @throws TypeError when it is no SHA-256 in lower-case hex: every method of a store checks its names with this */
export function checkedSha256(name: string): string {
  if (typeof name !== 'string' || !/^[0-9a-f]{64}$/.test(name)) {
    throw new TypeError('A file of a model store is named by 64 lower-case hex digits');
  }
  return name;
}
