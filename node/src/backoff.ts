const FIRST_CEILING_MS = 250;
const LAST_CEILING_MS = 30_000;

/**
 * Milliseconds to wait before connecting again: full jitter, so that nodes that lost the same gateway do not come
 * back together. Attempt 0 waits up to 250 ms, 1 up to 500 ms, … 7 and later up to 30 s.
 * @param attempt connections that failed since the last stable one, 0 or more
 * @param random in [0, 1)
 */
export function backoffDelay(attempt: number, random: number): number {
  return random * Math.min(LAST_CEILING_MS, FIRST_CEILING_MS * 2 ** attempt);
}
