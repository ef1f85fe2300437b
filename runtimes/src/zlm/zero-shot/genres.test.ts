import { readFile } from 'node:fs/promises';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SentenceEncoder } from '../encoder/sentence-encoder.ts';
import { readWeights } from '../weights.ts';
import { wordsOf } from '../words.ts';
import { FORMS, formsOf } from './genre-forms.ts';
import { Genres } from './genres.ts';
import { mentioned, mentionsOf, ownTerms } from './label-mentions.ts';
import { ZeroShotModel } from './zero-shot-model.ts';

const MODELS = path.join(import.meta.dirname, '../../../../models');
const read = (model: string) => readFile(path.join(MODELS, 'weights', model, 'model.zlm'));
const weights = readWeights(await read('zlm-v1-zeroshot-edge'));
const encoder = new SentenceEncoder(readWeights(await read('zlm-v1-embed-edge')));
const genres = new Genres(weights, encoder);

interface Case {
  readonly part: 'development' | 'held-out';
  readonly text: string;
  readonly labels: readonly string[];
  readonly label: string;
}

describe('labels that ask what a text is', async () => {
  const model = new ZeroShotModel(weights, encoder);
  const lines = (await readFile(path.join(MODELS, 'data/zero-shot-cases.jsonl'), 'utf8')).trim().split('\n');
  const cases: Case[] = lines.map((line) => JSON.parse(line));
  const right = ({ text, labels, label }: Case) => {
    const scores = model.scores(text, labels, false);
    return labels[scores.indexOf(Math.max(...scores))] === label;
  };

  it.each(cases.filter(({ part }) => part === 'development'))('$label in case %#', (example) => {
    expect(right(example)).toBe(true);
  });

  it('are found in texts that nothing was chosen by', () => {
    const heldOut = cases.filter(({ part }) => part === 'held-out');
    expect(heldOut.filter(right).length / heldOut.length).toBeGreaterThan(0.9);
  });
});

describe('forms of a text', () => {
  const form = (text: string, name: (typeof FORMS)[number]) =>
    formsOf(text, wordsOf(text))[FORMS.indexOf(name)]!;

  it.each<[(typeof FORMS)[number], string, string]>([
    ['amountLines', 'Tea 2.50\nCake 3.80\nTotal 6.30', 'One.\nTwo.\nThree.'],
    ['turns', 'Ann: hi\nBo: hello\nAnn: how are you?', 'Name: Ann\nAge: 7\nCity: Bonn'],
    ['keyValueLines', 'Name: Ann\nAge: 7\nCity: Bonn', 'No key here.\nNor here.\nNor there.'],
    ['columns', 'a   1   2\nb   3   4\nc   5   6', 'a b c\nd e f\ng h i'],
    ['verse', 'The moon is up\nthe sea is low\nthe gulls are gone', 'Total: 7\nTax: 2\nNet: 5'],
    ['rhymes', 'we walk the night\nalone and slow\nin search of light', 'we walk\nalone at\nnoon and'],
    ['code', 'if (a[0] == b) { c(); }', 'If a equals b, call c.'],
    ['numbers', '1 2 3 4 5 6 7', 'seven numbers are not here at all'],
    ['yearRanges', '2017–2021 Clerk\n2021-now Manager', 'In 2017 he came, in 2021 he left.'],
    ['clauses', '1. One. 2. Two. 3. Three.', 'It costs 3. Then 4. That was it'],
    ['ranges', 'Ferritin 6 (15-150)\nIron 9 (10-30)', 'pages 15-150'],
    ['measures', '200 g flour, 3 tbsp oil, 100ml milk', '200 people, 3 dogs'],
  ])('%s', (name, having, lacking) => {
    expect(form(having, name)).toBeGreaterThan(form(lacking, name));
  });

  it('are from 0 to 1 for anything, and so is what a text is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        for (const value of formsOf(text, wordsOf(text))) expect(value >= 0 && value <= 1).toBe(true);
        for (const value of genres.text(text)) expect(value >= 0 && value < 1).toBe(true);
      }),
    );
  });

  it.each(['1-'.repeat(65_536), '(1'.repeat(65_536), 'a: '.repeat(40_000), '1.\n'.repeat(40_000)])(
    'are found in long texts %#',
    (text) => {
      expect(genres.text(text).length).toBe(weights.lines('genres').length);
    },
  );
});

describe('labels as kinds of documents', () => {
  it.each(['contract', 'invoices', 'curriculum vitae', 'Rechnung', 'poema'])('%s is one', (label) => {
    expect(genres.label(label).share).toBeGreaterThan(0.9);
  });

  it.each(['sports', 'business', 'medicine', 'anger', 'history', 'travel'])('%s is none', (label) => {
    expect(genres.label(label).share).toBeLessThan(0.05);
  });
});

describe('own words of labels', () => {
  const said = (text: string, labels: readonly string[]) =>
    ownTerms(labels, encoder).map((own) => mentioned(own, mentionsOf(wordsOf(text))));

  it('count when the text says them, in any number', () => {
    const [exporting, login] = said('Exports fail. The export stops.', ['export', 'login']);
    expect(exporting).toBeGreaterThan(0.5);
    expect(login).toBe(0);
  });

  it('do not count when they are denied, or when other labels have them too', () => {
    expect(said('This is not a refund.', ['refund', 'exchange'])).toEqual([0, 0]);
    expect(said('A request.', ['feature request', 'support request'])).toEqual([0, 0]);
  });
});
