import { setImmediate as nextRound } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Turns } from './turns.ts';

test('turns come in the order of the calls, one per round', async () => {
  let rounds = 0;
  const turns = new Turns(async () => {
    await nextRound();
    rounds++;
  });
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
      const turns = new Turns(nextRound);
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
  const turns = new Turns(nextRound);
  const order: string[] = [];
  const take = async (name: string, behind: boolean) => {
    await turns.next(behind);
    order.push(name);
    if (name === 'batch 1') await take('person', false);
  };
  await Promise.all([take('batch 1', true), take('batch 2', true), take('batch 3', true)]);
  expect(order).toEqual(['batch 1', 'person', 'batch 2', 'batch 3']);
});
