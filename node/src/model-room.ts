/** The room that a device gives to models' files, and the order in which they make place for others. */
import { type ModelStore, type StoredFile, StoreFull } from './model-store.ts';

export interface Room {
  /** Most bytes that all files, and beginnings of files, may take together. */
  readonly capBytes: number;
  /** Hashes of files that models in memory, or on their way there, were made from. */
  readonly needed: ReadonlySet<string>;
}

/**
 * Hashes of the files that must go so that one of so many bytes fits, the longest unused first; null when it does not
 * fit however many go. Its own beginning counts as part of it.
 */
export function filesToRemove(
  files: readonly StoredFile[],
  wanted: { readonly sha256: string; readonly bytes: number },
  { capBytes, needed }: Room,
): string[] | null {
  const others = files.filter(({ sha256 }) => sha256 !== wanted.sha256);
  let total = wanted.bytes + others.reduce((sum, { bytes }) => sum + bytes, 0);
  const going = others
    .filter(({ sha256 }) => !needed.has(sha256))
    .sort((a, b) => a.lastUsedAt - b.lastUsedAt);
  const removed: string[] = [];
  for (const { sha256, bytes } of going) {
    if (total <= capBytes) break;
    total -= bytes;
    removed.push(sha256);
  }
  return total <= capBytes ? removed : null;
}

/** @throws StoreFull when the file does not fit beside those that are needed */
export async function makeRoom(
  store: ModelStore,
  wanted: { readonly sha256: string; readonly bytes: number },
  room: Room,
): Promise<void> {
  const going = filesToRemove(await store.list(), wanted, room);
  if (going === null) {
    const [need, cap] = [wanted.bytes, room.capBytes].map(inMb);
    throw new StoreFull(
      `A file of ${need} MB does not fit beside the models in use: the models’ disk space is ${cap} MB`,
    );
  }
  for (const sha256 of going) await store.remove(sha256);
}

function inMb(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(1);
}
