import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelManifest } from '@zerogpu/protocol';
import type { FileSource } from '@zerogpu/runtimes';

/** A model's files in a folder, each held to the size and SHA-256 of the manifest. */
export function diskFiles(folder: string, manifest: ModelManifest): FileSource {
  return {
    async read(path) {
      const expected = manifest.files.find((file) => file.path === path);
      if (!expected) throw new Error(`the manifest of ${manifest.id} names no file "${path}"`);
      const bytes = await readFile(join(folder, path));
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      if (bytes.length !== expected.bytes || sha256 !== expected.sha256) {
        throw new Error(`the file "${path}" is damaged: its SHA-256 is ${sha256}, not ${expected.sha256}`);
      }
      return bytes;
    },
  };
}
