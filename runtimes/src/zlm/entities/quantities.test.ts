import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { numberOf, quantitiesIn } from './quantities.ts';

function found(text: string): unknown[] {
  return quantitiesIn(text).map(({ kind, start, end, value, iso }) => [
    kind,
    text.slice(start, end),
    iso ?? value,
  ]);
}

describe('quantitiesIn', () => {
  it.each([
    ['on September 22, 2023', [['date', 'September 22, 2023', '2023-09-22']]],
    ['5. März 2024', [['date', '5. März 2024', '2024-03-05']]],
    ['el 5 de marzo de 2024', [['date', '5 de marzo de 2024', '2024-03-05']]],
    ['le 1er janvier 2023', [['date', '1er janvier 2023', '2023-01-01']]],
    ['12.03.2024', [['date', '12.03.2024', '2024-03-12']]],
    ['03/04/2024', [['date', '03/04/2024', '2024-03-04']]],
    [
      '25/12/2023 and 03/04/2024',
      [
        ['date', '25/12/2023', '2023-12-25'],
        ['date', '03/04/2024', '2024-04-03'],
      ],
    ],
    ['March 2024', [['date', 'March 2024', null]]],
    ['next year', [['date', 'next year', null]]],
    ['$1,199.99', [['money', '$1,199.99', 1199.99]]],
    ['1.299,00 €', [['money', '1.299,00 €', 1299]]],
    ['$2.5 million', [['money', '$2.5 million', 2_500_000]]],
    ['20 mil euros', [['money', '20 mil euros', 20_000]]],
    ['19% of', [['percent', '19%', 19]]],
    ['256GB', [['measure', '256GB', 256]]],
    ['1/2 tsp', [['measure', '1/2 tsp', 0.5]]],
    ['for two weeks', [['duration', 'two weeks', 2]]],
    ['at 10:30 am', [['time', '10:30 am', null]]],
    ['won 3-1', [['score', '3-1', null]]],
    ['three cats', [['number', 'three', 3]]],
    ['in 1999', [['year', '1999', 1999]]],
    ['the 3rd', [['ordinal', '3rd', 3]]],
  ])('reads %s', (text, expected) => {
    expect(found(text)).toEqual(expected);
  });

  it('is in order, without overlaps, within the text, for any text', () => {
    const parts = fc.constantFrom(
      '1',
      '.',
      ',',
      '/',
      '-',
      ' ',
      '$',
      '€',
      '20',
      'may',
      ':',
      'kg',
      '%',
      'é',
      '\ud800',
      '\n',
    );
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 50 }), (pieces) => {
        const text = pieces.join('');
        let last = 0;
        for (const { start, end } of quantitiesIn(text)) {
          expect(start).toBeGreaterThanOrEqual(last);
          expect(end).toBeGreaterThan(start);
          last = end;
        }
        expect(last).toBeLessThanOrEqual(text.length);
      }),
    );
  });
});

describe('numberOf', () => {
  it.each([
    ['1,234.5', false, 1234.5],
    ['1.234,5', true, 1234.5],
    ['1.234', true, 1234],
    ['1.234', false, 1.234],
    ['1,234', false, 1234],
    ['12,5', true, 12.5],
    ['½', false, 0.5],
    ['1/0', false, null],
    ['x', false, null],
  ])('reads %s (decimal comma: %s)', (written, comma, value) => {
    expect(numberOf(written, comma)).toBe(value);
  });
});
