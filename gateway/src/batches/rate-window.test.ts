import { describe, expect, it } from 'vitest';
import { RateWindow } from './rate-window.ts';

const rateOf = (samples: readonly (readonly [at: number, done: number])[]) => {
  const window = new RateWindow();
  for (const [at, done] of samples) window.add(at, done);
  return window.perSecond();
};

describe('a rate', () => {
  it('is none before there are two samples a second apart', () => {
    expect(rateOf([])).toBeNull();
    expect(rateOf([[0, 5]])).toBeNull();
    expect(
      rateOf([
        [0, 0],
        [999, 50],
      ]),
    ).toBeNull();
  });

  it('is that of the last half minute', () => {
    const slow = Array.from({ length: 60 }, (_, i) => [i * 1000, i] as const);
    const fast = Array.from({ length: 31 }, (_, i) => [60_000 + i * 1000, 60 + i * 100] as const);
    expect(rateOf(slow)).toBe(1);
    expect(rateOf([...slow, ...fast])).toBe(100);
  });

  it('is zero when nothing moves', () => {
    expect(
      rateOf([
        [0, 7],
        [40_000, 7],
        [45_000, 7],
      ]),
    ).toBe(0);
  });
});
