/**
 * Objects as files of a folder, `<folder>/<project>/<file id>`. What is not whole yet lies under a random name in
 * `.partial`, on the same disk, so that a rename puts it into its place at once. A mark in the folder tells it from the
 * empty one that is left where its disk is not mounted: there nothing is missing for good, and nothing is put.
 */
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BLOCK_BYTES, hashBlocks } from './blocks.ts';
import { checkRoom, type LookAtDisk } from './disk-room.ts';
import { asking, isMissing, missing, reasonOf } from './folder-errors.ts';
import { type ByteRange, checkName, type ObjectStorage, type StoredObject } from './object-storage.ts';
import { StorageSettingError } from './storage-setting-error.ts';

/** No name of an object begins with a dot. */
const PARTIAL = '.partial';
const MARK = '.files';
const MARK_TEXT =
  'The gateway keeps files here. Without this file it takes the folder for another one and waits.\n';
/** Only the gateway's user reads what callers store. */
const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;
/** Of a put, between two looks whether the disk has room: 16 MiB, of which all puts at once overlook half of what is kept. */
const BLOCKS_PER_LOOK = 64;

/**
 * Opens a folder, makes it where there is none, and tries whether it can be written.
 * @throws StorageSettingError
 */
export async function openFolderStorage(folder: string, look?: LookAtDisk): Promise<ObjectStorage> {
  const partials = join(folder, PARTIAL);
  try {
    const trial = join(partials, randomUUID());
    await (await create(trial)).close();
    await rm(trial);
    await writeFile(join(folder, MARK), MARK_TEXT, { mode: FILE_MODE });
  } catch (cause) {
    throw new StorageSettingError(
      `Cannot write to the folder of files, ${folder}: ${reasonOf(cause)}. Give the gateway's user the right to write there, or set ZEROGPU_DATA_DIR or S3_URL`,
      { cause },
    );
  }
  return folderStorage(folder, partials, look);
}

function folderStorage(folder: string, partials: string, look?: LookAtDisk): ObjectStorage {
  const pathOf = (name: string) => join(folder, checkName(name));
  const there = () => checkMark(folder);
  return {
    async put(name, source) {
      const path = pathOf(name);
      await asking('store', there);
      return await put(path, join(partials, randomUUID()), source, look);
    },
    read: (name, range) => readFile(folder, name, range),
    exists: async (name) => {
      const path = pathOf(name);
      return await asking(`look for ${name}`, async () => {
        const found = await statOrNull(path);
        if (found === null) await there();
        return found?.isFile() === true;
      });
    },
    remove: async (name) => {
      const path = pathOf(name);
      await asking(`remove ${name}`, () => there().then(() => rm(path, { force: true })));
    },
    sweep: async (before) => await asking('sweep', () => there().then(() => sweep(partials, before))),
    close: async () => undefined,
  };
}

/** @throws what is no `missing`: the folder is not the one that was opened */
async function checkMark(folder: string): Promise<void> {
  await stat(join(folder, MARK));
}

async function put(
  path: string,
  partial: string,
  source: AsyncIterable<Uint8Array>,
  look?: LookAtDisk,
): Promise<StoredObject> {
  try {
    const stored = await writeDurably(partial, source, look);
    await asking('store', () => moveDurably(partial, path));
    return stored;
  } catch (error) {
    // What cannot be removed now is swept later; the first error is the one to tell.
    await rm(partial, { force: true }).catch(() => undefined);
    throw error;
  }
}

async function writeDurably(
  path: string,
  source: AsyncIterable<Uint8Array>,
  look?: LookAtDisk,
): Promise<StoredObject> {
  const file = await asking('store', () => create(path));
  try {
    const hashed = hashBlocks(source);
    let written = 0;
    // What the source throws passes as it is.
    for await (const block of hashed.blocks) {
      if (written % BLOCKS_PER_LOOK === 0) await asking('store', () => checkRoom(dirname(path), look));
      await asking('store', () => file.appendFile(block));
      written += 1;
    }
    await asking('store', () => file.sync());
    return hashed.stored();
  } finally {
    await file.close();
  }
}

/** With its folder, which the first one makes. */
async function create(path: string): Promise<FileHandle> {
  await mkdir(dirname(path), { recursive: true, mode: FOLDER_MODE });
  return await open(path, 'wx', FILE_MODE);
}

/** Durable with its entry in the folder: else a power cut could leave a row whose file is gone. */
async function moveDurably(partial: string, path: string): Promise<void> {
  const project = dirname(path);
  const made = await mkdir(project, { recursive: true, mode: FOLDER_MODE });
  await rename(partial, path);
  await syncFolder(project);
  if (made !== undefined) await syncFolder(dirname(project));
}

async function syncFolder(path: string): Promise<void> {
  // Windows opens no folders; its file system keeps entries in order by itself.
  if (process.platform === 'win32') return;
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function* readFile(folder: string, name: string, range: ByteRange): AsyncGenerator<Buffer> {
  const path = join(folder, checkName(name));
  const file = await asking(`read ${name}`, () =>
    open(path, 'r').catch(async (cause: unknown) => {
      if (isMissing(cause)) await checkMark(folder);
      return missing(name)(cause);
    }),
  );
  try {
    let position = range.start;
    while (position < range.end) {
      const chunk = await asking(`read ${name}`, () => readChunk(file, position, range.end));
      if (chunk.length === 0) return;
      position += chunk.length;
      yield chunk;
    }
  } finally {
    await file.close();
  }
}

async function readChunk(file: FileHandle, position: number, end: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(Math.min(BLOCK_BYTES, end - position));
  const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
  return buffer.subarray(0, bytesRead);
}

async function sweep(partials: string, before: Date): Promise<void> {
  await mkdir(partials, { recursive: true, mode: FOLDER_MODE });
  for (const entry of await readdir(partials)) {
    const path = join(partials, entry);
    const found = await statOrNull(path);
    if (found !== null && found.mtime < before) await rm(path, { force: true });
  }
}

async function statOrNull(path: string) {
  return await stat(path).catch((error: unknown) => {
    if (isMissing(error)) return null;
    throw error;
  });
}
