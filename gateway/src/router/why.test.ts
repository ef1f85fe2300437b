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
const times = { totalMs: 5.29, networkMs: 1.24, queueMs: 0, serviceMs: 4.05, loadMs: 0, penaltyMs: 0 };
const busy = {
  totalMs: 773.29,
  networkMs: 120.04,
  queueMs: 98.26,
  serviceMs: 33.25,
  loadMs: 151.4,
  penaltyMs: 250,
};
const id = (last: string) => `node_01arz3ndektsv4rrffq69g5fa${last}`;

test('fits whatever the candidates, and begins with the chosen one', () => {
  const letters = { organization: 'o', operator: 'e', public: 'p', cloud: 'c' };
  fc.assert(
    fc.property(fc.array(candidate, { maxLength: 6 }), (candidates) => {
      const text = whyOf(candidates, () => 'DE');
      expect(text.length).toBeLessThanOrEqual(200);
      const [first] = JSON.parse(text);
      const [chosen] = candidates;
      expect(first?.slice(0, 2)).toEqual(chosen && [letters[chosen.pool], 'DE']);
    }),
  );
});

test('is some 20 bytes where there is one node, and 70 where there are many', () => {
  const one = { id: id('v'), pool: 'operator', ...times } as const;
  expect(whyOf([one], () => null)).toBe('[["e","",1.2,0,4.1]]');
  const many = [one, { ...one, pool: 'public' as const }, { ...one, pool: 'cloud' as const, ...busy }];
  const text = whyOf(many, () => 'DE');
  expect(text).toBe('[["e","DE",1.2,0,4.1],["p","DE",1.2,0,4.1],["c","DE",120,98.3,33.3,151,250]]');
});

test('names nodes of the organization, but for the chosen one, whose id the row has', () => {
  const three = ['a', 'b', 'c'].map((last) => ({ id: id(last), pool: 'organization' as const, ...busy }));
  const why = JSON.parse(whyOf(three, () => 'DE'));
  expect(why.map(([whose]: [string]) => whose)).toEqual(['o', id('b'), id('c')]);
});
