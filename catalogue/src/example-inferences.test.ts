import { expect, test } from 'vitest';
import { exampleInferences } from './example-inferences.ts';
import { MANIFESTS } from './manifests.ts';
import { checkOptions } from './options/check-options.ts';

test('the examples of every model are requests that its task accepts', () => {
  for (const manifest of MANIFESTS) {
    const examples = exampleInferences(manifest);
    expect(examples.length, manifest.id).toBeGreaterThan(0);
    for (const inference of examples) {
      expect(inference.model).toBe(manifest.id);
      expect(() => checkOptions(manifest.task, inference), manifest.id).not.toThrow();
    }
  }
});
