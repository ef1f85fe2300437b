import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { wordsOf } from '@zerogpu/runtimes';
import { expect, it } from 'vitest';

/** Written by models/python/zlm_words.py's `words_of`: articles, scripts, and characters drawn at random. */
const cases: { text: string; words: string[] }[] = JSON.parse(
  await readFile(path.join(import.meta.dirname, '../data/words-cases.json'), 'utf8'),
);

it('training and inference cut every text into the same words', () => {
  expect(cases.length).toBeGreaterThan(200);
  for (const { text, words } of cases) expect(wordsOf(text).map((word) => word.text)).toEqual(words);
});
