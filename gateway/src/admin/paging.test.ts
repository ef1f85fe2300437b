import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { limitOf, pageOf, placeOf } from './paging.ts';

const NUMBER = [/^\d+$/];

describe('paging', () => {
  test('pages one after the other give every row once, in order', () => {
    fc.assert(
      fc.property(fc.nat(40), fc.integer({ min: 1, max: 7 }), (many, limit) => {
        const rows = Array.from({ length: many }, (_, i) => i);
        const seen: number[] = [];
        let after: string | undefined;
        do {
          const place = placeOf(after === undefined ? {} : { after }, NUMBER);
          const from = place === null ? 0 : Number(place[0]) + 1;
          const page = pageOf(
            rows.slice(from, from + limit + 1),
            limit,
            (row) => row,
            (row) => [String(row)],
          );
          expect(page.data.length).toBeLessThanOrEqual(limit);
          seen.push(...page.data);
          after = page.next ?? undefined;
        } while (after !== undefined);
        expect(seen).toEqual(rows);
      }),
    );
  });

  test('50 unless told', () => {
    expect([limitOf({}), limitOf({ limit: '7' })]).toEqual([50, 7]);
  });

  test('whatever is no cursor of this list is refused, in the words of an error', () => {
    fc.assert(
      fc.property(fc.string(), (after) => {
        fc.pre(after !== '' && !/^\d+$/.test(Buffer.from(after, 'base64url').toString('utf8')));
        expect(() => placeOf({ after }, NUMBER)).toThrow('after must be the next');
      }),
    );
  });
});
