/** Models whose answers are their weights, and a gateway that gives them: for tests of what a node fetches. */
import { createHash } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { type CatalogueModel, type ModelManifest, NODE_MODELS_PATH } from '@zerogpu/protocol';
import type { Runtime } from '@zerogpu/runtimes';
import type { EdgeNodeOptions } from '../edge-node.ts';
import { MemoryStore } from '../memory-store.ts';
import { ModelFiles } from '../model-files.ts';
import type { ModelStore } from '../model-store.ts';
import { END, makeManifest } from './in-test-runtime.ts';

export function manifestOf(id: string, version: string, weights: string): ModelManifest {
  const bytes = Buffer.from(weights);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { ...makeManifest(id), version, files: [{ path: 'model.zlm', bytes: bytes.length, sha256 }] };
}

export function catalogueOf(manifests: readonly ModelManifest[]): CatalogueModel[] {
  return manifests.map(({ id, version, runtime, files, needs, memoryBytes, maxTokens, maxOutputTokens }) => ({
    id,
    version,
    runtime,
    files: [...files],
    needs: [...needs],
    memoryBytes,
    maxTokens,
    maxOutputTokens,
  }));
}

/** Answers `version weights`; weights that say `broken` do not load. `held` runs wait for the promise. */
export function weightsRuntime(held: Promise<void> = Promise.resolve()) {
  const unloaded: string[] = [];
  const runtime: Runtime = {
    name: 'zlm',
    async load(manifest, files) {
      const weights = Buffer.from(await files.read('model.zlm')).toString();
      if (weights.startsWith('broken')) throw new Error('not made for this runtime');
      const text = `${manifest.version} ${weights}`;
      return {
        manifest,
        residentBytes: manifest.memoryBytes,
        async *run({ text: asked }) {
          if (asked === 'wait') await held;
          yield { kind: 'text', text };
          return END;
        },
        unload: () => void unloaded.push(`${manifest.id} ${manifest.version}`),
      };
    },
  };
  return { runtime, unloaded };
}

/** Gives these weights by their hashes. */
export function giving(...weights: string[]): RequestListener {
  const files = new Map(
    weights.map((text) => [`${NODE_MODELS_PATH}/${createHash('sha256').update(text).digest('hex')}`, text]),
  );
  return ({ url }, response) => {
    const text = files.get(url ?? '');
    if (text === undefined) response.writeHead(404).end();
    else response.end(text);
  };
}

/** A node that has nothing but a store. */
export function fetching(
  gatewayUrl: string,
  manifests: readonly ModelManifest[],
  runtime: Runtime,
  { store = new MemoryStore(), capBytes = 1e6 }: { store?: ModelStore; capBytes?: number } = {},
): Partial<EdgeNodeOptions> {
  const files = new ModelFiles({ store, gatewayUrl, capBytes, fetch, random: () => 0, log: () => undefined });
  return {
    manifests,
    runtimes: new Map([['zlm', runtime]]),
    files: (manifest, wishes) => files.source(manifest, wishes),
  };
}
