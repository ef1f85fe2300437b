const FIRST_CEILING_MS = 250;
/** Of many nodes that lost the same gateway, each asks about every 15 s. */
export const SLOWEST_RETRY_MS = 30_000;

/**
 * Milliseconds to wait before connecting again: full jitter, so that nodes that lost the same gateway do not come
 * back together. Attempt 0 waits up to 250 ms, 1 up to 500 ms, … until `slowestMs` is reached, 30 s at attempt 7.
 * @param attempt connections that failed since the last stable one, 0 or more
 * @param random in [0, 1)
 */
export function backoffDelay(attempt: number, random: number, slowestMs = SLOWEST_RETRY_MS): number {
  return random * Math.min(slowestMs, FIRST_CEILING_MS * 2 ** attempt);
}
