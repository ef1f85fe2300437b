import fc from 'fast-check';
import { expect, test } from 'vitest';
import { printable } from './printable.ts';

test.each([
  ['plain words, “quoted”: ünïcode 漢字', 'plain words, “quoted”: ünïcode 漢字'],
  ['\u001b[31mred\u001b[0m\r\nline', '[31mred [0m line'],
  ['turned \u202e around', 'turned   around'],
  ['x'.repeat(2000), 'x'.repeat(500)],
])('%j', (given, expected) => {
  expect(printable(given)).toBe(expected);
});

test('nothing that it gives controls anything', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(printable(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    }),
  );
});
