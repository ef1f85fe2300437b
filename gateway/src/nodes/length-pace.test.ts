import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LengthPace } from './length-pace.ts';

const at = ({ baseMs, perThousandMs }: { baseMs: number; perThousandMs: number }, tokens: number) =>
  baseMs + (perThousandMs * tokens) / 1000;

describe('LengthPace', () => {
  test('knows nothing before the first run', () => {
    expect(new LengthPace().speed({ baseMs: 1, perThousandMs: 2 })).toBeNull();
  });

  test('keeps the shape that was announced while all inputs are alike, at the pace that is seen', () => {
    const pace = new LengthPace();
    for (let run = 0; run < 50; run++) pace.observe(22, 100);
    const speed = pace.speed({ baseMs: 1, perThousandMs: 10 })!;
    expect(at(speed, 100)).toBeCloseTo(22);
    expect(at(speed, 1000)).toBeCloseTo(121);
    expect(at(pace.speed(null)!, 1000)).toBeCloseTo(22);
  });

  test('believes what it sees more than what was announced', () => {
    const pace = new LengthPace();
    for (let run = 0; run < 200; run++) {
      const tokens = (run % 10) * 400;
      pace.observe(5 + tokens * 0.05, tokens);
    }
    const speed = pace.speed({ baseMs: 100, perThousandMs: 0 })!;
    expect(at(speed, 100) / 10).toBeCloseTo(1, 0);
    expect(at(speed, 4000) / 205).toBeCloseTo(1, 1);
  });

  test('never predicts less than nothing, nor less for a longer input', () => {
    const ms = fc.double({ min: 0, max: 1e6, noNaN: true });
    const run = fc.record({ ms, tokens: fc.nat(131_072) });
    const announced = fc.option(fc.record({ baseMs: ms, perThousandMs: ms }));
    fc.assert(
      fc.property(fc.array(run, { minLength: 1 }), announced, (runs, said) => {
        const pace = new LengthPace();
        for (const one of runs) pace.observe(one.ms, one.tokens);
        const { baseMs, perThousandMs } = pace.speed(said)!;
        expect(baseMs).toBeGreaterThanOrEqual(-1e-6);
        expect(perThousandMs).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});
