import { NANOS_PER_DOLLAR } from '@zerogpu/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LONGEST_DAYS, runsOutAt, runwayOf, windowStart } from './runway.ts';

const DAY = 86_400_000;
const NOW = Date.UTC(2030, 0, 15);
const long = NOW - 400 * DAY;

describe('runway', () => {
  test.each([
    // 7 dollars in 7 days is a dollar a day.
    [10n, 7n, long, 10, '1'],
    [10n, 70n, long, 1, '10'],
    [1n, 700n, long, 0, '100'],
    [0n, 7n, long, 0, '1'],
    [10n, 0n, long, null, '0'],
    // Two days old: what was spent was spent in two days.
    [10n, 4n, NOW - 2 * DAY, 5, '2'],
    // An hour old: as if it were a day.
    [10n, 4n, NOW - 3_600_000, 2.5, '4'],
    [1_000_000_000n, 7n, long, LONGEST_DAYS, '1'],
  ])('%s dollars, %s spent: %s', (available, spent, since, days, daily) => {
    const funds = { available: available * NANOS_PER_DOLLAR, spent: spent * NANOS_PER_DOLLAR, since };
    const runway = runwayOf(funds, NOW);
    expect(runway.days).toBe(days);
    expect(runway.dailySpending).toBe(BigInt(daily) * NANOS_PER_DOLLAR);
    expect(runsOutAt(runway, NOW)).toBe(days === null ? null : NOW + days * DAY);
  });

  test('more money lasts at least as long, more spending at most', () => {
    const money = fc.bigInt({ min: 0n, max: 10n ** 18n });
    fc.assert(
      fc.property(money, money, money, fc.integer({ min: 0, max: 3_000 }), (available, spent, more, age) => {
        const since = NOW - age * 3_600_000;
        const days = (one: bigint, other: bigint) =>
          runwayOf({ available: one, spent: other, since }, NOW).days ?? Number.POSITIVE_INFINITY;
        expect(days(available + more, spent)).toBeGreaterThanOrEqual(days(available, spent));
        expect(days(available, spent + more)).toBeLessThanOrEqual(days(available, spent));
      }),
    );
  });

  test('the window begins with an hour', () => {
    expect(windowStart(Date.UTC(2030, 0, 15, 12, 34)).toISOString()).toBe('2030-01-08T12:00:00.000Z');
  });
});
