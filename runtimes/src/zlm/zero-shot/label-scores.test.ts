import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { labelScoresJson } from './label-scores.ts';

const all = { threshold: 0, sumsToOne: true };

describe('an answer', () => {
  it('puts the highest first, numbers among the labels too', () => {
    const json = labelScoresJson(['1', '2', 'three'], Float64Array.of(0.2, 0.5, 0.3), all);
    expect(json).toBe('{"2":0.5,"three":0.3,"1":0.2}');
  });

  it('keeps ties in the order of the labels', () => {
    expect(labelScoresJson(['b', 'a'], Float64Array.of(0.5, 0.5), all)).toBe('{"b":0.5,"a":0.5}');
  });

  it('spells labels as JSON does', () => {
    const json = labelScoresJson(
      ['__proto__', 'say "no"\n', '\ud800'],
      Float64Array.of(0.5, 0.25, 0.25),
      all,
    );
    expect(json).toBe('{"__proto__":0.5,"say \\"no\\"\\n":0.25,"\\ud800":0.25}');
    expect(Object.keys(JSON.parse(json))).toEqual(['__proto__', 'say "no"\n', '\ud800']);
  });

  it('keeps labels at the threshold', () => {
    const options = { threshold: 0.3, sumsToOne: true };
    expect(labelScoresJson(['a', 'b', 'c'], Float64Array.of(0.3, 0.5, 0.2), options)).toBe(
      '{"b":0.5,"a":0.3}',
    );
    expect(labelScoresJson(['a', 'b'], Float64Array.of(0.1, 0.2), { threshold: 0.3, sumsToOne: false })).toBe(
      '{}',
    );
  });

  it('sums to 1 in millionths, whatever the shares', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 1e-9, max: 1, noNaN: true }), { minLength: 2, maxLength: 100 }),
        (parts) => {
          const sum = parts.reduce((a, b) => a + b);
          const labels = parts.map((_, i) => `label ${i}`);
          const parsed: unknown[] = Object.values(
            JSON.parse(
              labelScoresJson(
                labels,
                Float64Array.from(parts, (p) => p / sum),
                all,
              ),
            ),
          );
          const millionths = parsed.map((value) => Math.round(Number(value) * 1e6));
          expect(millionths.reduce((a, b) => a + b)).toBe(1e6);
          for (let i = 1; i < millionths.length; i++)
            expect(millionths[i]).toBeLessThanOrEqual(millionths[i - 1]!);
        },
      ),
    );
  });
});
