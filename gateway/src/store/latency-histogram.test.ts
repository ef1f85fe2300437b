import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  LATENCY_BOUNDS_MS,
  LATENCY_BUCKETS,
  latencyBucket,
  latencyCount,
  latencyPercentile,
  readLatencies,
} from './latency-histogram.ts';

const anyLatency = fc.double({ min: 0, max: 200_000, noNaN: true });

describe('latencyBucket', () => {
  it('puts a latency between the bounds of its bucket', () => {
    fc.assert(
      fc.property(anyLatency, (ms) => {
        const bucket = latencyBucket(ms);
        expect(ms).toBeGreaterThanOrEqual(bucket === 0 ? 0 : LATENCY_BOUNDS_MS[bucket - 1]!);
        expect(ms).toBeLessThanOrEqual(LATENCY_BOUNDS_MS[bucket] ?? Number.POSITIVE_INFINITY);
      }),
    );
  });

  it('puts every bound into the bucket that it bounds, and the next number into the next', () => {
    for (const [bucket, bound] of LATENCY_BOUNDS_MS.entries()) {
      expect(latencyBucket(bound)).toBe(bucket);
      expect(latencyBucket(bound * (1 + Number.EPSILON))).toBe(bucket + 1);
    }
  });

  it('has a bucket for what is no latency', () => {
    expect([-1, 0, Number.NaN].map(latencyBucket)).toEqual([0, 0, 0]);
    expect(latencyBucket(Number.POSITIVE_INFINITY)).toBe(LATENCY_BUCKETS - 1);
  });

  it('has the number of buckets and the range that its description says', () => {
    expect(LATENCY_BUCKETS).toBe(53);
    expect(LATENCY_BOUNDS_MS[0]).toBe(1);
    expect(LATENCY_BOUNDS_MS.at(-1)).toBe(131_072);
  });
});

describe('latencyPercentile', () => {
  it('is at most 26 % above the true percentile, and never below it', () => {
    const latencies = fc.array(fc.double({ min: 1, max: 131_072, noNaN: true }), {
      minLength: 1,
      maxLength: 200,
    });
    fc.assert(
      fc.property(latencies, fc.double({ min: 0, max: 1, noNaN: true }), (all, share) => {
        const histogram = new Array<number>(LATENCY_BUCKETS).fill(0);
        for (const ms of all) histogram[latencyBucket(ms)]! += 1;
        const sorted = Float64Array.from(all).sort();
        const truth = sorted[Math.max(1, Math.ceil(all.length * share)) - 1]!;
        const read = latencyPercentile(histogram, share)!;
        expect(read).toBeGreaterThanOrEqual(truth);
        expect(read).toBeLessThanOrEqual(truth * 1.26);
      }),
    );
  });

  it('is nothing for nothing, and without end for the last bucket', () => {
    expect(latencyPercentile([], 0.5)).toBeNull();
    expect(latencyPercentile([0, 0], 0.5)).toBeNull();
    const last = new Array<number>(LATENCY_BUCKETS).fill(0);
    last[LATENCY_BUCKETS - 1] = 1;
    expect(latencyPercentile(last, 0.5)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('readLatencies', () => {
  it('reads what is stored, and a sum of what is stored', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 200_000, noNaN: true }), { maxLength: 50 }), (all) => {
        const wanted = new Array<number>(LATENCY_BUCKETS).fill(0);
        for (const ms of all) wanted[latencyBucket(Math.fround(ms))]! += 1;
        const sum = all.reduce((total, ms) => total + 10n ** BigInt(latencyCount(ms).slice(2)), 0n);
        expect(readLatencies(sum.toString())).toEqual(wanted);
      }),
    );
  });

  it('counts up to a trillion in each bucket', () => {
    const most = 10n ** 12n - 1n;
    expect(readLatencies((most * 10n ** 12n + most).toString()).slice(0, 3)).toEqual([1e12 - 1, 1e12 - 1, 0]);
  });
});
