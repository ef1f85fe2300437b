import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatDollars, NANOS_PER_DOLLAR, parseDollars } from './units.ts';

describe('formatDollars', () => {
  test.each([
    [0n, '$0.00'],
    [5n * NANOS_PER_DOLLAR, '$5.00'],
    [2240n, '$0.00000224'],
    [-1_250_000_000n, '-$1.25'],
    [-1n, '-$0.000000001'],
    [100_000_000n, '$0.10'],
  ])('%s nano-dollars are %s', (nanos, text) => {
    expect(formatDollars(nanos)).toBe(text);
  });
});

describe('parseDollars', () => {
  test('reads back what formatDollars wrote', () => {
    const amount = fc.bigInt({ min: 0n, max: 999_999_999_999n * NANOS_PER_DOLLAR });
    fc.assert(
      fc.property(amount, (nanos) => {
        expect(parseDollars(formatDollars(nanos))).toBe(nanos);
        expect(parseDollars(formatDollars(nanos).slice(1))).toBe(nanos);
      }),
    );
  });

  test.each(['5', ' $5.00 ', '5.000000000'])('reads %j as five dollars', (text) => {
    expect(parseDollars(text)).toBe(5n * NANOS_PER_DOLLAR);
  });

  test.each(['', '$', '.5', '5.', '-1', '1e3', '1,000', '0.0000000001', '1234567890123', 'NaN', '٣', '5 $'])(
    'refuses %j',
    (text) => {
      expect(parseDollars(text)).toBeNull();
    },
  );
});
