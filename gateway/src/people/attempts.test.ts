import { ApiError } from '@zerogpu/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AttemptLimit, networkOf, takeAttempt } from './attempts.ts';

const MINUTE = 60_000;

describe('AttemptLimit', () => {
  it('never lets through more than the allowance and what time gave back', () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 200 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), gaps, (perMinute, waits) => {
        const limit = new AttemptLimit(perMinute);
        let [now, taken] = [0, 0];
        for (const wait of waits) {
          now += wait;
          if (limit.take('key', now) === 0) taken++;
          expect(taken).toBeLessThanOrEqual(perMinute + (now * perMinute) / MINUTE + 1e-6);
        }
      }),
    );
  });

  it('says exactly how long to wait', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), (perMinute) => {
        const limit = new AttemptLimit(perMinute);
        for (let i = 0; i < perMinute; i++) expect(limit.take('key', 0)).toBe(0);
        const wait = limit.take('key', 0);
        expect(limit.take('key', wait - 1)).toBeGreaterThan(0);
        expect(limit.take('key', wait)).toBe(0);
      }),
    );
  });

  it('keeps so many keys and no more: the one that was refreshed longest ago goes', () => {
    const limit = new AttemptLimit(1, 2);
    expect([limit.take('a', 0), limit.take('b', 0), limit.take('c', 0)]).toEqual([0, 0, 0]);
    expect(limit.take('c', 0)).toBeGreaterThan(0);
    expect(limit.take('b', 0)).toBeGreaterThan(0);
    expect(limit.take('a', 0)).toBe(0);
  });
});

describe('takeAttempt', () => {
  it('counts by address and by account, and says when to come again', () => {
    const attempts = { byAddress: new AttemptLimit(3), byAccount: new AttemptLimit(1) };
    const attempt = (ip: string, email?: string) => () =>
      takeAttempt(attempts, { ip, now: 0, ...(email === undefined ? {} : { email }) });
    attempt('192.0.2.1', 'a@example.com')();
    expect(attempt('192.0.2.2', 'a@example.com')).toThrow(ApiError);
    expect(attempt('192.0.2.2', 'b@example.com')).not.toThrow();
    attempt('192.0.2.1')();
    attempt('192.0.2.1')();
    expect(attempt('192.0.2.1')).toThrow(
      expect.objectContaining({ code: 'rate_limit_exceeded', retryAfterSeconds: 20 }),
    );
  });
});

describe('networkOf', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::9', '2001:db8:1:2'],
    ['2001:db8::1', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
  ])('%s is of %s', (ip, network) => {
    expect(networkOf(ip)).toBe(network);
  });
});
