/** Where files' bytes lie: a folder of this machine, or a bucket of S3. */

/** Half open, in bytes: from `start` to before `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** What was stored. */
export interface StoredObject {
  readonly bytes: number;
  /** SHA-256 of each block, one after the other: see `blocks.ts`. */
  readonly blockHashes: Buffer;
}

/** Names are `<project>/<file id>`: letters, digits, `_`, `-` and one slash. */
export interface ObjectStorage {
  /**
   * Stores what comes, as it comes; nothing is there under the name before all of it is durable, and what was there is
   * replaced as a whole. Never holds more than some blocks in memory.
   * @throws StorageError; what `source` throws, and then nothing is left behind
   */
  put(name: string, source: AsyncIterable<Uint8Array>): Promise<StoredObject>;
  /**
   * The bytes of a range, as they are stored; unchecked.
   * @throws StorageError, also while it is read
   */
  read(name: string, range: ByteRange): AsyncIterable<Buffer>;
  /** Whether it is there. @throws StorageError */
  exists(name: string): Promise<boolean>;
  /** Removing what is not there is no error. @throws StorageError */
  remove(name: string): Promise<void>;
  /** Removes what puts left that never ended, if they are older than this. @throws StorageError */
  sweep(olderThanMs: number): Promise<void>;
  close(): Promise<void>;
}

/** The storage did not do what it was asked; its words are for the operator's log, and no caller's. */
export class StorageError extends Error {
  override readonly name = 'StorageError';
  /**
   * `missing`: nothing is stored there. `full`: no room. `damaged`: the bytes are not those that were stored.
   * `unavailable`: everything else, which may pass.
   */
  readonly kind: 'missing' | 'full' | 'damaged' | 'unavailable';

  constructor(kind: StorageError['kind'], message: string, cause?: unknown) {
    super(message, { cause });
    this.kind = kind;
  }
}
