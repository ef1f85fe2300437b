import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { SentenceEncoder } from '@zerogpu/runtimes';
import { expect, test } from 'vitest';
import { weightsOf, weightsPath } from './evaluations/evaluation.ts';

const MODEL = 'zlm-v1-embed-edge';
const PROGRAM = path.resolve(import.meta.dirname, '../python/encoder.py');
const required = (process.env['ZEROGPU_TEST_REQUIRE'] ?? '').split(',').includes('python');
const usable = spawnSync('python3', ['-c', 'import numpy, scipy']).status === 0;
const how = usable || required ? '' : ' (skipped: needs Python 3.10 or later with numpy and scipy)';

const TEXTS = [
  '',
  '…',
  'a',
  'My card payment was declined twice.',
  'The city’s bridges weren’t safe; the CITY\'S "bridges" were not.',
  'mispelledworld antidisestablishmentarianisms xs 12,345.67 5g',
  'Größe, naïve, ŁÓDŹ, Москва, Αθήνα, 中文, ひらがな, \u{1d4d0}bc',
  '\ud83d lone \ude00 surrogates',
  'x'.repeat(300),
  'New York is large. '.repeat(40),
];

test.skipIf(!usable && !required)(`training embeds to the last bit as inference does${how}`, async () => {
  const run = spawnSync('python3', [PROGRAM, weightsPath(MODEL)], {
    input: JSON.stringify(TEXTS),
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
  });
  expect(run.status, run.stderr).toBe(0);
  const encoder = new SentenceEncoder(await weightsOf(MODEL));
  expect(JSON.parse(run.stdout)).toEqual(TEXTS.map((text) => Array.from(encoder.embed(text))));
});
