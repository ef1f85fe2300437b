import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RETRY_WAITS_MS, retryWait } from './retry-plan.ts';

test('waits as planned, a fifth earlier or later, and then no more', () => {
  const random = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: RETRY_WAITS_MS.length }), random, (tries, chance) => {
      const planned = RETRY_WAITS_MS[tries - 1] ?? 0;
      const wait = retryWait(tries, chance) ?? 0;
      expect(wait).toBeGreaterThanOrEqual(Math.round(planned * 0.8));
      expect(wait).toBeLessThanOrEqual(Math.round(planned * 1.2));
    }),
  );
  expect(retryWait(1, 0.5)).toBe(5_000);
  expect(retryWait(RETRY_WAITS_MS.length + 1, 0.5)).toBeNull();
});

test('outlasts a weekend', () => {
  const hours = RETRY_WAITS_MS.reduce((sum, wait) => sum + wait * 0.8, 0) / 3_600_000;
  expect(hours).toBeGreaterThan(60);
});
