/** What the file system throws, as errors of the storage. */
import { StorageError } from './object-storage.ts';

/** Does it; an error of the system becomes one of the storage. */
export async function asking<T>(what: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    if (cause instanceof StorageError) throw cause;
    const kind = FULL.includes(codeOf(cause)) ? 'full' : 'unavailable';
    throw new StorageError(kind, `Cannot ${what} in the folder of files: ${reasonOf(cause)}`, cause);
  }
}

/** No room on the disk, none left of what the user may have of it. */
const FULL = ['ENOSPC', 'EDQUOT'];

/** For whoever opens a file to read it. */
export const missing = (name: string) => (cause: unknown) => {
  if (!isMissing(cause)) throw cause;
  throw new StorageError('missing', `Nothing is stored as ${name} in the folder of files`, cause);
};

export const isMissing = (cause: unknown): boolean => codeOf(cause) === 'ENOENT';

const codeOf = (cause: unknown) => (cause instanceof Error && 'code' in cause ? String(cause.code) : '');

export const reasonOf = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause));
