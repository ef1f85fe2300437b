import fc from 'fast-check';
import { expect, it } from 'vitest';
import { LaterBatches } from './later-batches.ts';

it('a batch waits twice as long after each failure, up to a minute', () => {
  const later = new LaterBatches();
  const waits: number[] = [];
  for (let i = 0, now = 0; i < 9; i++) {
    later.failed('batch_a', now);
    const before = now;
    while (later.waiting(now).length > 0) now += 100;
    waits.push(now - before);
  }
  expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  later.failed('batch_a', 0);
  later.forget('batch_a');
  expect(later.waiting(0)).toEqual([]);
});

it('no more than a thousand are kept, the latest', () => {
  const later = new LaterBatches();
  fc.assert(
    fc.property(fc.array(fc.nat(5_000), { minLength: 1_000, maxLength: 3_000 }), (ids) => {
      for (const id of ids) later.failed(String(id), 0);
      expect(later.waiting(0).length).toBeLessThanOrEqual(1_000);
      expect(later.waiting(0)).toContain(String(ids.at(-1)));
    }),
    { numRuns: 10 },
  );
});
