import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TargetFailure } from '../flow.ts';
import { Lane } from './lane.ts';

const never = new AbortController().signal;

/** Lets everything that is already decided come through. */
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('Lane', () => {
  test('admits up to its slots at once and the rest in order', async () => {
    const lane = new Lane(2, true);
    const order: number[] = [];
    const enter = async (n: number) => {
      await lane.enter(never);
      order.push(n);
    };
    for (const n of [1, 2, 3, 4, 5]) void enter(n);
    await settle();
    expect([order, lane.inFlight]).toEqual([[1, 2], 5]);
    lane.leave();
    await settle();
    expect(order).toEqual([1, 2, 3]);
    lane.leave();
    lane.leave();
    await settle();
    expect([order, lane.inFlight]).toEqual([[1, 2, 3, 4, 5], 2]);
  });

  test('whoever stops waiting gives up the place and leaves nothing behind', async () => {
    const lane = new Lane(1, true);
    await lane.enter(never);
    const abort = new AbortController();
    const waiting = lane.enter(abort.signal);
    const next = lane.enter(never);
    abort.abort(new Error('gone'));
    await expect(waiting).rejects.toThrow('gone');
    expect(lane.inFlight).toBe(2);
    lane.leave();
    await next;
    expect(lane.inFlight).toBe(1);
    await expect(lane.enter(AbortSignal.abort(new Error('before')))).rejects.toThrow('before');
    expect(lane.inFlight).toBe(1);
  });

  test('close sends everybody who waits away, and those who run leave as usual', async () => {
    const lane = new Lane(1, true);
    await lane.enter(never);
    const waiting = [lane.enter(never), lane.enter(never)];
    lane.close(new TargetFailure('lost', 'closed'));
    for (const one of waiting) await expect(one).rejects.toMatchObject({ kind: 'lost' });
    lane.leave();
    expect(lane.inFlight).toBe(0);
  });

  test('says busy instead of queueing without end', async () => {
    const lane = new Lane(1, true);
    await lane.enter(never);
    const waiting = Array.from({ length: 2000 }, () => lane.enter(never));
    await expect(lane.enter(never)).rejects.toMatchObject({ kind: 'busy' });
    lane.close(new TargetFailure('lost', 'closed'));
    expect((await Promise.allSettled(waiting)).every((one) => one.status === 'rejected')).toBe(true);
  });

  test('remembers how long runs take, the latest weighing most', () => {
    const lane = new Lane(1, true);
    expect(lane.serviceMs).toBeNull();
    lane.observe(100);
    expect(lane.serviceMs).toBe(100);
    for (let i = 0; i < 50; i++) lane.observe(10);
    expect(lane.serviceMs).toBeCloseTo(10, 0);
  });

  test('remembers failures until a run is finished, or for half a minute', () => {
    const lane = new Lane(1, true);
    expect(lane.failures(0)).toBe(0);
    lane.fail(1000);
    lane.fail(2000);
    expect([lane.failures(2000), lane.failures(32_000), lane.failures(32_001)]).toEqual([2, 2, 0]);
    lane.fail(40_000);
    expect(lane.failures(40_000)).toBe(1);
    lane.observe(1);
    expect(lane.failures(40_000)).toBe(0);
  });

  test('never runs more than its slots, admits in order and loses nobody, whatever happens', async () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.constant({ do: 'enter' as const }) },
      { weight: 3, arbitrary: fc.constant({ do: 'leave' as const }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('abort' as const), who: fc.nat() }) },
      {
        weight: 1,
        arbitrary: fc.record({ do: fc.constant('slots' as const), slots: fc.integer({ min: 1, max: 5 }) }),
      },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const lane = new Lane(2, true);
        let slots = 2;
        const waiting = new Map<number, AbortController>();
        const admitted: number[] = [];
        let running = 0;
        let aborted = 0;
        let entered = 0;
        for (const one of steps) {
          if (one.do === 'enter') {
            const n = entered++;
            const abort = new AbortController();
            waiting.set(n, abort);
            Promise.resolve(lane.enter(abort.signal)).then(
              () => {
                waiting.delete(n);
                admitted.push(n);
                running++;
              },
              () => {
                waiting.delete(n);
                aborted++;
              },
            );
          } else if (one.do === 'leave' && running > 0) {
            running--;
            lane.leave();
          } else if (one.do === 'abort') [...waiting.values()][one.who % waiting.size]?.abort();
          else if (one.do === 'slots') {
            slots = one.slots;
            lane.announce(slots, true);
          }
          const before = running;
          await settle();
          expect(running).toBeLessThanOrEqual(Math.max(before, slots));
          expect(running >= slots || waiting.size === 0).toBe(true);
          expect(lane.inFlight).toBe(running + waiting.size);
        }
        expect(admitted).toEqual([...admitted].sort((a, b) => a - b));
        expect(admitted.length + aborted + waiting.size).toBe(entered);
      }),
    );
  });
});
