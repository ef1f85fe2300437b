import { expect, test } from 'vitest';
import { seededRandom } from '../support/random.ts';
import { always, exponential, measured, naturalLog } from './draws.ts';

test('the logarithm is the logarithm', () => {
  const random = seededRandom(1);
  for (let i = 0; i < 10_000; i++) {
    const x = (1 - random()) * 2 ** -Math.floor(40 * random());
    expect(naturalLog(x)).toBeCloseTo(Math.log(x), 12);
  }
  expect(naturalLog(1)).toBe(0);
});

test('works are of mean 1', () => {
  const random = seededRandom(1);
  for (const draw of [exponential, measured, always]) {
    let sum = 0;
    for (let i = 0; i < 100_000; i++) sum += draw(random);
    expect(sum / 100_000).toBeCloseTo(1, 1);
  }
});
