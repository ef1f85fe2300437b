/** Ranges of time, and the rollups that make them up. Pure. */
import { ApiError } from '@zerogpu/protocol';
import { momentOf } from '../admin/moment.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const LENGTHS = { '1d': DAY_MS, '7d': 7 * DAY_MS, '30d': 30 * DAY_MS } as const;
/** A year and a month: a year beside the same month of the year before. */
const LONGEST_MS = 400 * DAY_MS;

export type Resolution = 'minute' | 'hour' | 'day';
const SIZES: Readonly<Record<Resolution, number>> = { minute: MINUTE_MS, hour: HOUR_MS, day: DAY_MS };

/** The longest range of a series by what it is cut into: a chart draws a few hundred points. */
const LONGEST_SERIES_MS: Readonly<Record<Resolution, number>> = {
  minute: 6 * HOUR_MS,
  hour: 14 * DAY_MS,
  day: LONGEST_MS,
};

export interface RangeQuery {
  readonly range?: keyof typeof LENGTHS;
  readonly from?: string;
  readonly to?: string;
}

/** From the beginning of a minute to before the beginning of another; milliseconds since 1970. */
export interface TimeRange {
  readonly from: number;
  readonly to: number;
}

/**
 * @param now milliseconds since 1970; the running minute belongs to the range
 * @throws ApiError invalid_value
 */
export function rangeOf({ range, from, to }: RangeQuery, now: number): TimeRange {
  if (range !== undefined && from !== undefined) throw wrong('from', 'Give range or from, not both');
  const end = nextMinute(to === undefined ? now + 1 : momentOf(to, 'to'));
  const start = from === undefined ? end - LENGTHS[range ?? '1d'] : momentOf(from, 'from');
  const found = { from: Math.max(0, Math.floor(start / MINUTE_MS) * MINUTE_MS), to: end };
  if (found.from >= end) throw wrong('to', 'to must be after from');
  if (end - found.from > LONGEST_MS) throw wrong('from', 'A range of time has at most 400 days');
  return found;
}

const nextMinute = (at: number) => Math.ceil(at / MINUTE_MS) * MINUTE_MS;

function wrong(param: string, message: string): ApiError {
  return new ApiError('invalid_value', { message, param });
}

/**
 * Into what a series is cut: as asked, else minutes up to three hours, hours up to four days, days beyond.
 * @throws ApiError invalid_value when that would be too many points
 */
export function bucketOf(asked: Resolution | undefined, { from, to }: TimeRange): Resolution {
  const length = to - from;
  const bucket = asked ?? (length <= 3 * HOUR_MS ? 'minute' : length <= 4 * DAY_MS ? 'hour' : 'day');
  if (length <= LONGEST_SERIES_MS[bucket]) return bucket;
  const longest = bucket === 'minute' ? '6 hours' : '14 days';
  throw wrong('bucket', `In ${bucket}s a range has at most ${longest}; take a larger bucket`);
}

/** Rollups of one size, from `lower` to before `upper`. */
export interface Segment {
  readonly resolution: Resolution;
  readonly lower: number;
  readonly upper: number;
}

/**
 * The rollups that together hold exactly the requests of a range: the largest in its middle, smaller ones at its ends.
 * @param largest that may be used
 * @param rolledUntil before which days are made; they are made of hours that are over
 */
export function segmentsOf(
  { from, to }: TimeRange,
  largest: Resolution,
  rolledUntil: number,
): readonly Segment[] {
  const below = largest === 'day' ? 'hour' : 'minute';
  if (largest === 'minute') return [{ resolution: 'minute', lower: from, upper: to }];
  const size = SIZES[largest];
  const made = largest === 'day' ? Math.min(to, rolledUntil) : to;
  const [lower, upper] = [Math.ceil(from / size) * size, Math.floor(made / size) * size];
  if (lower >= upper) return segmentsOf({ from, to }, below, rolledUntil);
  return [
    ...(from < lower ? segmentsOf({ from, to: lower }, below, rolledUntil) : []),
    { resolution: largest, lower, upper },
    ...(upper < to ? segmentsOf({ from: upper, to }, below, rolledUntil) : []),
  ];
}
