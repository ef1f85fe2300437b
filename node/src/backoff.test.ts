import fc from 'fast-check';
import { expect, test } from 'vitest';
import { backoffDelay } from './backoff.ts';

const attempts = fc.integer({ min: 0, max: 10_000 });
const randoms = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test('a delay lies between zero and 30 s, however often it failed', () => {
  fc.assert(
    fc.property(attempts, randoms, (attempt, random) => {
      const delay = backoffDelay(attempt, random);
      expect(delay).toBeGreaterThanOrEqual(0);
      expect(delay).toBeLessThanOrEqual(30_000);
    }),
  );
});

test('the same luck waits no shorter after one more failure', () => {
  fc.assert(
    fc.property(attempts, randoms, (attempt, random) => {
      expect(backoffDelay(attempt + 1, random)).toBeGreaterThanOrEqual(backoffDelay(attempt, random));
    }),
  );
});

test('the ceiling doubles from 250 ms to 30 s', () => {
  const halves = [0, 1, 2, 3, 6, 7, 50].map((attempt) => backoffDelay(attempt, 0.5));
  expect(halves).toEqual([125, 250, 500, 1000, 8000, 15_000, 15_000]);
});

test('a caller may ask for a lower ceiling', () => {
  expect([0, 1, 2, 3, 50].map((attempt) => backoffDelay(attempt, 0.5, 1000))).toEqual([
    125, 250, 500, 500, 500,
  ]);
});
