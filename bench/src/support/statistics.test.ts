import fc from 'fast-check';
import { expect, test } from 'vitest';
import { differences, median, percentile, slope } from './statistics.ts';

const numbers = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1, maxLength: 200 });

test.each([
  [[4, 1, 3, 2], 0.5, 2],
  [[4, 1, 3, 2], 0.99, 4],
  [[4, 1, 3, 2], 0.75, 3],
  [[7], 0.01, 7],
])('percentile(%j, %d) is %d', (values, p, expected) => {
  expect(percentile(values, p)).toBe(expected);
});

test('a percentile is a value that the share does not exceed, and the least such', () => {
  fc.assert(
    fc.property(numbers, fc.double({ min: 0.001, max: 1, noNaN: true }), (values, p) => {
      const value = percentile(values, p);
      const below = values.filter((other) => other <= value).length;
      const under = values.filter((other) => other < value).length;
      expect(values).toContain(value);
      expect(below).toBeGreaterThanOrEqual(p * values.length);
      expect(under).toBeLessThan(p * values.length);
    }),
  );
});

test('the median of an even number lies between the two in the middle', () => {
  expect(median([5, 1, 9])).toBe(5);
  expect(median([1, 2, 4, 100])).toBe(3);
  expect(() => median([])).toThrow(RangeError);
  expect(() => percentile([], 0.5)).toThrow(RangeError);
});

test('differences need pairs', () => {
  expect([...differences([3, 5], [1, 7])]).toEqual([2, -2]);
  expect(() => differences([1], [])).toThrow(RangeError);
});

test('slope of points on a line is the line’s', () => {
  const line = fc.tuple(fc.integer({ min: -9, max: 9 }), fc.integer({ min: -9, max: 9 }));
  fc.assert(
    fc.property(line, fc.uniqueArray(fc.integer({ min: -99, max: 99 }), { minLength: 2 }), ([a, b], xs) => {
      expect(slope(xs.map((x) => [x, a * x + b]))).toBeCloseTo(a, 6);
    }),
  );
});
