import { createHash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readdir, readFile, rename, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { checkedSha256, type ModelStore, type StoredFile, StoreFull, WrongHash } from '../model-store.ts';

const PART = '.part';
const NAME = /^([0-9a-f]{64})(\.part)?$/;
const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** Models' files in a folder of their own: `<sha256>`, and `<sha256>.part` for a beginning. */
export class DiskModelStore implements ModelStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async list(): Promise<StoredFile[]> {
    const names = await readdir(this.#folder).catch(orNull);
    const files = await Promise.all((names ?? []).map((name) => this.#describe(name)));
    return files.filter((file) => file !== null);
  }

  async read(sha256: string): Promise<Uint8Array<ArrayBuffer> | null> {
    const path = this.#path(sha256);
    const bytes = await readFile(path).catch(orNull);
    if (bytes === null) return null;
    // Not the time of access: many file systems do not keep it.
    await utimes(path, new Date(), new Date()).catch(() => undefined);
    return bytes;
  }

  async beginning(sha256: string): Promise<number> {
    return (await lstat(this.#path(sha256) + PART).catch(orNull))?.size ?? 0;
  }

  async append(sha256: string, at: number, bytes: Uint8Array): Promise<void> {
    const path = this.#path(sha256) + PART;
    if ((at > 0 ? await this.beginning(sha256) : 0) !== at)
      throw new RangeError('A beginning grows at its end');
    try {
      if (at === 0) await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      await writeAt(path, at, bytes);
    } catch (error) {
      if (!FULL.has(codeOf(error))) throw error;
      throw new StoreFull(`The disk is full: no room for a model's file in ${this.#folder}`);
    }
  }

  async complete(sha256: string): Promise<void> {
    const path = this.#path(sha256);
    const truth = await hashOf(path + PART);
    if (truth !== sha256) {
      await rm(path + PART, { force: true });
      throw new WrongHash(`The file's SHA-256 is ${truth}, not ${sha256}`);
    }
    await rename(path + PART, path);
  }

  async remove(sha256: string): Promise<void> {
    const path = this.#path(sha256);
    await Promise.all([rm(path, { force: true }), rm(path + PART, { force: true })]);
  }

  #path(sha256: string): string {
    return join(this.#folder, checkedSha256(sha256));
  }

  /** Null for what is no file of ours. */
  async #describe(name: string): Promise<StoredFile | null> {
    const [, sha256, part] = NAME.exec(name) ?? [];
    const stats = sha256 ? await lstat(join(this.#folder, name)).catch(orNull) : null;
    if (!sha256 || !stats?.isFile()) return null;
    return { sha256, bytes: stats.size, complete: part === undefined, lastUsedAt: stats.mtimeMs };
  }
}

/** Leaves nothing of a write that failed, as far as the disk lets it. Follows no link: the folder holds files. */
async function writeAt(path: string, at: number, bytes: Uint8Array): Promise<void> {
  const { O_CREAT, O_TRUNC, O_WRONLY, O_NOFOLLOW = 0 } = constants;
  const file = await open(path, O_WRONLY | O_NOFOLLOW | (at === 0 ? O_CREAT | O_TRUNC : 0), 0o600);
  try {
    await writeAll(file, at, bytes);
    // What is counted on after a restart is on the disk.
    await file.datasync();
  } catch (error) {
    await file.truncate(at).catch(() => undefined);
    throw error;
  } finally {
    await file.close();
  }
}

async function writeAll(file: FileHandle, at: number, bytes: Uint8Array): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    written += (await file.write(bytes, written, bytes.length - written, at + written)).bytesWritten;
  }
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk);
  return hash.digest('hex');
}

/** Nothing is there. @throws any other error */
function orNull(error: unknown): null {
  if (codeOf(error) === 'ENOENT') return null;
  throw error;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
