import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { TakenBack } from './line-store.ts';
import { startRescue } from './rescue-lines.ts';

it('takes back again and again, tells the operator when there was something, and others each time', async () => {
  const told: string[] = [];
  const taken: TakenBack[] = [];
  const rounds: TakenBack[] = [
    { lines: 0, over: [], open: 1 },
    { lines: 3, over: ['batch_1'], open: 1 },
  ];
  const rescue = startRescue({
    store: { takeBack: async () => rounds.shift() ?? Promise.reject(new Error('away')) },
    tookBack: (one) => taken.push(one),
    log: { info() {}, warn: (_, text) => told.push(text), error() {} },
    everyMs: 1,
  });
  while (told.length < 2) await sleep(1);
  await rescue.stop();
  expect(taken.map(({ lines }) => lines)).toEqual([0, 3]);
  expect(told.slice(0, 2)).toEqual([
    'Took back lines of workers that live no more',
    'Could not look for lines of dead workers',
  ]);
});
