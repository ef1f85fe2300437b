import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ID_PREFIXES, type IdKind, idForm, idsFrom, idTime, isId, newId } from './ids.ts';

const KINDS = Object.keys(ID_PREFIXES).filter((kind): kind is IdKind => Object.hasOwn(ID_PREFIXES, kind));
const kind = fc.constantFrom(...KINDS);
const time = fc.integer({ min: 0, max: 2 ** 50 - 1 });
const bytes = fc.uint8Array({ minLength: 16, maxLength: 16 });
const given = (source: Uint8Array) => (target: Uint8Array) => target.set(source);

describe('newId', () => {
  test('is an id of its kind and of no other, and tells its time', () => {
    fc.assert(
      fc.property(kind, time, bytes, (ofKind, now, random) => {
        const id = newId(ofKind, now, given(random));
        expect(idTime(ofKind, id)).toBe(now);
        expect(KINDS.filter((other) => isId(other, id))).toEqual([ofKind]);
        expect(KINDS.filter((other) => idForm(other).test(id))).toEqual([ofKind]);
        expect(id).toMatch(/^[a-z]+[_-][0-9a-hjkmnp-tv-z]{26}$/);
      }),
    );
  });

  test('sorts by time as text, whatever the randomness', () => {
    fc.assert(
      fc.property(kind, time, time, bytes, bytes, (ofKind, a, b, one, two) => {
        fc.pre(a < b);
        expect(newId(ofKind, a, given(one)) < newId(ofKind, b, given(two))).toBe(true);
      }),
    );
  });

  test('takes a clock with fractions', () => {
    expect(idTime('request', newId('request', 1_700_000_000_000.75))).toBe(1_700_000_000_000);
  });

  test('does not repeat within a millisecond', () => {
    const ids = new Set(Array.from({ length: 1000 }, () => newId('request', 0)));
    expect(ids.size).toBe(1000);
  });
});

describe('isId', () => {
  test('refuses every id with one character changed to one outside the alphabet, cut or lengthened', () => {
    fc.assert(
      fc.property(kind, time, fc.nat(25), fc.constantFrom(...'ILOU-_ é'), (ofKind, now, at, wrong) => {
        const id = newId(ofKind, now);
        const start = ID_PREFIXES[ofKind].length + at;
        const mistyped = id.slice(0, start) + wrong + id.slice(start + 1);
        expect([isId(ofKind, mistyped), idForm(ofKind).test(mistyped)]).toEqual([false, false]);
        expect(isId(ofKind, id.slice(0, -1))).toBe(false);
        expect(isId(ofKind, `${id}0`)).toBe(false);
      }),
    );
  });

  test('idTime of what is no id is null', () => {
    fc.assert(
      fc.property(kind, fc.string(), (ofKind, text) => {
        fc.pre(!isId(ofKind, text));
        expect(idTime(ofKind, text)).toBeNull();
      }),
    );
  });
});

describe('idsFrom', () => {
  test('is at or below every id made at or after a time, and above every id made before it', () => {
    fc.assert(
      fc.property(kind, time, time, bytes, (ofKind, at, from, random) => {
        expect(newId(ofKind, at, given(random)) >= idsFrom(ofKind, from)).toBe(at >= from);
      }),
    );
  });
});
