import { setImmediate as nextRound } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, expect, test, vi } from 'vitest';
import { Turns } from './turns.ts';

const now = () => performance.now();

test('turns come in the order of the calls, one per round', async () => {
  let rounds = 0;
  const turns = new Turns(async () => {
    await nextRound();
    rounds++;
  }, now);
  const order: string[] = [];
  const take = async (name: string) => {
    await turns.next();
    order.push(`${name}${rounds}`);
  };
  await Promise.all(['a', 'b', 'c'].map(take));
  await take('d');
  expect(order).toEqual(['a1', 'b2', 'c3', 'd4']);
});

test('whoever stands behind has a turn when nobody else waits, and nobody is forgotten', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 30 }), async (behind) => {
      const turns = new Turns(nextRound, now);
      const order: { readonly behind: boolean; readonly call: number }[] = [];
      const take = async (isBehind: boolean, call: number) => {
        await turns.next(isBehind);
        order.push({ behind: isBehind, call });
      };
      await Promise.all(behind.map(take));
      const sorted = order.toSorted((a, b) => Number(a.behind) - Number(b.behind) || a.call - b.call);
      expect(order).toEqual(sorted);
      expect(order).toHaveLength(behind.length);
    }),
  );
});

test('one that comes while others stand behind goes before them', async () => {
  const turns = new Turns(nextRound, now);
  const order: string[] = [];
  const take = async (name: string, behind: boolean) => {
    await turns.next(behind);
    order.push(name);
    if (name === 'batch 1') await take('person', false);
  };
  await Promise.all([take('batch 1', true), take('batch 2', true), take('batch 3', true)]);
  expect(order).toEqual(['batch 1', 'person', 'batch 2', 'batch 3']);
});

/** Computes for so long: time is what the turns are told. */
function working(share: number) {
  const clock = { now: 0 };
  const turns = new Turns(nextRound, () => clock.now);
  turns.setShare(share);
  const rested: number[] = [];
  vi.stubGlobal('setTimeout', (resolve: () => void, ms: number) => {
    rested.push(ms);
    clock.now += ms;
    resolve();
  });
  const work = async (ms: number) => {
    await turns.next();
    clock.now += ms;
  };
  return { turns, rested, work, clock };
}

afterEach(() => {
  vi.unstubAllGlobals();
});

test.each([
  [0.5, [10, 10]],
  [0.25, [30, 30]],
  [0.8, [2.5, 2.5]],
  [1, []],
])('rests between turns so that runs take a share of %d', async (share, expected) => {
  const { turns, rested, work } = working(share);
  await Promise.all([work(10), work(10), work(10)]);
  expect(rested).toHaveLength(expected.length);
  for (const [i, ms] of expected.entries()) expect(rested[i]).toBeCloseTo(ms);
  expect(turns.restedMs).toBeCloseTo(expected.reduce((sum, ms) => sum + ms, 0));
});

test('owes the rest also to a turn that comes later, and none when enough time went by', async () => {
  const { rested, work, clock } = working(0.5);
  await work(10);
  await nextRound();
  clock.now += 4;
  await work(10);
  await nextRound();
  clock.now += 100;
  await work(10);
  expect(rested).toEqual([6]);
});

test('a turn of seconds does not stop the node for minutes', async () => {
  const { rested, work } = working(0.01);
  await Promise.all([work(5_000), work(1)]);
  expect(rested).toEqual([10_000]);
});

test('a rest ends when its owner gives everything', async () => {
  const turns = new Turns(nextRound, now);
  turns.setShare(0.001);
  await turns.next();
  const until = performance.now() + 5;
  while (performance.now() < until);
  const next = turns.next();
  await nextRound();
  await nextRound();
  turns.setShare(1);
  await next;
});
