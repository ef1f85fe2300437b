import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readWeights, weightsModule } from './gen-weights.ts';
import { outdated } from './generated.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'generated-'));
  mkdirSync(path.join(folder, 'model-b'));
  mkdirSync(path.join(folder, 'model-a'));
  mkdirSync(path.join(folder, 'card-only'));
  writeFileSync(path.join(folder, 'model-b', 'two.zlm'), 'abc');
  writeFileSync(path.join(folder, 'model-b', 'one.zlm'), '');
  writeFileSync(path.join(folder, 'model-a', 'w.zlm'), 'abc');
  writeFileSync(path.join(folder, 'card-only', 'README.md'), '#');
});
afterAll(() => rmSync(folder, { recursive: true }));

const SHA_OF_ABC = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
const SHA_OF_NOTHING = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

it('lists weight files by model and name, with size and hash', () => {
  expect([...readWeights(folder)]).toEqual([
    ['model-a', [{ path: 'w.zlm', bytes: 3, sha256: SHA_OF_ABC }]],
    [
      'model-b',
      [
        { path: 'one.zlm', bytes: 0, sha256: SHA_OF_NOTHING },
        { path: 'two.zlm', bytes: 3, sha256: SHA_OF_ABC },
      ],
    ],
  ]);
  expect(readWeights(path.join(folder, 'absent')).size).toBe(0);
});

it('writes a module that holds them', () => {
  const text = weightsModule(readWeights(folder));
  expect(text).toContain(`  'model-a': [\n    { path: 'w.zlm', bytes: 3, sha256: '${SHA_OF_ABC}' },\n  ],`);
  expect(weightsModule(new Map())).toContain('readonly ModelFile[]>> = {};');
});

it('tells what is missing or says something else', () => {
  const same = { file: 'model-b/two.zlm', text: 'abc' };
  const other = { file: 'model-b/two.zlm', text: 'abd' };
  const missing = { file: 'absent.ts', text: '' };
  expect(outdated([same, other, missing], folder)).toEqual([other, missing]);
});
