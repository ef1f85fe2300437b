import { expect, it } from 'vitest';
import { count, countLine } from './vitest-count.ts';
import { leftOpen } from './vitest-leaks.ts';

it('counts tests, and what breaks outside them as failed', () => {
  const modules = [
    { states: ['passed', 'passed', 'failed', 'skipped'] as const, errors: 0 },
    { states: [] as const, errors: 1 },
    { states: ['passed', 'pending'] as const, errors: 1 },
  ];
  expect(countLine(count(modules, 2))).toBe('3 passed, 6 failed, 1 skipped');
  expect(countLine(count([], 0))).toBe('0 passed, 0 failed, 0 skipped');
});

it('tells what is open beyond what was open before', () => {
  const before = new Map([['Timeout', 1]]);
  expect(leftOpen(before, new Map([['Timeout', 1]]))).toEqual([]);
  expect(
    leftOpen(
      before,
      new Map([
        ['Timeout', 3],
        ['ProcessWrap', 1],
      ]),
    ),
  ).toEqual(['2 Timeout', '1 ProcessWrap']);
});
