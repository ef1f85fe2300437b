/** Every model that the platform knows, with its limits and prices. A model is here before anything can run it. */
import type { ModelManifest } from '@zerogpu/protocol';
import { BUILT_IN } from './built-in.ts';
import { HUB } from './hub.ts';

export const MANIFESTS: readonly ModelManifest[] = [...BUILT_IN, ...HUB];

const byId = new Map(MANIFESTS.map((manifest) => [manifest.id, manifest]));

export function findManifest(id: string): ModelManifest | undefined {
  return byId.get(id);
}
