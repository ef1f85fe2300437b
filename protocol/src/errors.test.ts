import { describe, expect, test } from 'vitest';
import { ApiError, ERRORS, type ErrorCode, errorEnvelope, isErrorCode } from './errors.ts';

const CODES = Object.keys(ERRORS).filter(isErrorCode);

describe('ERRORS', () => {
  test.each(CODES)('%s has a status, a type and a message that agree', (code) => {
    const row = ERRORS[code];
    expect(row.status).toBeGreaterThanOrEqual(400);
    expect(row.status).toBeLessThan(600);
    expect(row.fault).toBe(row.status < 500 ? 'caller' : 'platform');
    expect(row.type).toMatch(/^[a-z]+(_[a-z]+)*$/);
    expect(row.message).toMatch(/^[A-Z].*[^.]$/);
  });

  /** The rows of the public contract that these routes can answer with. */
  const CONTRACT: readonly [ErrorCode, number, string][] = [
    ['invalid_api_key', 401, 'authentication_error'],
    ['invalid_project', 403, 'permission_error'],
    ['model_not_allowed', 403, 'permission_error'],
    ['model_not_found', 404, 'invalid_request_error'],
    ['not_found', 404, 'invalid_request_error'],
    ['idempotency_conflict', 409, 'conflict_error'],
    ['request_too_large', 413, 'invalid_request_error'],
    ['unsupported_media_type', 415, 'invalid_request_error'],
    ['context_length_exceeded', 420, 'context_length_exceeded'],
    ['insufficient_quota', 420, 'insufficient_quota'],
    ['rate_limit_exceeded', 429, 'rate_limit_exceeded'],
    ['internal_error', 500, 'internal_error'],
    ['upstream_timeout', 504, 'timeout_error'],
  ];

  test.each(CONTRACT)('%s is %i %s', (code, status, type) => {
    expect(ERRORS[code]).toMatchObject({ status, type });
  });
});

describe('ApiError', () => {
  test('takes its row and the details of the case', () => {
    const cause = new Error('driver: password=hunter2');
    const error = new ApiError('rate_limit_exceeded', { message: 'Slower', retryAfterSeconds: 3, cause });
    expect(error).toMatchObject({ code: 'rate_limit_exceeded', param: null, retryAfterSeconds: 3, cause });
    expect(error.row.status).toBe(429);
  });

  test.each(CODES)('%s: the envelope has the four fields, in words of the table', (code) => {
    const { type, message } = ERRORS[code];
    const cause = new Error('driver: password=hunter2');
    expect(errorEnvelope(new ApiError(code, { cause }))).toEqual({
      error: { message, type, code, param: null },
    });
    expect(errorEnvelope(new ApiError(code, { param: 'input' })).error.param).toBe('input');
  });
});

test.each(['toString', '__proto__', 'constructor', '', 'Invalid_json'])('%j is no error code', (code) => {
  expect(isErrorCode(code)).toBe(false);
});
