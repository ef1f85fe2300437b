import { expect, test } from 'vitest';
import { offerOf, PACE_MS, PaceMeter } from './pace.ts';

function paces(...gaps: number[]): string[] {
  let now = 5_000;
  const meter = new PaceMeter(now);
  return gaps.map((gap) => {
    now += gap;
    return meter.rang(now);
  });
}

test('a timer that rings about when it should is steady', () => {
  expect(paces(PACE_MS, PACE_MS + 1_500, PACE_MS - 500, PACE_MS)).toEqual(Array(4).fill('steady'));
});

test('one late ring is a busy moment, most of five are a habit, and it passes', () => {
  const late = PACE_MS + 2_500;
  expect(paces(late, late, late)).toEqual(['steady', 'steady', 'late']);
  expect(paces(late, late, late, PACE_MS, PACE_MS, PACE_MS).slice(3)).toEqual(['late', 'late', 'steady']);
});

test('a long gap is a sleep, told once', () => {
  expect(paces(PACE_MS, 60_000, PACE_MS)).toEqual(['steady', 'slept', 'steady']);
});

test.each([
  ['visible', 'steady', { slots: 8, because: null }],
  ['visible', 'late', { slots: 2, because: 'late' }],
  ['visible', 'slept', { slots: 8, because: null }],
  ['hidden', 'steady', { slots: 2, because: 'hidden' }],
  ['frozen', 'steady', { slots: 0, because: 'frozen' }],
] as const)('a %s tab whose timers are %s offers %j', (tab, pace, offer) => {
  expect(offerOf(8, tab, pace)).toEqual(offer);
});

test('a hidden tab offers one slot at least', () => {
  expect(offerOf(1, 'hidden', 'steady').slots).toBe(1);
});
