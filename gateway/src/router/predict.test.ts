import { describe, expect, test } from 'vitest';
import type { NodeView } from '../flow.ts';
import { factsOf } from '../testing/facts.ts';
import { costsOf } from './predict.ts';

const view = (changes: Partial<NodeView>): NodeView => ({
  ...factsOf('n'),
  ...{ slots: 16, inFlight: 0, batchRoom: 16, resident: true, serviceMs: null, failures: 0, rttMs: 1 },
  ...changes,
});
const queueMs = (changes: Partial<NodeView>) => costsOf(view(changes)).queueMs;

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
