import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Breaker } from './breaker.ts';

/** Fails so often in a row that it gets a rest. */
function broken(now = 0): Breaker {
  const breaker = new Breaker();
  for (let i = 0; i < 5; i++) breaker.failed(now);
  return breaker;
}

test('rests after five failures in a row, and not when one in between worked', () => {
  const breaker = new Breaker();
  for (let i = 0; i < 4; i++) breaker.failed(0);
  breaker.worked();
  for (let i = 0; i < 4; i++) breaker.failed(0);
  expect(breaker.resting(0)).toBe(false);
  breaker.failed(0);
  expect([breaker.resting(999), breaker.resting(1_000)]).toEqual([true, false]);
});

test('after the rest one run tries it alone; others go elsewhere until it has', () => {
  const breaker = broken();
  breaker.begin(1_000);
  expect(breaker.resting(1_000)).toBe(true);
  breaker.worked();
  expect([breaker.resting(1_000), breaker.closedUntil]).toEqual([false, 0]);
});

test('each trial that fails doubles the rest, up to a minute', () => {
  const breaker = broken();
  const rests: number[] = [];
  for (let i = 0; i < 8; i++) {
    const now = breaker.closedUntil;
    breaker.begin(now);
    breaker.failed(now);
    rests.push(breaker.closedUntil - now);
  }
  expect(rests).toEqual([2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
});

test('runs that were under way when it broke say nothing new', () => {
  const breaker = broken();
  for (let i = 0; i < 20; i++) breaker.failed(500);
  expect(breaker.closedUntil).toBe(1_000);
});

test('a trial that nobody waited for is tried again after the same rest', () => {
  const breaker = broken();
  breaker.begin(1_000);
  expect([breaker.resting(1_999), breaker.resting(2_000)]).toEqual([true, false]);
});

test('whatever happens, it works again after it worked, and never rests longer than a minute', () => {
  const events = fc.array(fc.tuple(fc.constantFrom('begin', 'failed', 'worked'), fc.nat(90_000)), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(events, (all) => {
      const breaker = new Breaker();
      let now = 0;
      for (const [event, passed] of all) {
        now += passed;
        if (event === 'begin') breaker.begin(now);
        else if (event === 'failed') breaker.failed(now);
        else breaker.worked();
        expect(breaker.closedUntil - now).toBeLessThanOrEqual(60_000);
        if (event === 'worked') expect(breaker.closedUntil).toBe(0);
      }
    }),
  );
});
