import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EventQueue } from './event-queue.ts';

test('events come out by time, and those of one instant in the order in which they went in', () => {
  const step = fc.oneof(fc.record({ time: fc.nat(20) }), fc.constant('take'));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const queue = new EventQueue();
      let expected: { time: number; subject: number }[] = [];
      for (const [subject, one] of steps.entries()) {
        if (typeof one === 'object') {
          queue.push(one.time, subject % 7, subject);
          expected.push({ time: one.time, subject });
          continue;
        }
        expected = expected.toSorted((a, b) => a.time - b.time || a.subject - b.subject);
        const next = expected.shift();
        expect(queue.take()).toBe(next !== undefined);
        if (next) expect(queue).toMatchObject({ ...next, kind: next.subject % 7 });
      }
      expect(queue.size).toBe(expected.length);
    }),
  );
});

test('holds more than it began with', () => {
  const queue = new EventQueue();
  for (let i = 5_000; i > 0; i--) queue.push(i, 0, i);
  const taken: number[] = [];
  while (queue.take()) taken.push(queue.subject);
  expect(taken).toEqual(Array.from({ length: 5_000 }, (_, i) => i + 1));
});
