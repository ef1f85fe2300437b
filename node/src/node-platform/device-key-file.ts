import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DeviceKey, makeDeviceKey, readDeviceKey } from '../identity.ts';

const FILE_NAME = 'device-key.json';

/**
 * The device's key from the state directory, made there at first (mode 0600, directory 0700).
 * @throws Error when the file is there and cannot be read or is no key
 */
export async function deviceKeyIn(directory: string): Promise<DeviceKey> {
  const path = join(directory, FILE_NAME);
  return (await readKey(path)) ?? (await makeKey(directory, path));
}

async function readKey(path: string): Promise<DeviceKey | null> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (isCode(error, 'ENOENT')) return null;
    throw error;
  }
  try {
    return readDeviceKey(JSON.parse(text));
  } catch {
    throw new Error(
      `${path} holds no device key; delete it to make a new one (the node then joins as a new node)`,
    );
  }
}

/** Written apart and linked into place, so that a crash leaves no half a key and of two makers one wins. */
async function makeKey(directory: string, path: string): Promise<DeviceKey> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const key = await makeDeviceKey();
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, `${JSON.stringify(key)}\n`, { mode: 0o600, flag: 'wx', flush: true });
  try {
    await link(draft, path);
    return key;
  } catch (error) {
    const winner = isCode(error, 'EEXIST') ? await readKey(path) : null;
    if (winner === null) throw error;
    return winner;
  } finally {
    await unlink(draft);
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
