import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, open, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { modelStoreCases } from '../testing/model-store-cases.ts';
import { DiskModelStore } from './disk-model-store.ts';

let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'zerogpu-store-'));
});

afterEach(async () => {
  vi.restoreAllMocks();
  await rm(home, { recursive: true });
});

modelStoreCases('a store on disk', async () => {
  const folder = join(home, 'models');
  return {
    store: new DiskModelStore(folder),
    reopen: () => Promise.resolve(new DiskModelStore(folder)),
    async fill() {
      const file = await open(join(home, 'any'), 'w');
      const noRoom = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
      vi.spyOn(Object.getPrototypeOf(file), 'write').mockRejectedValue(noRoom);
      await file.close();
    },
    close: () => Promise.resolve(),
  };
});

const BYTES = new TextEncoder().encode('weights');
const HASH = createHash('sha256').update(BYTES).digest('hex');

test('writes files by their hashes, beginnings apart', async () => {
  const store = new DiskModelStore(join(home, 'models'));
  await store.append(HASH, 0, BYTES);
  expect(await readdir(join(home, 'models'))).toEqual([`${HASH}.part`]);
  await store.complete(HASH);
  expect(await readdir(join(home, 'models'))).toEqual([HASH]);
});

test('does not touch or tell of what others put there', async () => {
  await mkdir(join(home, HASH));
  await writeFile(join(home, 'mine.txt'), 'mine');
  await symlink(join(home, 'mine.txt'), join(home, `${HASH}.part`));
  const store = new DiskModelStore(home);
  expect(await store.list()).toEqual([]);
  await expect(store.append(HASH, 0, BYTES)).rejects.toThrow('ELOOP');
  expect(await readFile(join(home, 'mine.txt'), 'utf8')).toBe('mine');
});
