/** Files leave some room on their disk: by default the database lies on the same one, and ends where it is full. */
import { statfs } from 'node:fs/promises';
import { StorageError } from './object-storage.ts';

/** As `statfs` tells it. */
export interface Disk {
  readonly bsize: number;
  readonly blocks: number;
  readonly bavail: number;
  /** Of names: some file systems know no bound, and say zero. */
  readonly files: number;
  readonly ffree: number;
}

export type LookAtDisk = (folder: string) => Promise<Disk>;

/** A day of a busy database. */
const KEPT_BYTES = 2 ** 30;
/** Of a small disk, and of the names that a disk has. */
const KEPT_SHARE = 0.05;

/** @throws StorageError full */
export async function checkRoom(folder: string, look: LookAtDisk = statfs): Promise<void> {
  const { bsize, blocks, bavail, files, ffree } = await look(folder);
  const kept = Math.min(KEPT_BYTES, KEPT_SHARE * blocks * bsize);
  if (bavail * bsize >= kept && ffree >= KEPT_SHARE * files) return;
  throw new StorageError('full', 'The disk of the folder of files is as full as files may make it');
}
