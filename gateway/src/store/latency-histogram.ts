/**
 * Latencies as counts in buckets whose bounds grow by the cube root of two: a percentile read from them is off by
 * at most 26 %, from 1 ms to 131 s, in 53 integers. Pure.
 *
 * Bucket 0 holds everything up to 1 ms; bucket i holds what is above 2^((i-1)/3) ms and at most 2^(i/3) ms; the last
 * holds everything above 2^17 ms.
 */
const PER_DOUBLING = 3;
const DOUBLINGS = 17;

/** Upper bounds in milliseconds, of all buckets but the last. */
export const LATENCY_BOUNDS_MS: readonly number[] = Array.from(
  { length: PER_DOUBLING * DOUBLINGS + 1 },
  (_, i) => 2 ** (i / PER_DOUBLING),
);

export const LATENCY_BUCKETS: number = LATENCY_BOUNDS_MS.length + 1;

/** The bucket of a latency; what is not a number of milliseconds counts as zero. */
export function latencyBucket(ms: number): number {
  if (!(ms > 1)) return 0;
  const guess = Math.ceil(Math.log2(ms) * PER_DOUBLING);
  const bucket = Math.min(Math.max(guess, 0), LATENCY_BUCKETS - 1);
  // The logarithm may be off by one unit in the last place, right at a bound.
  if (bucket > 0 && ms <= LATENCY_BOUNDS_MS[bucket - 1]!) return bucket - 1;
  if (bucket < LATENCY_BUCKETS - 1 && ms > LATENCY_BOUNDS_MS[bucket]!) return bucket + 1;
  return bucket;
}

/**
 * The latency that a share of the requests did not exceed: the upper bound of the bucket where that share is reached.
 * @param share from 0 to 1, such as 0.99
 * @returns milliseconds; null for an empty histogram; Infinity when it lies in the last bucket
 */
export function latencyPercentile(histogram: readonly number[], share: number): number | null {
  const total = histogram.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  const wanted = Math.max(1, Math.ceil(total * share));
  let seen = 0;
  for (const [bucket, count] of histogram.entries()) {
    seen += count;
    if (seen >= wanted) return LATENCY_BOUNDS_MS[bucket] ?? Number.POSITIVE_INFINITY;
  }
  return Number.POSITIVE_INFINITY;
}

/** Decimal digits of each bucket in a stored histogram: a trillion requests. */
const DIGITS_PER_BUCKET = 12;

/**
 * One request as a stored histogram: the number 10^(12 bucket), so that PostgreSQL adds histograms as it adds numbers.
 * Of the latency as it is stored, in 32 bits, so that counting the log again gives the same.
 */
export function latencyCount(ms: number): string {
  return `1e${DIGITS_PER_BUCKET * latencyBucket(Math.fround(ms))}`;
}

/**
 * The counts of a stored histogram, or of a sum of them.
 * @param stored a whole number in decimal digits, as `pg` gives a numeric
 */
export function readLatencies(stored: string): number[] {
  const counts = new Array<number>(LATENCY_BUCKETS).fill(0);
  for (let bucket = 0, end = stored.length; end > 0; bucket++, end -= DIGITS_PER_BUCKET) {
    counts[bucket] = Number(stored.slice(Math.max(0, end - DIGITS_PER_BUCKET), end));
  }
  return counts;
}
