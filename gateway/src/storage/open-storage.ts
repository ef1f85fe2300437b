/** Opens the storage that the operator chose. */
import { join } from 'node:path';
import { openFolderStorage } from './folder-storage.ts';
import type { ObjectStorage } from './object-storage.ts';

export interface StorageOptions {
  readonly dataDir: string;
}

/**
 * Opens the folder `<data dir>/files`, and tries whether it can be written.
 * @throws StorageSettingError in words for the operator
 */
export async function openStorage(options: StorageOptions): Promise<ObjectStorage> {
  return await openFolderStorage(join(options.dataDir, 'files'));
}
