const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/**
 * How long after each failure the next attempt comes. As Standard Webhooks recommends: a restart of the receiver costs
 * seconds, and a weekend without it still loses nothing (75 hours together).
 */
export const RETRY_WAITS_MS: readonly number[] = [
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
];

/** A fifth either way, so that what failed together does not come back together. */
const JITTER = 0.2;

/**
 * @param tries attempts so far, at least one
 * @param random from 0 to 1
 * @returns milliseconds until the next attempt; null when there is none
 */
export function retryWait(tries: number, random: number): number | null {
  const wait = RETRY_WAITS_MS[tries - 1];
  return wait === undefined ? null : Math.round(wait * (1 + JITTER * (2 * random - 1)));
}
