import { describe, expect, test } from 'vitest';
import { TargetFailure } from '../flow.ts';
import { Lane } from './lane.ts';

const never = new AbortController().signal;
const settle = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('Lane', () => {
  test.each([
    [1, 1],
    [2, 1],
    [4, 3],
    [5, 3],
    [16, 12],
    [1024, 768],
  ])('of %i slots gives batch runs at most %i at once', async (slots, most) => {
    const lane = new Lane(slots, true);
    expect(lane.batchRoom).toBe(most);
    let begun = 0;
    const count = () => {
      begun++;
    };
    for (let i = 0; i < slots; i++)
      Promise.resolve(lane.enter('batch', 60_000, never)).then(count, () => undefined);
    await settle();
    expect(begun).toBe(most);
    expect([lane.inFlight, lane.batchRoom]).toEqual([most, most - slots]);
    lane.close(new TargetFailure('lost', 'closed'));
    expect(lane.batchRoom).toBe(0);
  });

  test('takes over slots as they are announced', async () => {
    const lane = new Lane(1, false);
    await lane.enter('interactive', 0, never);
    const next = lane.enter('interactive', 0, never);
    lane.announce(4, true);
    await next;
    expect([lane.slots, lane.resident, lane.inFlight, lane.batchRoom]).toEqual([4, true, 2, 1]);
  });

  test('remembers how long runs take, the latest weighing most; not those of batches', () => {
    const lane = new Lane(1, true);
    lane.observe(5000, 'batch');
    expect(lane.serviceMs).toBeNull();
    lane.observe(100, 'interactive');
    expect(lane.serviceMs).toBe(100);
    for (let i = 0; i < 50; i++) lane.observe(10, 'interactive');
    expect(lane.serviceMs).toBeCloseTo(10, 0);
    lane.observe(5000, 'batch');
    expect(lane.serviceMs).toBeCloseTo(10, 0);
  });

  test.each(['interactive', 'batch'] as const)(
    'remembers failures until a run is finished, or for half a minute: %s',
    (tier) => {
      const lane = new Lane(1, true);
      expect(lane.failures(0)).toBe(0);
      lane.fail(1000);
      lane.fail(2000);
      expect([lane.failures(2000), lane.failures(32_000), lane.failures(32_001)]).toEqual([2, 2, 0]);
      lane.fail(40_000);
      expect(lane.failures(40_000)).toBe(1);
      lane.observe(1, tier);
      expect(lane.failures(40_000)).toBe(0);
    },
  );
});
