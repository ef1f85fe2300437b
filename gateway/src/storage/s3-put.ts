/**
 * Puts an object of unknown length into a bucket. A long one goes up in parts, one on its way while the next is filled;
 * nothing is there under the name before the last step.
 */
import { hashBlocks } from './blocks.ts';
import type { StoredObject } from './object-storage.ts';
import type { Bucket, Upload } from './s3-bucket.ts';
import { asking } from './s3-errors.ts';

/** The least that S3 takes: 10,000 of them hold 48 GiB, and two at once are what a put needs of memory. */
export const PART_BYTES = 5 * 1024 * 1024;

export async function putInParts(
  bucket: Bucket,
  name: string,
  source: AsyncIterable<Uint8Array>,
): Promise<StoredObject> {
  const hashed = hashBlocks(source);
  const upload = new PartsOnTheirWay(bucket, name);
  try {
    // What the source throws passes as it is.
    for await (const { bytes, only } of partsOf(hashed.blocks)) {
      if (only) await asking(`store ${name}`, () => bucket.putWhole(name, bytes));
      else await asking(`store ${name}`, () => upload.add(bytes));
    }
    await asking(`store ${name}`, () => upload.end());
  } catch (error) {
    await upload.abort();
    throw error;
  }
  return hashed.stored();
}

class PartsOnTheirWay {
  readonly #bucket: Bucket;
  readonly #name: string;
  readonly #marks: string[] = [];
  readonly #stopped = new AbortController();
  #upload: Upload | null = null;
  #sending: Promise<void> = Promise.resolve();

  constructor(bucket: Bucket, name: string) {
    this.#bucket = bucket;
    this.#name = name;
  }

  /** Ends when the part before is there, and this one is on its way. */
  async add(part: Buffer): Promise<void> {
    this.#upload ??= await this.#bucket.beginUpload(this.#name);
    await this.#sending;
    this.#sending = this.#send(this.#upload, part);
    // It is told by the next add, or by the end.
    this.#sending.catch(() => undefined);
  }

  async end(): Promise<void> {
    await this.#sending;
    await this.#upload?.end(this.#marks);
  }

  /** Ends the upload; where that fails, the sweep does. */
  async abort(): Promise<void> {
    this.#stopped.abort();
    // A part that arrives after its upload was ended would stay.
    await this.#sending.catch(() => undefined);
    await this.#upload?.abort().catch(() => undefined);
  }

  async #send(upload: Upload, part: Buffer): Promise<void> {
    this.#marks.push(await upload.send(part, this.#marks.length + 1, this.#stopped.signal));
  }
}

/**
 * Blocks in parts, all but the last of them whole; `only` is one that is all. A part is good until the next but one is
 * filled: by then it has been sent.
 */
async function* partsOf(
  blocks: AsyncIterable<Buffer>,
): AsyncGenerator<{ readonly bytes: Buffer; readonly only: boolean }> {
  let part: Buffer = Buffer.allocUnsafe(PART_BYTES);
  let other: Buffer | null = null;
  let filled = 0;
  let first = true;
  for await (const block of blocks) {
    if (filled === PART_BYTES) {
      yield { bytes: part, only: false };
      [part, other] = [other ?? Buffer.allocUnsafe(PART_BYTES), part];
      filled = 0;
      first = false;
    }
    filled += block.copy(part, filled);
  }
  yield { bytes: part.subarray(0, filled), only: first };
}
