import { expect, it } from 'vitest';
import { LeftBatches } from './left-batches.ts';

it('leaves batches alone for two seconds each, counted from the last time', () => {
  const clock = { now: 0 };
  const left = new LeftBatches(() => clock.now);
  left.leave('a');
  clock.now = 500;
  left.leave('b');
  clock.now = 1_000;
  left.leave('a');
  expect(left.ids()).toEqual(['b', 'a']);
  clock.now = 2_500;
  expect(left.ids()).toEqual(['a']);
  clock.now = 3_000;
  expect(left.ids()).toEqual([]);
});

it('takes up the longest left when there are too many', () => {
  const left = new LeftBatches(() => 0);
  for (let i = 0; i < 300; i++) left.leave(String(i));
  expect(left.ids()).toHaveLength(256);
  expect(left.ids()[0]).toBe('44');
});
