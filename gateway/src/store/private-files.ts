import { randomBytes } from 'node:crypto';
import { constants, type FileHandle, link, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Files with secrets: 0600, whole or not there, and on the disk before the call returns. */
const MODE = 0o600;

/** @returns null when there is no such file */
export async function readFileIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return null;
    throw error;
  }
}

/** Writes or replaces a file in one step: a kill leaves the old one or the new one. */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  const temporary = await writeBeside(path, text);
  await rename(temporary, path);
  await syncFolder(dirname(path));
}

/** Writes a file unless it exists. @returns false when it existed; then it is as it was */
export async function writePrivateFileOnce(path: string, text: string): Promise<boolean> {
  if ((await readFileIfThere(path)) !== null) return false;
  const temporary = await writeBeside(path, text);
  try {
    // Unlike rename, link fails when the name is taken: of two first starts one wins.
    await link(temporary, path);
    await syncFolder(dirname(path));
    return true;
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Makes a rename, link or removal in a folder durable; does nothing where folders cannot be synced. */
export async function syncFolder(folder: string): Promise<void> {
  let handle: FileHandle;
  try {
    handle = await open(folder, constants.O_RDONLY);
  } catch {
    return;
  }
  await handle.sync().catch(() => {});
  await handle.close();
}

export function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

async function writeBeside(path: string, text: string): Promise<string> {
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  const handle = await open(temporary, 'wx', MODE);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  return temporary;
}
