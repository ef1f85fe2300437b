import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { startRounds } from './rounds.ts';
import { silentLog } from './store/log.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('runs again and again, never two at once, and waits for the last when it is stopped', async () => {
  const begun: PromiseWithResolvers<void>[] = [];
  const round = () => {
    const one = Promise.withResolvers<void>();
    begun.push(one);
    return one.promise;
  };
  const rounds = startRounds({ everyMs: 10, round, log: silentLog, failed: 'It failed' });
  await vi.advanceTimersByTimeAsync(35);
  rounds.run();
  expect(begun.length).toBe(1);
  begun[0]?.resolve();
  await vi.advanceTimersByTimeAsync(10);
  expect(begun.length).toBe(2);
  let stopped = false;
  const stopping = rounds.stop().then(() => {
    stopped = true;
  });
  await vi.advanceTimersByTimeAsync(100);
  expect([stopped, begun.length]).toEqual([false, 2]);
  begun[1]?.resolve();
  await stopping;
});

it('tells of a round that failed, in bounds, and goes on', async () => {
  const told: unknown[] = [];
  const log = {
    ...silentLog,
    warn: (fields: object, message: string) => void told.push({ ...fields, message }),
  };
  let count = 0;
  const round = async () => {
    if (++count === 1) throw new Error('x'.repeat(5_000));
  };
  const rounds = startRounds({ everyMs: 10, round, log, failed: 'It failed' });
  await vi.advanceTimersByTimeAsync(30);
  await rounds.stop();
  expect(count).toBe(3);
  expect(told).toEqual([{ reason: `Error: ${'x'.repeat(193)}`, message: 'It failed' }]);
});
