/** Which models a gateway has in other versions than the node's software was made with, and whether these can be run. */
import type { CatalogueModel, ModelManifest } from '@zerogpu/protocol';

/** A file that a device keeps in memory as a whole. */
const MAX_FILE_BYTES = 4 * 2 ** 30;

/**
 * The node's own manifests, with the weights that the gateway's catalogue has where these are the same model in another
 * version: same runtime, same file names, same models needed. Everything else stays as the software knows it: what a
 * gateway says can change which bytes are weights, and nothing else.
 */
export function updatedManifests(
  own: readonly ModelManifest[],
  catalogue: readonly CatalogueModel[],
): ModelManifest[] {
  const told = new Map(catalogue.map((model) => [model.id, model]));
  return own.map((manifest) => {
    const model = told.get(manifest.id);
    return model && isOtherVersion(manifest, model) ? withWeights(manifest, model) : manifest;
  });
}

function isOtherVersion(manifest: ModelManifest, model: CatalogueModel): boolean {
  return (
    model.version !== manifest.version &&
    model.runtime === manifest.runtime &&
    manifest.family === 'built-in' &&
    same(paths(manifest), paths(model)) &&
    same(manifest.needs, model.needs) &&
    model.files.every(({ bytes }) => bytes <= MAX_FILE_BYTES)
  );
}

function withWeights(manifest: ModelManifest, model: CatalogueModel): ModelManifest {
  const { version, files, memoryBytes, maxTokens, maxOutputTokens } = model;
  // What the weights alone take is what loading them needs at least, whatever is said.
  const weightBytes = files.reduce((sum, { bytes }) => sum + bytes, 0);
  return {
    ...manifest,
    version,
    files: files.map(({ path, bytes, sha256 }) => ({ path, bytes, sha256 })),
    memoryBytes: Math.max(memoryBytes, weightBytes),
    maxTokens,
    maxOutputTokens,
  };
}

/** Ids of models that differ, and of those that work with one that does; needed ones first. */
export function changedModels(
  before: ReadonlyMap<string, ModelManifest>,
  after: ReadonlyMap<string, ModelManifest>,
): Set<string> {
  const changed = new Set<string>();
  for (const [id, manifest] of after) {
    const old = before.get(id);
    if (!old || identity(old) !== identity(manifest)) changed.add(id);
  }
  // As many rounds as the longest chain of needs: each finds those who need what the round before found.
  for (let found = -1; found !== changed.size; ) {
    found = changed.size;
    for (const [id, { needs }] of after) if (needs.some((need) => changed.has(need))) changed.add(id);
  }
  return changed;
}

/** Changed models in groups that must change together, because one works with another. */
export function groupsOf(
  changed: ReadonlySet<string>,
  after: ReadonlyMap<string, ModelManifest>,
): string[][] {
  const groups: Set<string>[] = [];
  for (const id of changed) {
    const mine = new Set([id, ...(after.get(id)?.needs ?? []).filter((need) => changed.has(need))]);
    const joined = groups.filter((group) => [...mine].some((one) => group.has(one)));
    for (const group of joined) {
      groups.splice(groups.indexOf(group), 1);
      for (const one of group) mine.add(one);
    }
    groups.push(mine);
  }
  return groups.map((group) => [...group]);
}

function identity({ version, files }: ModelManifest): string {
  return JSON.stringify([version, files.map(({ path, sha256 }) => [path, sha256])]);
}

function paths({ files }: Pick<ModelManifest, 'files'>): string[] {
  return files.map(({ path }) => path);
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((one, i) => one === b[i]);
}
