import { expect, test } from 'vitest';
import { FailedJoins } from './failed-joins.ts';

test('counts by address, for a minute', () => {
  const failed = new FailedJoins();
  for (let i = 0; i < 119; i++) failed.note('a', 1000);
  expect(failed.tooMany('a', 1000)).toBe(false);
  failed.note('a', 2000);
  expect(failed.tooMany('a', 2000)).toBe(true);
  expect(failed.tooMany('b', 2000)).toBe(false);
  expect(failed.tooMany('a', 61_000)).toBe(false);
});

test('remembers so many addresses, the latest', () => {
  const failed = new FailedJoins();
  for (let i = 0; i < 120; i++) failed.note('first', 0);
  for (let i = 0; i < 120; i++) failed.note('last', 0);
  expect(failed.tooMany('first', 0)).toBe(true);
  for (let i = 0; i < 9_999; i++) failed.note(`other ${i}`, 0);
  expect(failed.tooMany('first', 0)).toBe(false);
  expect(failed.tooMany('last', 0)).toBe(true);
});
