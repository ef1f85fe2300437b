import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readWeights } from '../weights.ts';
import { LinearChain, mayFollow } from './linear-chain.ts';
import { NameTagger } from './name-tagger.ts';
import { withoutOverlaps } from './span.ts';
import { tokenLines } from './tagger-tokens.ts';

const file = new URL('../../../../models/weights/zlm-v1-extract-edge/model.zlm', import.meta.url);
const tagger = new NameTagger(readWeights(readFileSync(file)));

function names(text: string): string[] {
  return tagger.tag(text).map(({ start, end, label }) => `${text.slice(start, end)} (${label})`);
}

describe('NameTagger', () => {
  it.each([
    'Barack Obama met Angela Merkel in Berlin on Monday.',
    'barack obama met angela merkel in berlin on monday.',
    'BARACK OBAMA MET ANGELA MERKEL IN BERLIN ON MONDAY.',
  ])('finds names in "%s"', (text) => {
    const found = names(text).join(', ').toLowerCase();
    expect(found).toContain('angela merkel (person)');
    expect(found).toContain('berlin (location)');
  });

  it('takes no name over a full stop', () => {
    for (const name of names('We met John Smith. Mary Jones left Paris. Rome is far.'))
      expect(name).not.toContain('. ');
  });

  it('gives ordered spans with scores for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        let last = 0;
        for (const { start, end, score } of tagger.tag(text, 0)) {
          expect(start).toBeGreaterThanOrEqual(last);
          expect(end).toBeGreaterThan(start);
          expect(score).toBeGreaterThanOrEqual(0);
          expect(score).toBeLessThanOrEqual(1);
          last = end;
        }
        expect(last).toBeLessThanOrEqual(text.length);
      }),
      { numRuns: 100 },
    );
  });
});

describe('tokenLines', () => {
  it('keeps what belongs together', () => {
    const text = "@ann_b says U.S. #news: O'Neill's 3.5 well-known C++ https://a.b/c?d 10:30";
    expect(tokenLines(text)[0]?.map((token) => token.text)).toEqual([
      ...['@ann_b', 'says', 'U.S.', '#news', ':', "O'Neill", "'s", '3.5', 'well-known', 'C', '+', '+'],
      ...['https://a.b/c?d', '10:30'],
    ]);
  });

  it('covers every character that is no space, in order', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        const tokens = tokenLines(text).flat();
        for (const { text: written, start, end } of tokens) expect(text.slice(start, end)).toBe(written);
        for (let i = 1; i < tokens.length; i++)
          expect(tokens[i]!.start).toBeGreaterThanOrEqual(tokens[i - 1]!.end);
      }),
    );
  });
});

describe('LinearChain', () => {
  it('gives probabilities that sum to 1 and never an inside tag after another type', () => {
    const tags = 5;
    const chain = new LinearChain(tags, new Float32Array(tags * tags));
    const numbers = fc.array(fc.double({ min: -20, max: 20, noNaN: true }), {
      minLength: tags,
      maxLength: tags,
    });
    fc.assert(
      fc.property(fc.array(numbers, { minLength: 1, maxLength: 8 }), (rows) => {
        const { tags: probabilities } = chain.posterior(Float64Array.from(rows.flat()));
        for (let at = 0; at < probabilities.length; at += tags) {
          const sum = probabilities.subarray(at, at + tags).reduce((a, b) => a + b, 0);
          expect(sum).toBeCloseTo(1, 9);
        }
        chain.decode(probabilities).forEach((tag, i, path) => {
          expect(mayFollow(i === 0 ? 0 : path[i - 1]!, tag)).toBe(true);
        });
      }),
    );
  });
});

describe('withoutOverlaps', () => {
  it('keeps the better of two that overlap', () => {
    const span = (start: number, end: number, score: number) => ({ start, end, score, label: '' });
    const kept = withoutOverlaps([
      span(0, 5, 0.5),
      span(4, 9, 0.9),
      span(100, 300, 0.4),
      span(250, 260, 0.6),
    ]);
    expect(kept.map(({ start }) => start)).toEqual([4, 250]);
  });
});
