import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isCapital, isDigit, isIdeograph, isLetter, isSpace, lowerCase, wordsOf } from './words.ts';

function texts(text: string): string[] {
  return wordsOf(text).map((word) => word.text);
}

describe('lowerCase', () => {
  it('is the engine’s own for the letters of Latin-1, Latin Extended-A, Greek and Cyrillic', () => {
    for (let unit = 0; unit <= 0x52f; unit++) {
      const character = String.fromCharCode(unit);
      const expected = character.toLowerCase();
      const covered = unit < 0x180 || (unit >= 0x386 && unit <= 0x3ab) || unit >= 0x400;
      if (covered && expected.length === 1) expect(lowerCase(character), unit.toString(16)).toBe(expected);
    }
    expect(lowerCase('ÉCOLE ŠKODA ΑΘΉΝΑ МОСКВА İZMIR ẞ')).toBe('école škoda αθήνα москва izmir ß');
  });

  it('keeps the length and changes nothing twice', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const small = lowerCase(text);
        expect(small).toHaveLength(text.length);
        expect(lowerCase(small)).toBe(small);
      }),
    );
    expect(lowerCase('Ab'.repeat(20_000))).toBe('ab'.repeat(20_000));
  });
});

describe('wordsOf', () => {
  it('finds words, numbers and single ideographs', () => {
    expect(texts("Don't pay $1,000.50 for O’Neill's 5G phone, e.g. in Paris.")).toEqual([
      "don't",
      'pay',
      '1,000.50',
      'for',
      "o’neill's",
      '5g',
      'phone',
      'e',
      'g',
      'in',
      'paris',
    ]);
    expect(texts('Änderung — naïve café, Ελλάδα, Россия')).toEqual([
      'änderung',
      'naïve',
      'café',
      'ελλάδα',
      'россия',
    ]);
    expect(texts('我爱Node、東京です')).toEqual(['我', '爱', 'node', '東', '京', 'で', 'す']);
    expect(texts(" ' . 😀 — \ud800 \0")).toEqual([]);
  });

  it('gives offsets in order of words that are letters and digits of the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        let end = 0;
        for (const word of wordsOf(text)) {
          expect(word.start).toBeGreaterThanOrEqual(end);
          expect(word.end).toBeGreaterThan(word.start);
          expect(word.text).toBe(lowerCase(text.slice(word.start, word.end)));
          end = word.end;
        }
      }),
    );
  });
});

describe('kinds of characters', () => {
  it('tells them apart', () => {
    const kinds = (character: string) => {
      const unit = character.charCodeAt(0);
      return [isLetter(unit), isDigit(unit), isIdeograph(unit), isCapital(unit), isSpace(unit)]
        .map(Number)
        .join('');
    };
    expect(['a', 'É', '7', '中', ' ', '\u00a0', '—', '×', '€'].map(kinds)).toEqual([
      '10000',
      '10010',
      '01000',
      '10100',
      '00001',
      '00001',
      '00000',
      '00000',
      '00000',
    ]);
  });
});
