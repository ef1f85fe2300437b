/** Lanes that are full, and lanes that fail in a row. */
import { expect, test, vi } from 'vitest';
import { Lane } from './lane.ts';

const never = new AbortController().signal;

test('who is sent away for want of room is told when those before are done', async () => {
  const lane = new Lane(2, true);
  lane.observe(30, 'interactive');
  const all = Array.from({ length: 2_002 }, () => lane.enter('interactive', 60_000, never));
  await expect(lane.enter('interactive', 60_000, never)).rejects.toMatchObject({
    kind: 'busy',
    roomInMs: (2_002 / 2) * 30,
  });
  for (let i = 0; i < 2_000; i++) lane.leave();
  await Promise.all(all);
});

test('a lane that fails in a row gets a rest, and whoever chooses is told; also when one tries it again', () => {
  const changed = vi.fn();
  const lane = new Lane(1, true, changed);
  for (let i = 0; i < 5; i++) lane.fail(1_000);
  expect(lane.closedUntil).toBe(2_000);
  changed.mockClear();
  lane.begin(1_500);
  expect([lane.closedUntil, changed.mock.calls.length]).toEqual([2_000, 0]);
  lane.begin(2_000);
  expect([lane.closedUntil, changed.mock.calls.length]).toEqual([3_000, 1]);
  lane.observe(5, 'interactive');
  expect(lane.closedUntil).toBe(0);
});
