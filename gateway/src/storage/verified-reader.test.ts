import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expectSame, from, someBytes } from '../testing/storage-cases.ts';
import { BLOCK_BYTES, hashBlocks } from './blocks.ts';
import { type ByteRange, StorageError, type StoredObject } from './object-storage.ts';
import { makeVerifiedReader } from './verified-reader.ts';

const NAME = 'project/file-1';

/** One object in memory, and how often it was read. */
function memory(bytes: Buffer) {
  const reads: ByteRange[] = [];
  return {
    reads,
    bytes,
    read: (_name: string, range: ByteRange) => {
      reads.push(range);
      return from([bytes.subarray(range.start, range.end)]) as AsyncIterable<Buffer>;
    },
  };
}

async function storedOf(bytes: Buffer): Promise<StoredObject> {
  const hashed = hashBlocks(from([bytes]));
  for await (const _ of hashed.blocks);
  return hashed.stored();
}

describe('reading lines of a file', () => {
  test('any range comes back, also with one block kept', async () => {
    const bytes = someBytes(3 * BLOCK_BYTES + 777);
    const stored = await storedOf(bytes);
    const reader = makeVerifiedReader(memory(bytes), 1);
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length + 9), fc.nat(600_000), async (start, length) => {
        const found = await reader.read(NAME, stored, { start, end: start + length });
        expectSame(found, bytes.subarray(start, start + length));
      }),
    );
  });

  test('in order, each block is read once', async () => {
    const bytes = someBytes(5 * BLOCK_BYTES + 1);
    const stored = await storedOf(bytes);
    const storage = memory(bytes);
    const reader = makeVerifiedReader(storage, 2);
    for (let start = 0; start < bytes.length; start += 400)
      expectSame(
        await reader.read(NAME, stored, { start, end: start + 400 }),
        bytes.subarray(start, start + 400),
      );
    expect(storage.reads).toHaveLength(6);
  });

  test('those who ask at once share one reading', async () => {
    const bytes = someBytes(BLOCK_BYTES);
    const stored = await storedOf(bytes);
    const storage = memory(bytes);
    const reader = makeVerifiedReader(storage);
    await Promise.all(
      Array.from({ length: 50 }, (_, i) => reader.read(NAME, stored, { start: i, end: i + 9 })),
    );
    expect(storage.reads).toHaveLength(1);
  });

  test('no more blocks are kept than allowed, those used last', async () => {
    const bytes = someBytes(4 * BLOCK_BYTES);
    const stored = await storedOf(bytes);
    const storage = memory(bytes);
    const reader = makeVerifiedReader(storage, 2);
    const readBlocks = async (...blocks: number[]) => {
      storage.reads.length = 0;
      for (const block of blocks)
        await reader.read(NAME, stored, { start: block * BLOCK_BYTES, end: block * BLOCK_BYTES + 1 });
      return storage.reads.map(({ start }) => start / BLOCK_BYTES);
    };
    expect(await readBlocks(0, 1, 0, 1)).toEqual([0, 1]);
    expect(await readBlocks(0, 2, 0)).toEqual([2]);
    expect(await readBlocks(1)).toEqual([1]);
  });

  test('what is put anew under a name is not answered from the old', async () => {
    const [before, after] = [someBytes(1000, 1), someBytes(1000, 2)];
    const storage = memory(before);
    const reader = makeVerifiedReader(storage);
    const range = { start: 0, end: 1000 };
    expectSame(await reader.read(NAME, await storedOf(before), range), before);
    const stored = await storedOf(after);
    await expect(reader.read(NAME, stored, range)).rejects.toMatchObject({ kind: 'damaged' });
    after.copy(storage.bytes);
    expectSame(await reader.read(NAME, stored, range), after);
  });

  test('a failure is not kept', async () => {
    const bytes = someBytes(1000);
    const stored = await storedOf(bytes);
    const storage = memory(bytes);
    let failing = true;
    const reader = makeVerifiedReader({
      read: (name, range) => {
        if (failing) throw new StorageError('unavailable', 'Away');
        return storage.read(name, range);
      },
    });
    const range = { start: 0, end: 10 };
    await expect(reader.read(NAME, stored, range)).rejects.toMatchObject({ kind: 'unavailable' });
    failing = false;
    expectSame(await reader.read(NAME, stored, range), bytes.subarray(0, 10));
  });
});
