import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Hedging, type RunKind } from './hedging.ts';

const KIND: RunKind = { model: 'm', stream: false, tokens: 400 };

function learnt(times: readonly number[], kind = KIND): Hedging {
  const hedging = new Hedging();
  for (const ms of times) hedging.took(kind, ms);
  return hedging;
}

describe('when a run is late', () => {
  test('nobody knows before there were enough of its kind', () => {
    expect(learnt(Array.from({ length: 39 }, () => 100)).lateAfter(KIND)).toBeNull();
    expect(learnt(Array.from({ length: 40 }, () => 100)).lateAfter(KIND)).toBe(100);
  });

  test('after as long as 19 of 20 take', () => {
    const times = Array.from({ length: 128 }, (_, i) => (i * 37) % 128);
    const late = learnt(times).lateAfter(KIND);
    const quicker = times.filter((ms) => ms <= (late ?? 0)).length / times.length;
    expect(quicker).toBeGreaterThanOrEqual(0.94);
    expect(quicker).toBeLessThanOrEqual(0.97);
  });

  test('never after so little that nobody would feel it', () => {
    expect(learnt(Array.from({ length: 64 }, () => 1)).lateAfter(KIND)).toBe(10);
  });

  test('goes by the runs of late', () => {
    const slow = Array.from({ length: 128 }, () => 5_000);
    const quick = Array.from({ length: 160 }, () => 50);
    expect(learnt([...slow, ...quick]).lateAfter(KIND)).toBe(50);
  });

  test('long texts, streams and other models are of other kinds', () => {
    const hedging = learnt(Array.from({ length: 64 }, () => 100));
    expect(hedging.lateAfter({ ...KIND, tokens: 390 })).toBe(100);
    for (const other of [{ tokens: 4_000 }, { stream: true }, { model: 'n' }]) {
      expect(hedging.lateAfter({ ...KIND, ...other })).toBeNull();
    }
  });
});

describe('the budget', () => {
  test('over any sequence a model has at most one hedge for sixty runs', () => {
    const steps = fc.array(
      fc.record({
        model: fc.constantFrom('a', 'b'),
        runs: fc.nat(400),
        asks: fc.nat(30),
        late: fc.nat(4),
      }),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(steps, (all) => {
        const hedging = new Hedging();
        const counts = { a: { runs: 0, hedges: 0 }, b: { runs: 0, hedges: 0 } };
        for (const { model, runs, asks, late } of all) {
          const count = counts[model];
          for (let i = 0; i < runs; i++) hedging.begun(model);
          count.runs += runs;
          for (let i = 0; i < asks; i++) if (hedging.take(model, late)) count.hedges++;
          // A sum of sixtieths is rounded.
          expect(count.hedges).toBeLessThanOrEqual(count.runs / 60 + 1e-6);
        }
      }),
    );
  });

  test('is kept for runs that stay away: the merely late have it when enough is saved', () => {
    const hedging = new Hedging();
    for (let i = 0; i < 240; i++) hedging.begun('m');
    expect(hedging.take('m', 0)).toBe(false);
    expect(hedging.take('m', 1)).toBe(true);
    for (let i = 0; i < 240; i++) hedging.begun('m');
    expect(hedging.take('m', 0)).toBe(true);
  });

  test('does not pile up for ever', () => {
    const hedging = new Hedging();
    for (let i = 0; i < 100_000; i++) hedging.begun('m');
    let hedges = 0;
    while (hedging.take('m', 1)) hedges++;
    expect(hedges).toBe(10);
  });
});
