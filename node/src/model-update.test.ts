import type { CatalogueModel, ModelManifest } from '@zerogpu/protocol';
import { expect, test } from 'vitest';
import { changedModels, groupsOf, updatedManifests } from './model-update.ts';
import { makeManifest } from './testing/in-test-runtime.ts';
import { catalogueOf } from './testing/weights-runtime.ts';

const file = { path: 'model.zlm', bytes: 10, sha256: 'a'.repeat(64) };
const own: ModelManifest = { ...makeManifest('a'), files: [file] };
const [told] = catalogueOf([own]) as [CatalogueModel];
const newer: CatalogueModel = {
  ...told,
  version: '2',
  files: [{ ...file, bytes: 500, sha256: 'b'.repeat(64) }],
};

test('another version’s weights are taken over, and what depends on them', () => {
  expect(updatedManifests([own], [{ ...newer, maxTokens: 7 }])).toEqual([
    { ...own, version: '2', files: newer.files, memoryBytes: 500, maxTokens: 7 },
  ]);
});

test.each<[string, CatalogueModel]>([
  ['the same version', { ...newer, version: '1' }],
  ['another runtime', { ...newer, runtime: 'onnx' }],
  ['other file names', { ...newer, files: [{ ...file, path: '../../etc/passwd' }] }],
  ['one file more', { ...newer, files: [...newer.files, { ...file, path: 'run.sh' }] }],
  ['other needs', { ...newer, needs: ['b'] }],
  ['a file that nobody could hold', { ...newer, files: [{ ...file, bytes: 2 ** 40 }] }],
  ['another model', { ...newer, id: 'z' }],
  ['a prototype key', { ...newer, id: '__proto__' }],
])('%s changes nothing', (_name, model) => {
  expect(updatedManifests([own], [model])).toEqual([own]);
});

test('what else a gateway says of a model is not taken over', () => {
  const more = {
    ...newer,
    price: 0,
    task: 'chat',
    code: 'process.exit()',
    files: [{ ...newer.files[0]!, url: 'x' }],
  };
  const [updated] = updatedManifests([own], [more]);
  expect(updated).toMatchObject({ task: own.task, price: own.price, version: '2' });
  expect(
    JSON.stringify(updated, (_key, value) => (typeof value === 'bigint' ? String(value) : value)),
  ).not.toMatch(/process|url/);
});

const models = (given: Record<string, { version?: string; needs?: string[] }>) =>
  new Map(Object.entries(given).map(([id, more]) => [id, { ...makeManifest(id), ...more }]));

test('models that work with a changed one change too, however far away', () => {
  const needs = { b: { needs: ['a'] }, c: { needs: ['b'] }, d: {} };
  const before = models({ a: {}, ...needs });
  const after = models({ a: { version: '2' }, ...needs });
  expect([...changedModels(before, after)].sort()).toEqual(['a', 'b', 'c']);
  expect(changedModels(before, before).size).toBe(0);
});

test('models that work together change together, others apart', () => {
  const before = models({ a: {}, b: { needs: ['a'] }, c: { needs: ['b'] }, d: {}, e: {} });
  const after = models({
    a: { version: '2' },
    b: { needs: ['a'] },
    c: { needs: ['b'] },
    d: { version: '2' },
    e: {},
  });
  const groups = groupsOf(changedModels(before, after), after).map((group) => group.sort().join());
  expect(groups.sort()).toEqual(['a,b,c', 'd']);
});
