import { ApiError } from '@zerogpu/protocol';
import { StorageError } from '../storage/object-storage.ts';

/** What callers are told of a storage's errors; the rest is for the operator's log. */
const TOLD: Readonly<Record<StorageError['kind'], string>> = {
  missing: 'The content of this file is no longer in the storage; upload the file again',
  damaged: 'The content of this file is damaged in the storage; upload the file again',
  full: 'The file storage has no room left; delete files, or try again later',
  unavailable: 'The file storage did not answer; try again later',
};

/** An error of the storage as one that callers may see; every other as it is. */
export function told(thrown: unknown): unknown {
  if (!(thrown instanceof StorageError)) return thrown;
  return new ApiError('storage_error', { message: TOLD[thrown.kind], cause: thrown });
}
