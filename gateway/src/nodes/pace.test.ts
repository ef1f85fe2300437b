import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Pace } from './pace.ts';

/** Runs that met so many others, on a node with so many threads. */
function paceOf(threads: number, aloneMs: number, met: readonly number[]): Pace {
  const pace = new Pace();
  for (const runs of met) pace.observe(aloneMs * Math.max(1, runs / threads), runs);
  return pace;
}
const many = Array.from({ length: 40 }, (_, i) => 1 + (i % 8));

describe('the pace of a node', () => {
  test('is unknown until there was a run', () => {
    const pace = new Pace();
    expect([pace.aloneMs, pace.crowdMs]).toEqual([null, null]);
  });

  test('until runs have met, each is taken to add all that one takes', () => {
    const pace = paceOf(1, 10, [1, 1, 1]);
    expect(pace.aloneMs).toBeCloseTo(10);
    expect(pace.crowdMs).toBeCloseTo(10);
  });

  test('of one thread: each further run takes as long again', () => {
    const pace = paceOf(1, 10, many);
    expect(pace.crowdMs).toBeCloseTo(10);
    expect(pace.aloneMs).toBeCloseTo(10);
  });

  test('of a thread for each run: one more adds little, and less than on one thread', () => {
    const pace = paceOf(8, 10, many);
    expect(pace.crowdMs).toBeLessThan(2);
    expect(pace.aloneMs).toBeGreaterThan(5);
  });

  test('what was seen long ago no longer counts', () => {
    const pace = paceOf(1, 10, many);
    for (const runs of many.concat(many)) pace.observe(160 * runs, runs);
    expect(pace.crowdMs).toBeGreaterThan(150);
  });

  test('one run that stood still does not make a node slow', () => {
    const pace = paceOf(1, 10, many);
    pace.observe(1_000, 1);
    expect(pace.aloneMs).toBeLessThan(15);
    const fresh = new Pace();
    fresh.expect(10);
    fresh.observe(1_000, 1);
    expect(fresh.aloneMs).toBeLessThan(50);
  });

  test('is never negative and never more than what runs took', () => {
    const seen = fc.tuple(fc.double({ min: 0, max: 1e6, noNaN: true }), fc.integer({ min: 1, max: 1024 }));
    fc.assert(
      fc.property(fc.array(seen, { minLength: 1, maxLength: 50 }), (all) => {
        const pace = new Pace();
        for (const [ms, runs] of all) pace.observe(ms, runs);
        const longest = Math.max(1, ...all.map(([ms]) => ms));
        for (const ms of [pace.aloneMs, pace.crowdMs]) {
          expect(ms).toBeGreaterThanOrEqual(-1e-6);
          expect(ms).toBeLessThanOrEqual(longest * (1 + 1e-9) + 1e-6);
        }
      }),
    );
  });
});
