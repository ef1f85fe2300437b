/** Loads a built-in model as a node does, from the weights in the repository. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { findManifest } from '@zerogpu/catalogue';
import { plainInference } from '@zerogpu/protocol';
import { type LoadedModel, loadBuiltIn } from '@zerogpu/runtimes';

const WEIGHTS = path.join(import.meta.dirname, '../../../models/weights');

/** Null when this copy of the repository has no weights of the model. */
export async function loadModel(id: string): Promise<LoadedModel | null> {
  const manifest = findManifest(id);
  if (manifest === undefined || manifest.files.length === 0) return null;
  return loadBuiltIn(id, readChecked);
}

async function readChecked(id: string, name: string): Promise<Uint8Array> {
  const bytes = await readFile(path.join(WEIGHTS, id, name));
  const expected = findManifest(id)?.files.find((file) => file.path === name)?.sha256;
  const found = createHash('sha256').update(bytes).digest('hex');
  if (found !== expected) throw new Error(`${name} of ${id} is not the file of the manifest`);
  return bytes;
}

/** The whole answer's text. */
export async function runModel(model: LoadedModel, text: string): Promise<string> {
  let answer = '';
  for await (const piece of model.run(
    plainInference(model.manifest.id, text),
    new AbortController().signal,
  )) {
    answer += piece.text;
  }
  return answer;
}
