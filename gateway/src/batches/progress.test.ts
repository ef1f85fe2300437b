import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { progressOf } from './progress.ts';

const NOW = Date.UTC(2030, 0, 1);
const DAY = 86_400_000;
const running = {
  status: 'in_progress',
  total: 1000,
  completed: 190,
  failed: 10,
  in_progress_at: new Date(NOW - 10_000),
  expires_at: new Date(NOW + DAY),
} as const;

describe('the progress of a batch', () => {
  it('goes by the mean since it began where nobody measured, else by what was measured', () => {
    expect(progressOf(running, NOW)).toEqual({ linesPerSecond: 20, estimatedEnd: NOW + 40_000 });
    expect(progressOf(running, NOW, 80)).toEqual({ linesPerSecond: 80, estimatedEnd: NOW + 10_000 });
  });

  it('tells no end that it does not know', () => {
    const unknown = { linesPerSecond: null, estimatedEnd: null };
    expect(progressOf({ ...running, completed: 0, failed: 0 }, NOW)).toEqual(unknown);
    expect(progressOf({ ...running, in_progress_at: new Date(NOW) }, NOW)).toEqual(unknown);
    expect(progressOf({ ...running, in_progress_at: null }, NOW)).toEqual(unknown);
    expect(progressOf(running, NOW, 0)).toEqual({ linesPerSecond: 0, estimatedEnd: null });
    for (const status of ['validating', 'finalizing', 'cancelling', 'completed'] as const)
      expect(progressOf({ ...running, status }, NOW, 5)).toEqual(unknown);
  });

  it('lies between now and the time at which the batch expires', () => {
    const rates = fc.double({ min: 1e-9, max: 1e9, noNaN: true });
    fc.assert(
      fc.property(rates, fc.nat(50_000), fc.integer({ min: -DAY, max: DAY }), (rate, done, until) => {
        const batch = { ...running, total: 50_000, completed: done, expires_at: new Date(NOW + until) };
        const { estimatedEnd } = progressOf(batch, NOW, rate);
        expect(estimatedEnd).toBeGreaterThanOrEqual(NOW);
        expect(estimatedEnd).toBeLessThanOrEqual(NOW + Math.max(0, until));
      }),
    );
  });
});
