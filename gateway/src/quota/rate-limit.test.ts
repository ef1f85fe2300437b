import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RateLimit } from './rate-limit.ts';

describe('RateLimit', () => {
  test('gives the whole allowance at once, then as it refills', () => {
    const limit = new RateLimit(60);
    for (let i = 0; i < 60; i++) expect(limit.take('k', 1, 0)).toMatchObject({ ok: true, remaining: 59 - i });
    expect(limit.take('k', 1, 0)).toMatchObject({ ok: false, retryMs: 1000, remaining: 0, resetMs: 60_000 });
    expect(limit.take('k', 1, 999).ok).toBe(false);
    expect(limit.take('k', 1, 1000).ok).toBe(true);
    expect(limit.take('other', 1, 0).ok).toBe(true);
  });

  test('an amount above the limit is never granted and says so', () => {
    expect(new RateLimit(10).take('k', 11, 0)).toMatchObject({ ok: false, retryMs: Infinity, remaining: 10 });
  });

  test('never grants more than two allowances in any minute', () => {
    const steps = fc.array(fc.record({ wait: fc.nat(5000), amount: fc.integer({ min: 1, max: 30 }) }), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), steps, (perMinute, asks) => {
        const limit = new RateLimit(perMinute);
        let now = 0;
        const granted: { at: number; amount: number }[] = [];
        for (const { wait, amount } of asks) {
          now += wait;
          if (limit.take('k', amount, now).ok) granted.push({ at: now, amount });
        }
        for (const { at } of granted) {
          const inMinute = granted.filter((g) => g.at >= at && g.at < at + 60_000);
          expect(inMinute.reduce((sum, g) => sum + g.amount, 0)).toBeLessThanOrEqual(2 * perMinute);
        }
      }),
    );
  });

  test('a refused take waits exactly as long as it says', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1000 }),
        fc.integer({ min: 1, max: 1000 }),
        (perMinute, amount) => {
          fc.pre(amount <= perMinute);
          const limit = new RateLimit(perMinute);
          limit.take('k', perMinute, 0);
          const refused = limit.take('k', amount, 0);
          expect(refused.ok).toBe(false);
          expect(limit.take('k', amount, refused.retryMs + 0.001).ok).toBe(true);
        },
      ),
    );
  });

  test('stays bounded', () => {
    const limit = new RateLimit(1, 10);
    for (let i = 0; i < 1000; i++) limit.take(`k${i}`, 1, 0);
    expect(limit.take('k999', 1, 0).ok).toBe(false);
    expect(limit.take('k0', 1, 0).ok).toBe(true);
  });
});
