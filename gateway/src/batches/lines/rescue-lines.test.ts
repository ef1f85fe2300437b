import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { TakenBack } from './line-store.ts';
import { startRescue } from './rescue-lines.ts';

const NOTHING: TakenBack = { lines: 0, over: [], open: 1 };

it('takes back again and again, tells the operator when there was something, and others each time', async () => {
  let now = 0;
  const told: string[] = [];
  const taken: TakenBack[] = [];
  const rounds: TakenBack[] = [NOTHING, { lines: 3, over: ['batch_1'], open: 1 }];
  const rescue = startRescue({
    store: {
      async look() {
        now += 3_000;
      },
      takeBack: async () => rounds.shift() ?? Promise.reject(new Error('away')),
    },
    tookBack: (one) => taken.push(one),
    log: { info() {}, warn: (_, text) => told.push(text), error() {} },
    everyMs: 3_000,
    clock: () => now,
  });
  while (told.length < 2) {
    rescue.run();
    await sleep(1);
  }
  await rescue.stop();
  expect(taken.map(({ lines }) => lines)).toEqual([0, 3]);
  expect(told.slice(0, 2)).toEqual([
    'Took back lines of workers that live no more',
    'Could not look for lines of dead workers',
  ]);
});

it('takes nothing back when the database was away, until all who live had time to say so', async () => {
  const clock = { now: 0 };
  const looks: number[] = [];
  const takenAt: number[] = [];
  // It answers twice, then not for three rounds, then again.
  const answers = [true, true, false, false, false, true, true, true, true, true];
  const rescue = startRescue({
    store: {
      async look() {
        clock.now += 3_000;
        looks.push(clock.now);
        if (answers.shift() === false) throw new Error('away');
      },
      async takeBack() {
        takenAt.push(clock.now);
        return NOTHING;
      },
    },
    tookBack: () => undefined,
    log: { info() {}, warn() {}, error() {} },
    everyMs: 3_000,
    clock: () => clock.now,
  });
  while (looks.length < 9) {
    rescue.run();
    await sleep(1);
  }
  await rescue.stop();
  expect(takenAt).toEqual([6_000, 24_000, 27_000]);
});
