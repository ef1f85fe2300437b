import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PairTable } from './pair-table.ts';

const WORDS = 60_000;
const place = fc.integer({ min: 0, max: WORDS - 1 });

it('finds every pair that it was given, and no other', () => {
  const pairs = fc.uniqueArray(fc.tuple(place, place), {
    selector: ([a, b]) => a * WORDS + b,
    maxLength: 200,
  });
  fc.assert(
    fc.property(pairs, fc.tuple(place, place), (given, other) => {
      const table = new PairTable(Uint16Array.from(given.flat()), WORDS);
      for (const [i, [a, b]] of given.entries()) expect(table.find(a, b)).toBe(i);
      const known = given.findIndex(([a, b]) => a === other[0] && b === other[1]);
      expect(table.find(...other)).toBe(known);
    }),
  );
});

it('refuses a pair of a word that is not there', () => {
  expect(() => new PairTable(Uint16Array.of(1, 5), 5)).toThrow('A pair has a word that is not there');
});
