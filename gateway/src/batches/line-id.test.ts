import fc from 'fast-check';
import { expect, it } from 'vitest';
import { lineId } from './line-id.ts';

it('names a line the same each time, and two lines never the same', () => {
  const line = fc.tuple(fc.constantFrom('batch_a', 'batch_b', 'batch_b1'), fc.integer({ min: 1, max: 300 }));
  fc.assert(
    fc.property(line, line, (one, other) => {
      expect(lineId(...one)).toMatch(/^batch_req_[0-9a-f]{26}$/);
      const same = one[0] === other[0] && one[1] === other[1];
      expect(lineId(...one) === lineId(...other)).toBe(same);
    }),
  );
});

it('does not change from version to version: results may be fetched by a gateway of the next', () => {
  expect(lineId('batch_01kc0p3m9t4x7q2d8r5v6w1y3z', 7)).toMatchInlineSnapshot(
    `"batch_req_e967c135458a51fbbf593d9bbe"`,
  );
});
