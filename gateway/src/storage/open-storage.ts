/** Opens the storage that the operator chose. */
import { join } from 'node:path';
import { openFolderStorage } from './folder-storage.ts';
import type { ObjectStorage } from './object-storage.ts';
import type { S3Location } from './s3-url.ts';

export interface StorageOptions {
  readonly dataDir: string;
  /** Null: the folder `files` of the data directory. */
  readonly s3: S3Location | null;
}

/**
 * Opens a bucket, or the folder `<data dir>/files`, and tries whether it can be used.
 * @throws StorageSettingError in words for the operator
 */
export async function openStorage({ dataDir, s3 }: StorageOptions): Promise<ObjectStorage> {
  if (s3 === null) return await openFolderStorage(join(dataDir, 'files'));
  // Loaded here because its library takes 25 MB and a tenth of a second, and most run without it.
  const { openS3Storage } = await import('./s3-storage.ts');
  return await openS3Storage(s3);
}
