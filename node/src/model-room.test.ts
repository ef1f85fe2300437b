import fc from 'fast-check';
import { expect, test } from 'vitest';
import { filesToRemove } from './model-room.ts';

const file = (sha256: string, bytes: number, lastUsedAt: number) => ({
  sha256,
  bytes,
  lastUsedAt,
  complete: true,
});
const none = new Set<string>();

test('the longest unused go first, and no more than must', () => {
  const files = [file('a', 40, 3), file('b', 40, 1), file('c', 40, 2)];
  const wanted = { sha256: 'new', bytes: 40 };
  expect(filesToRemove(files, wanted, { capBytes: 160, needed: none })).toEqual([]);
  expect(filesToRemove(files, wanted, { capBytes: 120, needed: none })).toEqual(['b']);
  expect(filesToRemove(files, wanted, { capBytes: 119, needed: none })).toEqual(['b', 'c']);
  expect(filesToRemove(files, wanted, { capBytes: 119, needed: new Set(['b']) })).toEqual(['c', 'a']);
  expect(filesToRemove(files, wanted, { capBytes: 79, needed: new Set(['b']) })).toBeNull();
});

test('its own beginning is part of it', () => {
  const files = [file('new', 30, 1), file('a', 60, 2)];
  expect(filesToRemove(files, { sha256: 'new', bytes: 40 }, { capBytes: 100, needed: none })).toEqual([]);
});

test('what is needed stays, and what fits fits', () => {
  const files = fc.uniqueArray(
    fc.record({ sha256: fc.string(), bytes: fc.nat(100), lastUsedAt: fc.nat(10), complete: fc.boolean() }),
    { selector: ({ sha256 }) => sha256, maxLength: 10 },
  );
  fc.assert(
    fc.property(
      files,
      fc.nat(200),
      fc.nat(500),
      fc.func(fc.boolean()),
      (given, bytes, capBytes, isNeeded) => {
        const needed = new Set(given.map(({ sha256 }) => sha256).filter((sha256) => isNeeded(sha256)));
        const gone = filesToRemove(given, { sha256: 'the new one', bytes }, { capBytes, needed });
        const sum = (left: typeof given) => left.reduce((total, one) => total + one.bytes, bytes);
        if (gone === null) {
          expect(sum(given.filter(({ sha256 }) => needed.has(sha256)))).toBeGreaterThan(capBytes);
          return;
        }
        expect(gone.filter((sha256) => needed.has(sha256))).toEqual([]);
        expect(sum(given.filter(({ sha256 }) => !gone.includes(sha256)))).toBeLessThanOrEqual(capBytes);
      },
    ),
  );
});
