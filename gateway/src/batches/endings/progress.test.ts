import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Progressing, progressOf } from './progress.ts';

const NOW = Date.UTC(2026, 10, 21, 12);
const at = (seconds: number) => new Date(NOW + seconds * 1000);
const batch = (changes: Partial<Progressing> = {}): Progressing => ({
  status: 'in_progress',
  total: 5_000,
  completed: 990,
  failed: 10,
  in_progress_at: at(-10),
  expires_at: at(86_390),
  ...changes,
});

describe('progressOf', () => {
  it('reckons with the mean since it began', () => {
    expect(progressOf(batch(), NOW)).toEqual({ linesPerSecond: 100, estimatedEnd: at(40) });
  });

  it('reckons rather with what was measured', () => {
    expect(progressOf(batch(), NOW, 400)).toEqual({ linesPerSecond: 400, estimatedEnd: at(10) });
  });

  it('ends with its day at the latest', () => {
    expect(progressOf(batch(), NOW, 0.001)?.estimatedEnd).toEqual(at(86_390));
  });

  it('tells no end where nothing moves or no more lines begin', () => {
    expect(progressOf(batch(), NOW, 0)).toEqual({ linesPerSecond: 0, estimatedEnd: null });
    expect(progressOf(batch({ completed: 0, failed: 0 }), NOW)?.linesPerSecond).toBeNull();
    expect(progressOf(batch({ in_progress_at: at(-0.5) }), NOW)?.linesPerSecond).toBeNull();
    expect(progressOf(batch({ status: 'cancelling' }), NOW)?.estimatedEnd).toBeNull();
    expect(progressOf(batch({ status: 'finalizing' }), NOW)?.estimatedEnd).toBeNull();
    expect(progressOf(batch({ status: 'validating', in_progress_at: null }), NOW)).toEqual({
      linesPerSecond: null,
      estimatedEnd: null,
    });
  });

  it.each(['completed', 'failed', 'cancelled', 'expired'] as const)('is none of one that is %s', (status) => {
    expect(progressOf(batch({ status }), NOW)).toBeNull();
  });

  it('never ends before now nor after its day, whatever the counts', () => {
    const count = fc.integer({ min: 0, max: 50_000 });
    const rate = fc.option(fc.double({ min: 0, max: 1e6, noNaN: true }), { nil: null });
    fc.assert(
      fc.property(count, count, count, rate, (total, completed, failed, measured) => {
        const end = progressOf(batch({ total, completed, failed }), NOW, measured)?.estimatedEnd ?? null;
        if (end !== null) {
          expect(end.getTime()).toBeGreaterThanOrEqual(NOW);
          expect(end.getTime()).toBeLessThanOrEqual(at(86_390).getTime());
        }
      }),
    );
  });
});
