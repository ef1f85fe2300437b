/** Archived corpora (`train/<name>.tar.xz` in the folder of the corpora), read through the system's tar. */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The texts of all files in the archive, by name. */
export async function archivedFiles(data: string, name: string): Promise<string[]> {
  const folder = await mkdtemp(path.join(os.tmpdir(), `${name}-`));
  try {
    await run('tar', ['-xJf', path.join(data, 'train', `${name}.tar.xz`), '-C', folder]);
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const paths = entries
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name));
    return await Promise.all(paths.sort().map((file) => readFile(file, 'utf8')));
  } finally {
    await rm(folder, { recursive: true });
  }
}
