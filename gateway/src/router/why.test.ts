import { NODE_POOLS } from '@zerogpu/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { whyOf } from './why.ts';

const ms = fc.double({ min: 0, max: 1e9, noNaN: true });
const candidate = fc.record({
  id: fc.string({ maxLength: 300 }),
  pool: fc.constantFrom(...NODE_POOLS),
  totalMs: ms,
  networkMs: ms,
  queueMs: ms,
  serviceMs: ms,
  loadMs: ms,
  penaltyMs: ms,
});

test('fits the column, whatever the candidates, and begins with the chosen one', () => {
  fc.assert(
    fc.property(fc.array(candidate, { maxLength: 6 }), (candidates) => {
      const text = whyOf(candidates, () => 'DE');
      expect(text.length).toBeLessThanOrEqual(600);
      const [first] = JSON.parse(text);
      if (first) expect(first.slice(0, 3)).toEqual([candidates[0]?.id, candidates[0]?.pool, 'DE']);
    }),
  );
});

test('four candidates with ids as they are made fit', () => {
  const id = 'node_01arz3ndektsv4rrffq69g5fav';
  const times = {
    totalMs: 12.34,
    networkMs: 120.04,
    queueMs: 0,
    serviceMs: 3.25,
    loadMs: 150,
    penaltyMs: 250,
  };
  const four = [1, 2, 3, 4].map(() => ({ id, pool: 'organization' as const, ...times }));
  expect(JSON.parse(whyOf(four, () => 'DE'))).toHaveLength(4);
});
