import { expect, it } from 'vitest';
import { checkDeterminism, isHeld } from './check-determinism.ts';

const lines = (text: string) =>
  checkDeterminism('runtimes/src/zlm/x.ts', text).map((finding) => finding.message);

it.each([
  'Math.exp(x)',
  'Math.log(x)',
  'Math.pow(x, 2)',
  'Math.tanh(x)',
  'Math.hypot(x, y)',
  'Math.random()',
  "Math['exp'](x)",
  'const { exp } = Math',
  'x ** 2',
  'x **= 2',
  'new Intl.Segmenter()',
  'a.localeCompare(b)',
  'a.toLowerCase()',
  "a['toUpperCase']()",
  "a.normalize('NFC')",
  'a.toLocaleString()',
  '/\\p{L}/u',
  '/[^\\P{L}]/v',
  '/straße/i',
  '/a/iu',
  'new RegExp(text)',
  'Date.now()',
  'performance.now()',
])('refuses %s', (text) => {
  expect(lines(text)).toHaveLength(1);
});

it.each([
  'Math.imul(x, y) + Math.floor(x) + Math.sqrt(x) + Math.fround(x) + Math.max(x, y)',
  'x * x / y % z',
  'Math.LOG2E * Math.PI',
  '/[a-z]+/i',
  '/\\\\p/',
  'interface A { Date: string; at: Date }',
  'this.Date = options.Intl',
  'own.exp(x)',
])('allows %s', (text) => {
  expect(lines(text)).toEqual([]);
});

it('says where', () => {
  expect(checkDeterminism('a.ts', 'const one = 1;\nconst two = Math.exp(one);')[0]).toMatchObject({
    file: 'a.ts',
    line: 2,
  });
});

it('holds models and the tokenizer, not their tests', () => {
  expect(isHeld('runtimes/src/zlm/numeric.ts')).toBe(true);
  expect(isHeld('catalogue/src/tokenizer.ts')).toBe(true);
  expect(isHeld('runtimes/src/zlm/numeric.test.ts')).toBe(false);
  expect(isHeld('gateway/src/config.ts')).toBe(false);
});
