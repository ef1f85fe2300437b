/** What the library of S3 throws, as errors of the storage. */
import { StorageError } from './object-storage.ts';

/** As MinIO, Ceph, Garage and Backblaze say that there is no room; others answer 507. */
const FULL = [
  'XMinioStorageFull',
  'XMinioAdminBucketQuotaExceeded',
  'QuotaExceeded',
  'StorageFull',
  'AccessDeniedStorageCapExceeded',
];
const INSUFFICIENT_STORAGE = 507;

/** Does it; an error of the library becomes one of the storage. */
export async function asking<T>(what: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    throw storageError(what, cause);
  }
}

/** Without its cause: the library's errors carry what was sent, signature and all. */
export function storageError(what: string, cause: unknown): StorageError {
  if (cause instanceof StorageError) return cause;
  return new StorageError(
    isFull(cause) ? 'full' : 'unavailable',
    `Cannot ${what} in the bucket: ${reasonOf(cause)}`,
  );
}

export function isMissing(cause: unknown): boolean {
  return nameOf(cause) === 'NoSuchKey' || nameOf(cause) === 'NotFound';
}

/** A range that begins behind the object's end. */
export const isBehindTheEnd = (cause: unknown): boolean => statusOf(cause) === 416;

const isFull = (cause: unknown) => statusOf(cause) === INSUFFICIENT_STORAGE || FULL.includes(nameOf(cause));

/** In a few words for the operator: of an answer its code, as the rest of it may quote what was sent. */
export function reasonOf(cause: unknown): string {
  const status = statusOf(cause);
  if (status !== null) return `${nameOf(cause).slice(0, 100)} (${status})`;
  if (!(cause instanceof Error)) return String(cause);
  // Of an address that was tried in two families the message is empty.
  return (cause.message || codeOf(cause) || cause.name).slice(0, 300);
}

const nameOf = (cause: unknown) => (cause instanceof Error ? cause.name : '');

function codeOf(cause: Error): string {
  return 'code' in cause ? String(cause.code) : '';
}

function statusOf(cause: unknown): number | null {
  if (!(cause instanceof Error) || !('$metadata' in cause)) return null;
  const { $metadata: metadata } = cause;
  const known = typeof metadata === 'object' && metadata !== null && 'httpStatusCode' in metadata;
  return known && typeof metadata.httpStatusCode === 'number' ? metadata.httpStatusCode : null;
}
