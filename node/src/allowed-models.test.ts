import { expect, test } from 'vitest';
import { isAllowed } from './allowed-models.ts';

test.each([
  [null, 'any', true],
  [[], 'any', false],
  [['a', 'b'], 'b', true],
  [['zlm-v1-*-edge'], 'zlm-v1-pii-edge', true],
  [['zlm-v1-*-edge'], 'zlm-v1-summary-cloud', false],
  [['*'], 'any', true],
  [['*summary*'], 'zlm-v1-summary-cloud', true],
  [['a*b*c'], 'a-b-b-c', true],
  [['a*b*c'], 'a-b-b', false],
  [['a.c'], 'abc', false],
  [['__proto__'], 'constructor', false],
  [['*a*a*a*a*a*a*a*a*a*b'], 'a'.repeat(100_000), false],
])('%j allows %.20s: %s', (patterns, id, expected) => {
  expect(isAllowed(patterns, id)).toBe(expected);
});
