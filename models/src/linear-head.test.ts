import { expect, it } from 'vitest';
import { type Example, LinearHead } from './linear-head.ts';

/** Points of the unit circle, labelled by their quarter. */
const examples: Example[] = Array.from({ length: 400 }, (_, i) => {
  const angle = i * 2.399963;
  const vector = Float64Array.of(Math.cos(angle), Math.sin(angle));
  return { vector, label: `${vector[0]! > 0 ? 'east' : 'west'}-${vector[1]! > 0 ? 'north' : 'south'}` };
});

it('learns what a line can part, and the same twice', () => {
  const head = new LinearHead(examples, 10);
  expect(head.labels).toEqual(['east-north', 'east-south', 'west-north', 'west-south']);
  const right = examples.filter(({ vector, label }) => head.predict(vector) === label);
  expect(right.length).toBeGreaterThan(380);
  const again = new LinearHead(examples, 10);
  for (const { vector } of examples) expect(again.predict(vector)).toBe(head.predict(vector));
});
