import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seededRandom, shuffled } from './random.ts';

test('the same seed gives the same numbers, another seed others', () => {
  const draw = (seed: number): number[] => Array.from({ length: 5 }, seededRandom(seed));
  expect(draw(1)).toEqual(draw(1));
  expect(draw(1)).not.toEqual(draw(2));
});

test('numbers are spread evenly over 0 to 1', () => {
  const counts = new Array<number>(10).fill(0);
  const random = seededRandom(7);
  for (let i = 0; i < 100_000; i++) {
    const bucket = Math.floor(random() * 10);
    counts[bucket] = (counts[bucket] ?? Number.NaN) + 1;
  }
  // Five standard deviations of a fair draw are under 500.
  for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
});

test('a shuffle keeps every item, and every order is as likely', () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), fc.integer(), (items, seed) => {
      expect(shuffled(items, seededRandom(seed)).toSorted()).toEqual(items.toSorted());
    }),
  );
  const random = seededRandom(3);
  const counts = new Map<string, number>();
  for (let i = 0; i < 6_000; i++) {
    const order = shuffled(['a', 'b', 'c'], random).join('');
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  expect(counts.size).toBe(6);
  for (const count of counts.values()) expect(Math.abs(count - 1_000)).toBeLessThan(150);
});
