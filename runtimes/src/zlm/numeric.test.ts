import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exp, log, roundTo, softmax } from './numeric.ts';

const RELATIVE = 4 * 2 ** -52;

function expectClose(actual: number, expected: number): void {
  if (Object.is(actual, expected)) return;
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(Math.abs(expected) * RELATIVE + 5e-324);
}

describe('exp', () => {
  it('agrees with Math.exp to the last bits', () => {
    fc.assert(
      fc.property(fc.double({ min: -745, max: 709.7, noNaN: true }), (x) => expectClose(exp(x), Math.exp(x))),
      { numRuns: 5000 },
    );
  });

  it('has the right values at its ends', () => {
    expectClose(exp(1), Math.E);
    expect([exp(0), exp(-1000), exp(Number.NEGATIVE_INFINITY)]).toEqual([1, 0, 0]);
    expect([exp(1000), exp(Number.POSITIVE_INFINITY)]).toEqual([Infinity, Infinity]);
    expect(exp(Number.NaN)).toBeNaN();
  });
});

describe('log', () => {
  it('agrees with Math.log to the last bits', () => {
    fc.assert(
      fc.property(fc.double({ min: 5e-324, noNaN: true, noDefaultInfinity: true }), (x) =>
        expectClose(log(x), Math.log(x)),
      ),
      { numRuns: 5000 },
    );
    fc.assert(
      fc.property(fc.double({ min: 0.5, max: 2, noNaN: true }), (x) => {
        expect(Math.abs(log(x) - Math.log(x))).toBeLessThan(3e-16);
      }),
    );
  });

  it('has the right values at its ends', () => {
    expect([log(1), log(0), log(Infinity), log(5e-324)]).toEqual([0, -Infinity, Infinity, Math.log(5e-324)]);
    expect([log(-1), log(Number.NaN)]).toEqual([Number.NaN, Number.NaN]);
  });
});

describe('softmax', () => {
  it('stays in range at any size', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1 }), (values) => {
        const scores = Float64Array.from(values);
        softmax(scores);
        expect(scores.reduce((a, b) => a + b)).toBeCloseTo(1, 9);
        for (const score of scores) expect(score >= 0 && score <= 1).toBe(true);
      }),
    );
    softmax(new Float64Array(0));
  });

  it('keeps the ratios of the exponentials', () => {
    const scores = Float64Array.of(1, 2, 4);
    softmax(scores);
    expect(scores[2]! / scores[1]!).toBeCloseTo(Math.exp(2), 12);
  });
});

describe('roundTo', () => {
  it('rounds half up', () => {
    expect([roundTo(0.12345, 4), roundTo(2.5, 0), roundTo(-1.00006, 4), roundTo(1, 4)]).toEqual([
      0.1235, 3, -1.0001, 1,
    ]);
  });
});
