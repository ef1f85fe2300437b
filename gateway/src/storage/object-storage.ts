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

/** Names are `<project>/<file id>`, as `checkName` says; every method refuses others with a RangeError. */
export interface ObjectStorage {
  /**
   * Stores what comes, as it comes; nothing is there under the name before all of it is durable, and what was there is
   * replaced as a whole. Chunks of the source may be of any size. Holds up to 10 MiB (S3) or 0.5 MiB (folder) for each
   * put under way: who lets callers put bounds how many do at once.
   * @throws StorageError, after which the object may be there or not: an answer can be lost on its way. What `source`
   * throws, and then nothing is left behind
   */
  put(name: string, source: AsyncIterable<Uint8Array>): Promise<StoredObject>;
  /**
   * The bytes of a range, as they are stored, in chunks of at most 256 KiB; unchecked: see `readVerified`. Fewer where
   * the object ends before the range does. Whoever stops early ends the reading behind it.
   * @throws StorageError, also while it is read
   */
  read(name: string, range: ByteRange): AsyncIterable<Buffer>;
  /** Whether it is there. @throws StorageError */
  exists(name: string): Promise<boolean>;
  /** Removing what is not there is no error. @throws StorageError */
  remove(name: string): Promise<void>;
  /**
   * Removes what puts left that never ended, if nothing was added to it since `before`: a day ago is long enough, as
   * the longest upload takes minutes. @throws StorageError
   */
  sweep(before: Date): Promise<void>;
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

/** Two words without a dot or a further slash: such a name leaves no folder, and hides no file of ours. */
const NAME = /^[A-Za-z0-9_-]{1,128}\/[A-Za-z0-9_-]{1,128}$/;

export const isName = (text: string): boolean => NAME.test(text);

/** @throws RangeError for what no part of ours names an object: a defect, and perhaps somebody's try to leave the folder */
export function checkName(name: string): string {
  if (isName(name)) return name;
  throw new RangeError(`Not a name of a stored object: ${JSON.stringify(name.slice(0, 80))}`);
}
