import { readFileSync } from 'node:fs';
import path from 'node:path';
import { loadBuiltIn } from '@zerogpu/runtimes';
import { expect, test } from 'vitest';
import { EXAMPLE_TEXTS } from './example-texts.ts';
import { examplesPage } from './examples-page.ts';

const MODELS = path.join(import.meta.dirname, '../..');

test('examples.md is what the models say; `npm run models:examples` writes it anew', async () => {
  const read = async (model: string, file: string) => readFileSync(path.join(MODELS, 'weights', model, file));
  const page = await examplesPage((id) => loadBuiltIn(id, read));
  expect(readFileSync(path.join(MODELS, 'examples.md'), 'utf8')).toBe(page);
});

test('there are twenty texts, each with options for every task', () => {
  expect(new Set(EXAMPLE_TEXTS.map(({ name }) => name)).size).toBe(20);
  for (const { labels, entities, schema, axes } of EXAMPLE_TEXTS) {
    for (const options of [labels, entities, Object.keys(schema), Object.keys(axes)])
      expect(options.length).toBeGreaterThan(0);
  }
});
