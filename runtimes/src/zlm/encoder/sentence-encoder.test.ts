import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readWeights } from '../weights.ts';
import { wordsOf } from '../words.ts';
import { dotProduct, SentenceEncoder, toUnitLength } from './sentence-encoder.ts';

const WEIGHTS = new URL('../../../../models/weights/zlm-v1-embed-edge/model.zlm', import.meta.url);
const encoder = new SentenceEncoder(readWeights(await readFile(WEIGHTS)));

const likeness = (a: string, b: string) => dotProduct(encoder.embed(a), encoder.embed(b));
const featuresOf = (text: string) => encoder.featuresOf(wordsOf(text).map((word) => word.text));

/** A text, what it is about, and what it is not about. */
const NEARER: readonly (readonly [text: string, about: string, notAbout: string])[] = [
  ['The striker scored twice in the second half of the cup final.', 'sports', 'finance'],
  ['Shares fell after the bank reported a loss for the quarter.', 'finance', 'sports'],
  ['Simmer the onions in butter, add the stock and season with thyme.', 'cooking', 'politics'],
  ['Parliament rejected the bill after a night of debate.', 'politics', 'cooking'],
  ['My card was declined at the shop again.', 'card payment problem', 'weather forecast'],
  ['Will it rain in Lyon tomorrow afternoon?', 'weather', 'credit card'],
  ['The patient was given antibiotics for pneumonia.', 'medicine', 'astronomy'],
  ['The telescope found a planet around a distant star.', 'astronomy', 'medicine'],
  ['The band released its third album of jazz songs.', 'music', 'law'],
  ['The court sentenced him to four years in prison.', 'law', 'music'],
];

describe('a text’s vector', () => {
  it.each(NEARER)('"%s" is nearer to "%s" than to "%s"', (text, about, notAbout) => {
    expect(likeness(text, about)).toBeGreaterThan(likeness(text, notAbout));
  });

  it('has unit length, and zeros when nothing is known', () => {
    expect(dotProduct(encoder.embed('a pot of tea'), encoder.embed('a pot of tea'))).toBeCloseTo(1, 12);
    for (const nothing of ['', ' \n', '!!! … ---', '🙂🙂']) {
      expect(encoder.embed(nothing).every((value) => value === 0)).toBe(true);
    }
  });

  it('does not depend on case, possessives, typographic apostrophes or what ran before', () => {
    const first = encoder.embed("The city's bridges weren't safe");
    encoder.embed('something else, something else, something else');
    expect(encoder.embed('THE CITY’S BRIDGES WEREN’T SAFE')).toEqual(first);
  });

  it('of an unknown word comes from its characters', () => {
    expect(encoder.knows('mispelledworld')).toBe(false);
    expect(encoder.embed('mispelledworld').some((value) => value !== 0)).toBe(true);
  });

  it('is a good one in its leading dimensions too', () => {
    const cut = (text: string) => toUnitLength(encoder.embed(text).slice(0, 64));
    const right = NEARER.filter(
      ([text, about, notAbout]) => dotProduct(cut(text), cut(about)) > dotProduct(cut(text), cut(notAbout)),
    );
    expect(right.length).toBeGreaterThanOrEqual(NEARER.length - 1);
  });
});

describe('features', () => {
  it('add up to the text’s vector', () => {
    const text = 'New York is a city. New York is large. New York never sleeps, they say in New York.';
    const sum = new Float64Array(encoder.dimensions);
    for (const feature of featuresOf(text)) encoder.addTo(sum, feature);
    expect(sum).toEqual(encoder.sum(featuresOf(text)));
    expect(toUnitLength(sum)).toEqual(encoder.embed(text));
  });

  it('hold pairs of neighbours, whose order matters', () => {
    expect(featuresOf('new york').length).toBe(3);
    expect(featuresOf('york new').length).toBe(2);
  });

  it('count at the first, second, fourth, eighth occurrence', () => {
    for (const [times, counted] of [
      [1, 1],
      [2, 2],
      [3, 2],
      [4, 3],
      [100, 7],
    ] as const) {
      expect(featuresOf('river '.repeat(times)).length).toBe(counted);
    }
  });

  it('weigh little when they tell little', () => {
    const weightOf = (word: string) => encoder.weight(featuresOf(word)[0]!);
    for (const word of ['the', 'of', 'and', 'a'])
      expect(weightOf(word)).toBeLessThan(weightOf('pneumonia') / 2);
    for (const word of ['terrible', 'happy', 'angry', 'wonderful']) {
      expect(weightOf(word)).toBeGreaterThan(weightOf('the') * 2);
    }
  });

  it('of any text are rows, and its vector is finite', () => {
    const anyText = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 200 }).map((u) => String.fromCharCode(...u)),
    );
    fc.assert(
      fc.property(anyText, (text) => {
        const features = featuresOf(text);
        expect(features.every((row) => Number.isInteger(row) && row >= 0 && row < encoder.features)).toBe(
          true,
        );
        expect(encoder.embed(text).every(Number.isFinite)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  it.each(['a', 'ab ', '中', '\n', ' ', '1', 'one, two. '])(
    'are found in 131,072 characters of %j',
    (part) => {
      const text = part.repeat(131_072 / part.length);
      expect(encoder.embed(text).every(Number.isFinite)).toBe(true);
    },
  );
});
