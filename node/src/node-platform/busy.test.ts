import { expect, test } from 'vitest';
import { BusyMeter, cpuTimes, othersShare } from './busy.ts';

const SECOND = 1000;

/** Looks at a machine of one core, where others take so much of each second and the node the rest that it wants. */
function looks(shares: readonly number[], own = 0): boolean[] {
  const times = { busyMs: 0, totalMs: 0, ownMs: 0 };
  const meter = new BusyMeter({ ...times });
  return shares.map((share) => {
    times.totalMs += SECOND;
    times.busyMs += (share + own) * SECOND;
    times.ownMs += own * SECOND;
    return meter.looked({ ...times });
  });
}

test('somebody works here after two looks in a row, and has left after six', () => {
  expect(looks([0.9, 0, 0.9, 0])).toEqual([false, false, false, false]);
  expect(looks([0.5, 0.5, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])).toEqual([
    false,
    true,
    true,
    true,
    true,
    true,
    true,
    false,
  ]);
  expect(looks([0.5, 0.5, 0.1, 0.1, 0.1, 0.3, 0.1, 0.1]).at(-1)).toBe(true);
});

test('the node itself is nobody', () => {
  expect(looks([0.1, 0.1, 0.1], 0.9)).toEqual([false, false, false]);
});

test.each([
  [0, 0, 0, 0],
  [1000, 500, 0, 0.5],
  [1000, 500, 500, 0],
  [1000, 500, 900, 0],
  [1000, 5000, 0, 1],
])('of %i ms %i were busy, %i of them ours: others took %d', (totalMs, busyMs, ownMs, expected) => {
  expect(othersShare({ totalMs: 0, busyMs: 0, ownMs: 0 }, { totalMs, busyMs, ownMs })).toBe(expected);
});

test('reads this machine', () => {
  const { busyMs, totalMs, ownMs } = cpuTimes();
  expect(totalMs).toBeGreaterThanOrEqual(busyMs);
  expect(ownMs).toBeGreaterThan(0);
});
