/** When to try again, and how long to wait before. Pure: the clock and the randomness are passed in. */
import { ConnectionError, InsufficientQuotaError, TimeoutError, ZeroGPUError } from './errors.ts';

/** First pause between two tries, in milliseconds; it doubles with every retry up to the longest. */
export const FIRST_DELAY_MS = 500;
export const LONGEST_DELAY_MS = 8_000;
/** A server that asks for more patience than this gets none: the error goes to the caller. */
export const LONGEST_TOLD_DELAY_MS = 60_000;
/** Clients that were told the same moment spread over this share on top of it. */
const TOLD_SPREAD = 0.1;

const RETRYABLE_STATUS: ReadonlySet<number> = new Set([408, 429, 500, 502, 503, 504]);

/** True when the same request may succeed later without a change by the caller. */
export function isRetryable(error: unknown): boolean {
  if (!(error instanceof ZeroGPUError) || error instanceof InsufficientQuotaError) return false;
  if (error.status !== null) return RETRYABLE_STATUS.has(error.status);
  return error instanceof ConnectionError || error instanceof TimeoutError;
}

/** Asked too often, or the body did not arrive: refused before anything was done. */
const REFUSED_STATUS: ReadonlySet<number> = new Set([408, 429]);

/** True when the server says that it did nothing: then even a call that must happen only once may be made again. */
export function wasRefused(error: unknown): boolean {
  return error instanceof ZeroGPUError && error.status !== null && REFUSED_STATUS.has(error.status);
}

/**
 * Milliseconds to wait before retry number `retry` (0 is the first): half of `500 · 2^retry`, at most 8000,
 * and a random part up to the other half.
 *
 * @example
 * backoffDelay(0, 0)   // 250
 * backoffDelay(0, 0.5) // 375
 * backoffDelay(2, 0.5) // 1500
 * backoffDelay(4, 0.5) // 6000: half of 8000, and half of the other half
 * backoffDelay(9, 0.5) // 6000: no longer than that however often it fails
 * @param random from 0 to 1, without 1
 */
export function backoffDelay(retry: number, random: number): number {
  const ceiling = Math.min(FIRST_DELAY_MS * 2 ** retry, LONGEST_DELAY_MS);
  return ceiling / 2 + (random * ceiling) / 2;
}

/**
 * Milliseconds that the server asks to wait, or null when it says nothing that can be read. `retry-after-ms`
 * counts before `retry-after`, which is a number of seconds or an HTTP date.
 *
 * @example
 * toldDelay(new Headers({ 'retry-after': '2' }), now)      // 2000
 * toldDelay(new Headers({ 'retry-after-ms': '150' }), now) // 150
 * toldDelay(new Headers({ 'retry-after': 'Fri, 20 Nov 2026 12:00:30 GMT' }), Date.UTC(2026, 10, 20, 12)) // 30000
 * toldDelay(new Headers({ 'retry-after': 'soon' }), now)   // null
 * @param now milliseconds since 1970
 */
export function toldDelay(headers: Headers, now: number): number | null {
  const milliseconds = readDecimal(headers.get('retry-after-ms'));
  if (milliseconds !== null) return milliseconds;
  const told = headers.get('retry-after');
  const seconds = readDecimal(told);
  if (seconds !== null) return seconds * 1000;
  // Dates begin with a weekday's name; without this, Date.parse takes '-1' for a year.
  if (told === null || !/^[A-Za-z]/.test(told.trim())) return null;
  const moment = Date.parse(told);
  return Number.isNaN(moment) ? null : Math.max(0, moment - now);
}

function readDecimal(text: string | null): number | null {
  return text !== null && /^\s*\d{1,15}(\.\d{1,15})?\s*$/.test(text) ? Number(text) : null;
}

/** What `nextDelay` decides on. */
export interface Failure {
  readonly error: unknown;
  /** Retries already made for this call. */
  readonly retries: number;
  readonly maxRetries: number;
}

/**
 * Milliseconds until the next try, or null when the error is to be thrown: it would not help to try again,
 * the retries are used up, or the server asks for more than a minute.
 *
 * @example
 * nextDelay({ error: serviceUnavailable, retries: 0, maxRetries: 2 }, now, 0.5) // 375
 * nextDelay({ error: serviceUnavailable, retries: 2, maxRetries: 2 }, now, 0.5) // null
 * nextDelay({ error: rateLimitWithRetryAfter3, retries: 0, maxRetries: 2 }, now, 0.5) // 3150
 * @param now milliseconds since 1970
 * @param random from 0 to 1, without 1
 */
export function nextDelay(failure: Failure, now: number, random: number): number | null {
  if (failure.retries >= failure.maxRetries || !isRetryable(failure.error)) return null;
  const headers = failure.error instanceof ZeroGPUError ? failure.error.headers : null;
  const told = headers === null ? null : toldDelay(headers, now);
  if (told === null) return backoffDelay(failure.retries, random);
  return told > LONGEST_TOLD_DELAY_MS ? null : told * (1 + TOLD_SPREAD * random);
}
