import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { findManifest } from '@zerogpu/catalogue';

const WEIGHTS = path.join(import.meta.dirname, '../../../models/weights');

/** A weight file from the repository, held to the manifest as a node does. */
export async function readChecked(id: string, name: string): Promise<Uint8Array> {
  const bytes = await readFile(path.join(WEIGHTS, id, name));
  const expected = findManifest(id)?.files.find((file) => file.path === name)?.sha256;
  const found = createHash('sha256').update(bytes).digest('hex');
  if (found !== expected) throw new Error(`${name} of ${id} is not the file of the manifest`);
  return bytes;
}
