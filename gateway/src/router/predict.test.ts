import { describe, expect, test } from 'vitest';
import type { NodeView } from '../flow.ts';
import { factsOf } from '../testing/facts.ts';
import { UNMEASURED_MS } from './distance.ts';
import { costsOf, networkMs } from './predict.ts';

const view = (changes: Partial<NodeView>): NodeView => ({
  ...factsOf('n'),
  ...{ slots: 16, inFlight: 0, batchRoom: 16, resident: true, serviceMs: null, failures: 0, rttMs: 1 },
  ...changes,
});
const queueMs = (changes: Partial<NodeView>) => costsOf(view(changes)).queueMs;

describe('the way to a node of which no round trip was measured', () => {
  const here = { latitude: 50, longitude: 8 };
  const far = { latitude: -33, longitude: 151 };
  const unmeasured = view({ rttMs: 0 });

  test('is not none: whoever has just come is not the nearest', () => {
    for (const home of [null, here]) {
      for (const from of [null, here]) expect(networkMs(unmeasured, from, home)).toBe(UNMEASURED_MS);
    }
    expect(networkMs(view({ rttMs: 0, place: far }), null, null)).toBe(UNMEASURED_MS);
    expect(networkMs(view({ rttMs: 3 }), here, here)).toBe(3);
  });

  test('is as long as the distance makes likely, where that is known', () => {
    const placed = view({ rttMs: 0, place: far });
    const likely = networkMs(placed, here, null);
    expect(likely).toBeGreaterThan(200);
    expect(networkMs(placed, here, here)).toBeCloseTo(likely);
    expect(networkMs(placed, null, here)).toBeCloseTo(likely);
    expect(networkMs(view({ rttMs: 0, place: here }), here, here)).toBeLessThan(UNMEASURED_MS);
  });
});

describe('what stands before a run', () => {
  const speed = { baseMs: 10, perThousandMs: 0 };

  test('slots are not threads: until a node shows otherwise, its runs wait for each other', () => {
    expect(queueMs({ speed })).toBe(0);
    expect(queueMs({ speed, inFlight: 3 })).toBe(30);
    expect(queueMs({ speed, inFlight: 20 })).toBe(200);
    expect(queueMs({ serviceMs: 10, inFlight: 3 })).toBe(30);
  });

  test('where runs do not hinder each other nothing waits until the slots are taken', () => {
    expect(queueMs({ speed, crowdMs: 0, inFlight: 15 })).toBe(0);
    expect(queueMs({ speed, crowdMs: 0, inFlight: 16 })).toBeCloseTo(10 / 16);
    expect(queueMs({ speed, crowdMs: 0, inFlight: 47 })).toBeCloseTo(20);
  });

  test('grows with each run that is there, whatever was learnt', () => {
    for (const crowdMs of [0.5, 3, 10]) {
      const queues = Array.from({ length: 40 }, (_, inFlight) => queueMs({ speed, crowdMs, inFlight }));
      for (const [i, queue] of queues.entries()) expect(queue).toBeGreaterThan(queues[i - 1] ?? -1);
    }
  });

  test('a node of which nothing is known does not draw a second run while others are known to be quick', () => {
    expect(queueMs({ inFlight: 1 })).toBeGreaterThan(queueMs({ serviceMs: 300, inFlight: 3 }));
  });
});
