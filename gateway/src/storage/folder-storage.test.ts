import { appendFile, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { all, from, storageCases } from '../testing/storage-cases.ts';
import { asking } from './folder-errors.ts';
import { openFolderStorage } from './folder-storage.ts';

const temporary = () => mkdtemp(join(tmpdir(), 'zerogpu-storage-'));
const NAME = 'project/file-1';

storageCases('files in a folder', async () => {
  const parent = await temporary();
  const folder = join(parent, 'files');
  const partials = join(folder, '.partial');
  const filesOf = async () => {
    const found = await readdir(folder, { recursive: true, withFileTypes: true });
    return found.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  };
  return {
    storage: await openFolderStorage(folder),
    async names() {
      // Of the parent, in case a name led out of the folder.
      expect(await readdir(parent)).toEqual(['files']);
      const names = (await filesOf()).map((path) => path.slice(folder.length + 1));
      return names.filter((name) => !name.startsWith('.'));
    },
    async tamper(name, change) {
      const path = join(folder, name);
      await writeFile(path, change(await readFile(path)));
    },
    async partialBytes() {
      const names = await readdir(partials);
      return await Promise.all(names.map(async (name) => (await stat(join(partials, name))).size));
    },
    async leavePartial(name) {
      await writeFile(join(partials, name.replace('/', '-')), 'left');
    },
    async clear() {
      for (const entry of await readdir(folder)) {
        if (entry !== '.files') await rm(join(folder, entry), { recursive: true });
      }
      await mkdir(partials);
    },
    async away() {
      await rename(folder, `${folder}-away`);
      // As a place where a disk was mounted.
      await mkdir(folder);
      return async () => {
        expect(await readdir(folder)).toEqual([]);
        await rm(folder, { recursive: true });
        await rename(`${folder}-away`, folder);
      };
    },
    close: () => rm(parent, { recursive: true }),
  };
});

describe('the folder of files', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await temporary();
  });
  afterEach(() => rm(folder, { recursive: true }));

  test('is for the gateway’s user alone', async () => {
    const storage = await openFolderStorage(join(folder, 'files'));
    await storage.put(NAME, from([Buffer.from('x')]));
    const modes = ['files', 'files/.partial', 'files/project', 'files/project/file-1'].map(
      async (path) => (await stat(join(folder, path))).mode & 0o777,
    );
    expect(await Promise.all(modes)).toEqual([0o700, 0o700, 0o700, 0o600]);
  });

  const room = { bsize: 4096, blocks: 2 ** 28, bavail: 2 ** 18, files: 1_000, ffree: 50 };

  test.each([
    ['room', { ...room, bavail: room.bavail - 1 }],
    ['names', { ...room, ffree: 49 }],
    ['room on a small disk', { ...room, blocks: 1_000, bavail: 49 }],
  ])('leaves some %s on its disk to others', async (_, short) => {
    let disk = room;
    const storage = await openFolderStorage(folder, async () => disk);
    await storage.put(NAME, from([Buffer.from('x')]));
    disk = short;
    const full = { name: 'StorageError', kind: 'full' };
    await expect(storage.put('project/file-2', from([Buffer.from('x')]))).rejects.toMatchObject(full);
    expect(await all(storage.read(NAME, { start: 0, end: 1 }))).toEqual(Buffer.from('x'));
    disk = { ...room, bsize: 4096, blocks: 0, files: 0, ffree: 0 };
    await storage.put('project/file-2', from([Buffer.from('x')]));
  });

  test('is looked at also while a long file is written', async () => {
    const disks = [room, { ...room, bavail: 0 }];
    const storage = await openFolderStorage(folder, async () => disks.shift()!);
    const long = from(Array.from({ length: 80 }, () => Buffer.alloc(256 * 1024)));
    await expect(storage.put(NAME, long)).rejects.toMatchObject({ kind: 'full' });
    expect(await readdir(join(folder, '.partial'))).toEqual([]);
  });

  test('is unavailable when somebody removed it, until the storage is opened anew', async () => {
    const storage = await openFolderStorage(join(folder, 'files'));
    await storage.put(NAME, from([Buffer.from('x')]));
    await rm(join(folder, 'files'), { recursive: true });
    const unavailable = { name: 'StorageError', kind: 'unavailable' };
    await expect(storage.put(NAME, from([Buffer.from('x')]))).rejects.toMatchObject(unavailable);
    await expect(all(storage.read(NAME, { start: 0, end: 1 }))).rejects.toMatchObject(unavailable);
    expect(await readdir(folder)).toEqual([]);
    const again = await openFolderStorage(join(folder, 'files'));
    await expect(all(storage.read(NAME, { start: 0, end: 1 }))).rejects.toMatchObject({ kind: 'missing' });
    await again.put(NAME, from([Buffer.from('x')]));
    expect(await storage.exists(NAME)).toBe(true);
  });

  test('that cannot be written is told in words', async () => {
    await writeFile(join(folder, 'files'), 'in the way');
    await expect(openFolderStorage(join(folder, 'files'))).rejects.toMatchObject({
      name: 'StorageSettingError',
      message: expect.stringMatching(
        /^Cannot write to the folder of files, .*files: E.*Give the gateway's user the right to write there/,
      ),
    });
  });

  test('that became something else is unavailable, also for what it had', async () => {
    const storage = await openFolderStorage(join(folder, 'files'));
    await rm(join(folder, 'files'), { recursive: true });
    await writeFile(join(folder, 'files'), 'in the way');
    const unavailable = { name: 'StorageError', kind: 'unavailable' };
    await expect(storage.put(NAME, from([]))).rejects.toMatchObject(unavailable);
    await expect(all(storage.read(NAME, { start: 0, end: 1 }))).rejects.toMatchObject(unavailable);
    await expect(storage.exists(NAME)).rejects.toMatchObject(unavailable);
    await expect(storage.sweep(new Date())).rejects.toMatchObject(unavailable);
  });
});

describe('errors of the file system', () => {
  test.runIf(process.platform === 'linux')('a disk without room is full', async () => {
    const writing = asking('store', () => appendFile('/dev/full', 'x'));
    await expect(writing).rejects.toMatchObject({ name: 'StorageError', kind: 'full' });
  });

  test.each([
    ['ENOSPC', 'full'],
    ['EDQUOT', 'full'],
    ['EIO', 'unavailable'],
    ['EMFILE', 'unavailable'],
    ['ENOENT', 'unavailable'],
  ])('%s is %s', async (code, kind) => {
    const failing = asking('store', () => Promise.reject(Object.assign(new Error(code), { code })));
    await expect(failing).rejects.toMatchObject({
      kind,
      message: `Cannot store in the folder of files: ${code}`,
    });
  });
});
