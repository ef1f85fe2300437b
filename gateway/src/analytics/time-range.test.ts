import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucketOf, rangeOf, segmentsOf } from './time-range.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const SIZES = { minute: MINUTE, hour: HOUR, day: DAY };
const NOW = Date.UTC(2026, 10, 21, 17, 5, 30);

describe('segmentsOf', () => {
  const minute = fc.integer({ min: 0, max: 60 * 24 * 60 });
  const largest = fc.constantFrom('minute', 'hour', 'day');

  it('tiles every range without a gap or an overlap, with whole rollups no larger than asked for', () => {
    fc.assert(
      fc.property(minute, minute, minute, largest, (a, b, until, size) => {
        fc.pre(a !== b);
        const range = { from: Math.min(a, b) * MINUTE, to: Math.max(a, b) * MINUTE };
        const segments = segmentsOf(range, size, until * MINUTE);
        expect(segments[0]?.lower).toBe(range.from);
        expect(segments.at(-1)?.upper).toBe(range.to);
        for (const [i, { resolution, lower, upper }] of segments.entries()) {
          expect(lower).toBeLessThan(upper);
          expect([lower % SIZES[resolution], upper % SIZES[resolution]]).toEqual([0, 0]);
          expect(SIZES[resolution]).toBeLessThanOrEqual(SIZES[size]);
          if (resolution === 'day') expect(upper).toBeLessThanOrEqual(until * MINUTE);
          if (i > 0) expect(lower).toBe(segments[i - 1]?.upper);
        }
      }),
    );
  });

  it('takes days in the middle, hours and minutes at the ends', () => {
    const range = { from: DAY - 90 * MINUTE, to: 3 * DAY + HOUR + MINUTE };
    expect(segmentsOf(range, 'day', 3 * DAY).map(({ resolution }) => resolution)).toEqual([
      'minute',
      'hour',
      'day',
      'hour',
      'minute',
    ]);
    expect(segmentsOf(range, 'day', 0).map(({ resolution }) => resolution)).toEqual([
      'minute',
      'hour',
      'minute',
    ]);
  });
});

describe('rangeOf', () => {
  it('is the last day unless told, the running minute with it', () => {
    const to = Date.UTC(2026, 10, 21, 17, 6);
    expect(rangeOf({}, NOW)).toEqual({ from: to - DAY, to });
    expect(rangeOf({ range: '30d' }, NOW)).toEqual({ from: to - 30 * DAY, to });
  });

  it('begins and ends with minutes', () => {
    const given = { from: '2026-11-01T10:00:59Z', to: '2026-11-01T12:30:01+01:00' };
    expect(rangeOf(given, NOW)).toEqual({
      from: Date.UTC(2026, 10, 1, 10, 0),
      to: Date.UTC(2026, 10, 1, 11, 31),
    });
  });

  it('refuses what is no range', () => {
    expect(() => rangeOf({ range: '1d', from: '2026-11-01T10:00:00Z' }, NOW)).toThrow('range or from');
    expect(() => rangeOf({ from: '2026-13-01T10:00:00Z' }, NOW)).toThrow('from must be a time');
    expect(() => rangeOf({ from: '2026-11-21T17:07:00Z' }, NOW)).toThrow('to must be after from');
    expect(() => rangeOf({ from: '2020-01-01T00:00:00Z' }, NOW)).toThrow('at most 400 days');
  });
});

describe('bucketOf', () => {
  it('chooses so that a chart has some hundred points at most, and refuses more', () => {
    const last = (length: number) => ({ from: NOW - length, to: NOW });
    expect(bucketOf(undefined, last(HOUR))).toBe('minute');
    expect(bucketOf(undefined, last(DAY))).toBe('hour');
    expect(bucketOf(undefined, last(7 * DAY))).toBe('day');
    expect(bucketOf('hour', last(7 * DAY))).toBe('hour');
    expect(() => bucketOf('minute', last(DAY))).toThrow('at most 6 hours');
    expect(() => bucketOf('hour', last(30 * DAY))).toThrow('at most 14 days');
  });
});
