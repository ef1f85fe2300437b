/** Archived corpora (`train/<name>.tar.xz` in the folder of the corpora and others), read through the system's tar. */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface ArchivedFile {
  /** Path in the archive. */
  readonly name: string;
  readonly text: string;
}

/** The texts of all files of `train/<name>.tar.xz`, by name. */
export async function archivedFiles(data: string, name: string): Promise<string[]> {
  const files = await archivedEntries(path.join(data, 'train', `${name}.tar.xz`), 'utf8');
  return files.map(({ text }) => text);
}

/** All files of a tar.xz archive, by name. */
export async function archivedEntries(archive: string, encoding: 'utf8' | 'latin1'): Promise<ArchivedFile[]> {
  const folder = await mkdtemp(path.join(os.tmpdir(), `${path.basename(archive, '.tar.xz')}-`));
  try {
    await run('tar', ['-xJf', archive, '-C', folder]);
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const paths = entries
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name))
      .sort();
    const files: ArchivedFile[] = [];
    for (const file of paths) {
      files.push({ name: path.relative(folder, file), text: await readFile(file, encoding) });
    }
    return files;
  } finally {
    await rm(folder, { recursive: true });
  }
}
