import { expect, test } from 'vitest';
import { seededRandom } from '../support/random.ts';
import { newsText, PATHOLOGIES } from './texts.ts';
import { growthPower } from './timing.ts';

const curve = (power: number, scale = 1) =>
  [1_024, 4_096, 16_384, 65_536].map((length) => ({
    length,
    milliseconds: scale * (length / 1_024) ** power,
  }));

test.each([1, 1.5, 2])('a curve of power %d is found to be', (power) => {
  expect(growthPower(curve(power))).toBeCloseTo(power, 9);
});

test('times too short to tell are left out', () => {
  expect(growthPower([{ length: 1, milliseconds: 0.01 }, ...curve(1)])).toBeCloseTo(1, 9);
  expect(growthPower(curve(1, 1e-6))).toBeNull();
});

test.each(Object.entries(PATHOLOGIES))('%s has exactly the length asked for', (name, pathology) => {
  const unit = name.includes('(counted)') ? 'A. '.length : 1;
  for (const length of [1, 7, 1_024, 4_099]) expect(pathology(length)).toHaveLength(length * unit);
});

test('news is long enough, and the same for a seed', () => {
  expect(newsText(5_000, seededRandom(1)).length).toBeGreaterThanOrEqual(5_000);
  expect(newsText(100, seededRandom(1))).toBe(newsText(100, seededRandom(1)));
  expect(newsText(100, seededRandom(1))).not.toBe(newsText(100, seededRandom(2)));
});
