import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ConnectionError,
  InsufficientQuotaError,
  NotFoundError,
  RateLimitError,
  ServiceUnavailableError,
  TimeoutError,
} from './errors.ts';
import { backoffDelay, isRetryable, nextDelay, toldDelay } from './retry.ts';

const NOW = Date.UTC(2026, 10, 20, 12);
const random = fc.double({ min: 0, max: 0.999_999, noNaN: true });

describe('backoffDelay', () => {
  test.each([
    [0, 0, 250],
    [0, 0.5, 375],
    [2, 0.5, 1500],
    [4, 0.5, 6000],
    [9, 0.5, 6000],
  ])('retry %i with randomness %d waits %d ms', (retry, randomness, delay) => {
    expect(backoffDelay(retry, randomness)).toBe(delay);
  });

  test('stays within half and all of the ceiling, which never exceeds 8 s', () => {
    fc.assert(
      fc.property(fc.nat(2000), random, (retry, randomness) => {
        const delay = backoffDelay(retry, randomness);
        const ceiling = Math.min(8000, 500 * 2 ** retry);
        expect(delay).toBeGreaterThanOrEqual(ceiling / 2);
        expect(delay).toBeLessThan(ceiling);
      }),
    );
  });
});

describe('toldDelay', () => {
  test.each<[Record<string, string>, number | null]>([
    [{ 'retry-after': '2' }, 2000],
    [{ 'retry-after': '0' }, 0],
    [{ 'retry-after': '1.5' }, 1500],
    [{ 'retry-after-ms': '150' }, 150],
    [{ 'retry-after-ms': '150', 'retry-after': '9' }, 150],
    [{ 'retry-after-ms': 'x', 'retry-after': '9' }, 9000],
    [{ 'retry-after': 'Fri, 20 Nov 2026 12:00:30 GMT' }, 30_000],
    [{ 'retry-after': 'Fri, 20 Nov 2026 11:00:00 GMT' }, 0],
    [{ 'retry-after': 'soon' }, null],
    [{ 'retry-after': '-1' }, null],
    [{ 'retry-after': '1e9' }, null],
    [{ 'retry-after': 'Infinity' }, null],
    [{ 'retry-after': '' }, null],
    [{}, null],
  ])('%j is %s', (headers, delay) => {
    expect(toldDelay(new Headers(headers), NOW)).toBe(delay);
  });

  test('any text gives null or a finite number that is not negative', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[\x20-\x7e]*$/), (text) => {
        const delay = toldDelay(new Headers({ 'retry-after': text }), NOW);
        expect(delay === null || (Number.isFinite(delay) && delay >= 0)).toBe(true);
      }),
    );
  });
});

describe('nextDelay', () => {
  const unavailable = (headers: Record<string, string> = {}): ServiceUnavailableError =>
    new ServiceUnavailableError('Busy', { status: 503, headers: new Headers(headers) });

  test('is null once the retries are used up', () => {
    expect(nextDelay({ error: unavailable(), retries: 1, maxRetries: 2 }, NOW, 0.5)).toBe(750);
    expect(nextDelay({ error: unavailable(), retries: 2, maxRetries: 2 }, NOW, 0.5)).toBeNull();
    expect(nextDelay({ error: unavailable(), retries: 0, maxRetries: 0 }, NOW, 0.5)).toBeNull();
  });

  test('is never earlier than the server says', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 60 }), random, (seconds, randomness) => {
        const error = unavailable({ 'retry-after': String(seconds) });
        const delay = nextDelay({ error, retries: 0, maxRetries: 1 }, NOW, randomness);
        expect(delay).toBeGreaterThanOrEqual(seconds * 1000);
        expect(delay).toBeLessThanOrEqual(seconds * 1100);
      }),
    );
  });

  test('gives up when the server asks for more than a minute', () => {
    const error = unavailable({ 'retry-after': '61' });
    expect(nextDelay({ error, retries: 0, maxRetries: 1 }, NOW, 0)).toBeNull();
  });
});

describe('isRetryable', () => {
  test.each([408, 429, 500, 502, 503, 504])('%i is', (status) => {
    expect(isRetryable(new ServiceUnavailableError('', { status }))).toBe(true);
  });
  test.each([200, 302, 400, 401, 403, 404, 409, 413, 415, 420, 422, 499, 501])('%i is not', (status) => {
    expect(isRetryable(new NotFoundError('', { status }))).toBe(false);
  });
  test('connection and timeout are; an empty balance is not, whatever its status', () => {
    expect(isRetryable(new ConnectionError('reset'))).toBe(true);
    expect(isRetryable(new TimeoutError('late'))).toBe(true);
    expect(isRetryable(new RateLimitError('', { status: 429 }))).toBe(true);
    expect(isRetryable(new InsufficientQuotaError('', { status: 429 }))).toBe(false);
    expect(isRetryable(new TypeError('a defect'))).toBe(false);
  });
});
