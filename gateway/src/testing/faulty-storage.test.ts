import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BLOCK_BYTES, readVerified } from '../storage/blocks.ts';
import { openFolderStorage } from '../storage/folder-storage.ts';
import type { ObjectStorage } from '../storage/object-storage.ts';
import { faultyStorage, type StorageFault } from './faulty-storage.ts';
import { all, chunked, expectSame, someBytes } from './storage-cases.ts';

const NAME = 'project/file-1';
const BYTES = someBytes(3 * BLOCK_BYTES);
const WHOLE = { start: 0, end: BYTES.length };

describe('a storage with faults', () => {
  let folder: string;
  let fault: StorageFault | null;
  let storage: ObjectStorage;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'zerogpu-storage-'));
    fault = null;
    storage = faultyStorage(await openFolderStorage(folder), () => fault);
  });
  afterEach(() => rm(folder, { recursive: true }));
  const put = () => storage.put(NAME, chunked(BYTES, 100_000));

  test('does as it should without one', async () => {
    const stored = await put();
    expectSame(await all(readVerified(storage, NAME, stored, WHOLE)), BYTES);
  });

  test('fails where it is told to, also in the middle', async () => {
    for (const afterBytes of [0, 150_000, BYTES.length]) {
      fault = { fails: 'full', afterBytes };
      await expect(put()).rejects.toMatchObject({ name: 'StorageError', kind: 'full' });
      fault = null;
      expect(await storage.exists(NAME)).toBe(false);
    }
    fault = { fails: 'unavailable' };
    await expect(storage.exists(NAME)).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(storage.remove(NAME)).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(all(storage.read(NAME, WHOLE))).rejects.toMatchObject({ kind: 'unavailable' });
  });

  test('damages the byte that it is told to', async () => {
    const stored = await put();
    fault = { damages: 2 * BLOCK_BYTES + 1 };
    const before = { start: 0, end: 2 * BLOCK_BYTES };
    expectSame(await all(readVerified(storage, NAME, stored, before)), BYTES.subarray(0, before.end));
    await expect(all(readVerified(storage, NAME, stored, WHOLE))).rejects.toMatchObject({ kind: 'damaged' });
  });

  test('waits until it is let go', async () => {
    const held = Promise.withResolvers<void>();
    fault = { wait: () => held.promise };
    let ended = false;
    const putting = put().then(() => (ended = true));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(ended).toBe(false);
    held.resolve();
    await putting;
  });
});
