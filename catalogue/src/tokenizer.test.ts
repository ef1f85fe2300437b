import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tokenizerOf } from './tokenizer.ts';

const tokenizer = tokenizerOf('zlm');
const SIZE = 32_000;
const LONGEST_PIECE = 16;

/** Any sequence of UTF-16 code units, with the shapes that trouble tokenizers made likely. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 100 }).map((u) => String.fromCharCode(...u)),
  fc
    .array(
      fc.constantFrom(
        ' the',
        'unbelievable',
        ' ',
        '\n',
        '\r\n',
        '\t',
        '\0',
        '😀',
        '👩‍🚀',
        '\ud83d',
        '\ude00',
        '中',
        'é',
        'e\u0301',
        '12345',
        '`x`',
        '\u00a0',
        '␣',
      ),
      { maxLength: 60 },
    )
    .map((parts) => parts.join('')),
);

function pieces(text: string): string[] {
  return Array.from(tokenizer.encode(text), (id) => tokenizer.decode([id]));
}

function splitsPair(text: string, at: number): boolean {
  const before = text.charCodeAt(at - 1);
  const after = text.charCodeAt(at);
  return before >= 0xd800 && before <= 0xdbff && after >= 0xdc00 && after <= 0xdfff;
}

describe('zlm tokenizer', () => {
  it('cuts any text into pieces that are the text again, as many as it counts', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const ids = tokenizer.encode(text);
        expect(tokenizer.decode(ids)).toBe(text);
        expect(tokenizer.count(text)).toBe(ids.length);
        expect(ids.length === 0).toBe(text === '');
      }),
      { numRuns: 1000 },
    );
  });

  it('truncates to a prefix within the limit that splits no surrogate pair, and to the longest such', () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: -1, max: 120 }), (text, limit) => {
        const cut = tokenizer.truncate(text, limit);
        expect(text.startsWith(cut)).toBe(true);
        expect(tokenizer.count(cut)).toBe(Math.max(0, Math.min(limit, tokenizer.count(text))));
        expect(splitsPair(text, cut.length)).toBe(false);
        expect(tokenizer.truncate(text, tokenizer.count(text))).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });

  it('has no piece so long that a text could take more than linear time', () => {
    for (let id = 0; id < SIZE; id++) {
      const piece = tokenizer.decode([id]);
      expect(piece.length).toBeLessThanOrEqual(LONGEST_PIECE);
      expect(tokenizer.encode(piece), JSON.stringify(piece)).toEqual(Int32Array.of(id));
    }
  });

  it('gives what no piece begins with a token a character', () => {
    expect([...tokenizer.encode('中😀\ud83d\0')]).toEqual([0x4e2d, 0x1f600, 0xd83d, 0].map((c) => SIZE + c));
  });

  const repeats: [string, string, number][] = [
    ['a letter', 'a', 131_072],
    ['a space', ' ', 8192],
    ['a line feed', '\n', 32_768],
    ['a CJK character', '中', 131_072],
    ['a high surrogate', '\ud83d', 131_072],
  ];
  it.each(repeats)('counts 131,072 of %s', (_, character, tokens) => {
    expect(tokenizer.count(character.repeat(131_072))).toBe(tokens);
  });

  it('has the granularity of a subword vocabulary of its size', () => {
    expect(pieces('The Senate voted 52–48 on Tuesday to confirm Judge Smith.')).toEqual(
      'The| Senate| voted| 52|–|48| on| Tuesday| to| confirm| Judge| Smith|.'.split('|'),
    );
    expect(pieces('Das Gesetz zur Änderung, l’État, años, città, não')).toMatchInlineSnapshot(`
      [
        "Das",
        " Gesetz",
        " zur",
        " Ä",
        "nder",
        "ung",
        ",",
        " l",
        "’",
        "État",
        ",",
        " años",
        ",",
        " città",
        ",",
        " não",
      ]
    `);
    expect(pieces('    return foo(x === 3);\n')).toMatchInlineSnapshot(`
      [
        "    ",
        "return",
        " fo",
        "o",
        "(",
        "x",
        " =",
        "==",
        " 3",
        ");
      ",
      ]
    `);
  });

  it('refuses to decode what is no id', () => {
    for (const id of [-1, 0.5, Number.NaN, SIZE + 0x110000])
      expect(() => tokenizer.decode([id])).toThrow(RangeError);
  });
});
