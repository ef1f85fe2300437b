/** The weights of built-in models by their SHA-256, for nodes that do not have them. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { ModelManifest } from '@zerogpu/protocol';

/** In this repository. */
export const WEIGHTS_FOLDER: string = path.join(import.meta.dirname, '../../../models/weights');

/** A file whose bytes are what its name says. */
export interface VerifiedFile {
  readonly path: string;
  readonly bytes: number;
}

interface Known {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  /** Of the file as it was when its bytes were right: its time and size. */
  mark: string | null;
  verifying: Promise<boolean> | null;
}

/** Finds weights by hash: the catalogue alone says which there are, so that no name of a caller's becomes a path. */
export class ModelWeights {
  readonly #known: ReadonlyMap<string, Known>;

  /** @param folder holds a folder for each model */
  constructor(folder: string, manifests: readonly ModelManifest[]) {
    const files = manifests
      .filter(({ family }) => family === 'built-in')
      .flatMap(({ id, files }) =>
        files.map(({ sha256, bytes, path: name }) => ({ sha256, bytes, path: path.join(folder, id, name) })),
      );
    this.#known = new Map(files.map((file) => [file.sha256, { ...file, mark: null, verifying: null }]));
  }

  /** Null when the catalogue names no such file, or it is not here as it should be. */
  async find(sha256: string): Promise<VerifiedFile | null> {
    const known = this.#known.get(sha256);
    if (!known) return null;
    const stats = await stat(known.path).catch(() => null);
    const mark = stats && `${stats.mtimeMs} ${stats.size}`;
    if (stats?.size !== known.bytes || mark === null) return null;
    return known.mark === mark || (await verify(known, mark)) ? known : null;
  }
}

/** Read once, and again only when the file was changed: whoever asks meanwhile waits for the same reading. */
async function verify(known: Known, mark: string): Promise<boolean> {
  known.verifying ??= hashOf(known.path)
    .then((sha256) => sha256 === known.sha256)
    .catch(() => false)
    .finally(() => {
      known.verifying = null;
    });
  const right = await known.verifying;
  if (right) known.mark = mark;
  return right;
}

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk);
  return hash.digest('hex');
}
