/**
 * Checksums by block: so that any part of an object is checked before a byte of it is given away, without reading all of
 * it. Larger blocks would make a short read dear, smaller ones the hashes many: 200 MB have 800 of 32 bytes.
 */
import { hash } from 'node:crypto';
import { type ByteRange, type ObjectStorage, StorageError, type StoredObject } from './object-storage.ts';

export const BLOCK_BYTES = 256 * 1024;
export const HASH_BYTES = 32;

/** Bytes on their way into a storage. */
export interface Hashed {
  /** What the source gives, in blocks; the last one may be shorter. A block is good until the next is asked for. */
  readonly blocks: AsyncIterable<Buffer>;
  /** Once `blocks` has ended. */
  stored(): StoredObject;
}

/** Lets bytes through and keeps their hashes. */
export function hashBlocks(source: AsyncIterable<Uint8Array>): Hashed {
  const hashes: Buffer[] = [];
  let bytes = 0;
  const blocks = async function* () {
    // One for all: a new one each grew the process by 56 MB in 100 MB, as garbage of this kind is collected late.
    const buffer = Buffer.allocUnsafe(BLOCK_BYTES);
    for await (const block of inBlocks(source, () => buffer)) {
      hashes.push(hashOf(block));
      bytes += block.length;
      yield block;
    }
  };
  return { blocks: blocks(), stored: () => ({ bytes, blockHashes: Buffer.concat(hashes) }) };
}

/**
 * The bytes of a range of an object, none of which leaves before its block was checked. Holds the block that is given and
 * the one that comes after it, no more. A range that goes beyond the object's end goes to its end.
 * @throws StorageError `damaged` where what is stored is not `stored`, and as `ObjectStorage.read`
 */
export async function* readVerified(
  storage: Pick<ObjectStorage, 'read'>,
  name: string,
  stored: StoredObject,
  range: ByteRange,
): AsyncGenerator<Buffer> {
  const end = Math.min(range.end, stored.bytes);
  if (range.start >= end) return;
  let index = Math.floor(range.start / BLOCK_BYTES);
  const whole = { start: index * BLOCK_BYTES, end: endOfBlock(stored, Math.floor((end - 1) / BLOCK_BYTES)) };
  let position = whole.start;
  for await (const block of inBlocks(storage.read(name, whole), newBlock)) {
    checkBlock(name, stored, index, block);
    yield block.subarray(Math.max(range.start - position, 0), Math.min(end - position, block.length));
    position += block.length;
    index += 1;
  }
  if (position !== whole.end) throw damaged(name, `it ends at byte ${position} of ${stored.bytes}`);
}

/** One block of an object, checked. */
export async function readBlock(
  storage: Pick<ObjectStorage, 'read'>,
  name: string,
  stored: StoredObject,
  index: number,
): Promise<Buffer> {
  const range = { start: index * BLOCK_BYTES, end: endOfBlock(stored, index) };
  let found: Buffer | null = null;
  // Read to its end, because a connection that is left early is closed.
  for await (const block of readVerified(storage, name, stored, range)) found = block;
  if (found === null) throw new RangeError(`No block ${index} in an object of ${stored.bytes} bytes`);
  return found;
}

function checkBlock(name: string, stored: StoredObject, index: number, block: Buffer): void {
  if (hashOf(block).equals(blockHash(stored, index))) return;
  throw damaged(name, `block ${index} of ${BLOCK_BYTES} bytes is not what was stored`);
}

/** The hash that a block must have. */
export function blockHash(stored: StoredObject, index: number): Buffer {
  return stored.blockHashes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES);
}

const endOfBlock = (stored: StoredObject, index: number) => Math.min((index + 1) * BLOCK_BYTES, stored.bytes);

const damaged = (name: string, what: string) =>
  new StorageError('damaged', `The stored object ${name} is damaged: ${what}`);

const hashOf = (block: Buffer): Buffer => hash('sha256', block, 'buffer');

const newBlock = () => Buffer.allocUnsafe(BLOCK_BYTES);

/** The same bytes in blocks; a chunk that is a block passes as it is. */
async function* inBlocks(source: AsyncIterable<Uint8Array>, bufferFor: () => Buffer): AsyncGenerator<Buffer> {
  let block: Buffer = NOTHING;
  let filled = 0;
  for await (const chunk of source) {
    let rest = asBuffer(chunk);
    while (rest.length > 0) {
      if (filled === 0 && rest.length >= BLOCK_BYTES) {
        yield rest.subarray(0, BLOCK_BYTES);
        rest = rest.subarray(BLOCK_BYTES);
        continue;
      }
      if (filled === 0) block = bufferFor();
      const taken = rest.copy(block, filled);
      filled += taken;
      rest = rest.subarray(taken);
      if (filled < BLOCK_BYTES) continue;
      yield block;
      filled = 0;
    }
  }
  if (filled > 0) yield block.subarray(0, filled);
}

const NOTHING = Buffer.alloc(0);

const asBuffer = (chunk: Uint8Array) =>
  Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
