import { ApiError, ERRORS, type ErrorCode, LINE_ERROR_CODES, type LineError } from '@zerogpu/protocol';
import { describe, expect, it } from 'vitest';
import { type LineOutcome, RateLimited } from '../../flow.ts';
import { failedForGood, MOST_ATTEMPTS, type Verdict, verdictOf, WORKERS_DIED } from './line-outcome.ts';

const ofError = (error: ApiError): LineOutcome => ({ kind: 'failed', requestId: 'req_1', error });
const judged = (error: ApiError, attempt = 1, random = 0) => verdictOf(ofError(error), attempt, () => random);
const NO_LIMITS = { requests: null, tokens: null };

function errorOf(verdict: Verdict): LineError {
  if (verdict.outcome !== 'done' || verdict.succeeded)
    throw new Error(`It did not fail: ${JSON.stringify(verdict)}`);
  return JSON.parse(verdict.body);
}

describe('what becomes of a line', () => {
  it('is its answer, as it is', () => {
    const outcome = { kind: 'answered', requestId: 'req_1', body: '{"id":"x"}' } as const;
    expect(verdictOf(outcome, 4, () => 0)).toEqual({ outcome: 'done', succeeded: true, body: '{"id":"x"}' });
  });

  it.each<[ErrorCode, string, string]>([
    ['invalid_json', 'invalid_request_error', 'http_400'],
    ['invalid_value', 'invalid_request_error', 'http_400'],
    ['missing_required_parameter', 'invalid_request_error', 'http_400'],
    ['context_length_exceeded', 'context_length_exceeded', 'http_400'],
    ['invalid_api_key', 'authentication_error', 'api_key_unavailable'],
    ['not_signed_in', 'authentication_error', 'http_401'],
    ['invalid_project', 'authentication_error', 'http_403'],
    ['model_not_allowed', 'authentication_error', 'http_403'],
    ['model_not_found', 'not_found_error', 'http_404'],
    ['request_too_large', 'request_too_large', 'http_413'],
    ['insufficient_quota', 'insufficient_quota', 'http_420'],
  ])('fails for good with %s as %s, [legacy:%s]', (code, expected, legacy) => {
    const error = errorOf(judged(new ApiError(code, { message: 'Why it failed', param: 'model' })));
    expect(error).toEqual({ code: expected, message: `[legacy:${legacy}] Why it failed`, param: 'model' });
  });

  it('is tried again, later each time, where it may pass, and the fourth time is the last', () => {
    for (const code of [
      'internal_error',
      'model_unavailable',
      'upstream_timeout',
      'storage_error',
    ] as const) {
      const waits = [1, 2, 3].map((attempt) => judged(new ApiError(code), attempt));
      expect(waits).toEqual([2_000, 15_000, 60_000].map((waitMs) => ({ outcome: 'again', waitMs })));
      expect(errorOf(judged(new ApiError(code), MOST_ATTEMPTS))).toEqual({
        code: 'internal_error',
        message: `[legacy:retries_exhausted] ${ERRORS[code].message} (4 attempts)`,
        param: null,
      });
    }
  });

  it('comes back at different times when it failed with others, and not before it was told to', () => {
    expect(judged(new ApiError('internal_error'), 1, 0.9)).toEqual({ outcome: 'again', waitMs: 3_800 });
    const told = (retryAfterSeconds: number) =>
      judged(new ApiError('model_unavailable', { retryAfterSeconds }));
    expect(told(10)).toEqual({ outcome: 'again', waitMs: 10_000 });
    expect(told(86_400)).toEqual({ outcome: 'again', waitMs: 60_000 });
  });

  it('is no attempt where a limit, the capacity or the database had no room', () => {
    const limited = new RateLimited(NO_LIMITS, { retryAfterSeconds: 7 });
    const away = Object.assign(new Error('terminating connection'), { code: '57P01' });
    for (const attempt of [1, 4]) {
      expect(judged(limited, attempt)).toEqual({ outcome: 'back', waitMs: 7_000 });
      expect(judged(new ApiError('no_capacity'), attempt)).toEqual({ outcome: 'back', waitMs: 1_000 });
      const broken = new ApiError('internal_error', { cause: away });
      expect(judged(broken, attempt)).toEqual({ outcome: 'back', waitMs: 1_000 });
    }
    expect(judged(new ApiError('client_closed_request'), 4)).toEqual({ outcome: 'back', waitMs: 0 });
  });

  it('fails at once where a limit can never grant it', () => {
    const never = new RateLimited(
      NO_LIMITS,
      { message: 'Too large for the limit', retryAfterSeconds: 60 },
      true,
    );
    expect(errorOf(judged(never))).toEqual({
      code: 'rate_limit_exceeded',
      message: '[legacy:http_429] Too large for the limit',
      param: null,
    });
  });

  it('has a code of the contract and a prefix of older clients, whatever went wrong', () => {
    for (const code of Object.keys(ERRORS) as ErrorCode[]) {
      const verdict = judged(new ApiError(code), MOST_ATTEMPTS);
      if (verdict.outcome === 'back') continue;
      const { code: shown, message } = errorOf(verdict);
      expect(LINE_ERROR_CODES).toContain(shown);
      expect(message).toMatch(/^\[legacy:(http_\d{3}|retries_exhausted|api_key_unavailable)\] \S/);
    }
  });

  it('has words for what was never asked', () => {
    expect(errorOf(failedForGood('It is gone')).message).toBe('[legacy:http_500] It is gone');
    expect(JSON.parse(WORKERS_DIED).message).toMatch(/^\[legacy:dlq_exhausted\] /);
  });
});
