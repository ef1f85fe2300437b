/** Reads short parts of long objects, as workers read the lines of a file: each block is read and checked once. */
import { BLOCK_BYTES, blockHash, readBlock } from './blocks.ts';
import { makeKept } from './kept.ts';
import type { ByteRange, ObjectStorage, StoredObject } from './object-storage.ts';

/**
 * Of all objects together: 4 MiB. Workers take lines in order, a few files at a time, and a line of the most that a batch
 * allows (1 MiB) lies in five blocks.
 */
const MOST_BLOCKS = 16;

export interface VerifiedReader {
  /**
   * The bytes of a range, checked; to the object's end where it goes beyond.
   * @throws StorageError
   */
  read(name: string, stored: StoredObject, range: ByteRange): Promise<Buffer>;
}

export function makeVerifiedReader(
  storage: Pick<ObjectStorage, 'read'>,
  mostBlocks = MOST_BLOCKS,
): VerifiedReader {
  const kept = makeKept<Buffer>(mostBlocks);
  return {
    async read(name, stored, range) {
      const parts: Buffer[] = [];
      let position = range.start;
      const end = Math.min(range.end, stored.bytes);
      while (position < end) {
        const index = Math.floor(position / BLOCK_BYTES);
        // By its hash too: what is put again under a name is another block.
        const key = `${name} ${index} ${blockHash(stored, index).toString('base64')}`;
        const block = await kept.get(key, () => readBlock(storage, name, stored, index));
        const offset = position - index * BLOCK_BYTES;
        parts.push(block.subarray(offset, offset + end - position));
        position = (index + 1) * BLOCK_BYTES;
      }
      // Copied, so that a line that is kept does not keep its block.
      return Buffer.concat(parts);
    },
  };
}
