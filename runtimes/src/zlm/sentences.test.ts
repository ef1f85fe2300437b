import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitSentences } from './sentences.ts';
import { isSpace } from './words.ts';

function sentences(text: string): string[] {
  return splitSentences(text).map(({ start, end }) => text.slice(start, end));
}

/** Each case is written with ¦ where a sentence ends. */
function marked(text: string): [text: string, expected: string[]] {
  return [text.replaceAll('¦', ''), text.split('¦').map((part) => part.trim())];
}

const CASES: Record<string, string[]> = {
  'abbreviations and initials': [
    'Dr. J. R. Smith of Apple Inc. said so.¦ Mr. and Mrs. Lee agreed.',
    'He works for Apple Inc.¦ The firm is in the U.S.¦ It grew.',
    'The U.S. Senate met at 5 p.m.¦ Police came at 9 a.m. on Monday.',
    'See Fig. 2 and No. 5 of vol. 3.¦ He said no.¦ Then he left.',
    'Cats, dogs, etc.¦ They ran.¦ It was e.g. Paris, i.e. France.',
    'Smith et al. (2019) showed it.¦ It is John F. Kennedy.',
  ],
  'numbers and addresses': [
    'It grew 3.5% to 1.2 billion.¦ In 2019. It fell.'.replace('2019. It', '2019.¦ It'),
    'See example.com/a.b?c=d. Next'.replace('. Next', '.¦ Next'),
    'Mail a.b@c.org, or https://x.y/z.html.¦ Node.js and v1.2.Final work.',
  ],
  'quotes, brackets and dots': [
    '“We agree.”¦ He left.¦ "Why?" he asked.¦ "Stop!"¦ She ran.',
    'It was late (really.)¦ We left…¦ Wait... what?¦ Yahoo! is old.',
    'It is so.[1][22]¦ The next one [3] too.',
    'It ended.The next began at once.'.replace('.The', '.¦The'),
  ],
  'other languages': [
    'Am 3. Oktober feiert die Republik den Tag der Einheit, z. B. in Köln.¦ Der 1. FC Köln ist nicht dabei.',
    'Das ist Kaiser Wilhelm II. von Preußen und die Nr. 5 bzw. Nr. 6 auf der Str. 9.¦ Es ist gut.',
    'M. Dupont est arrivé.¦ L’État a dit non.¦ ¿Qué pasa?¦ ¡Nada!¦ El Sr. López lo sabe.',
    '我爱你。¦你呢？¦「好。」¦他说！¦Ok.',
  ],
  'text without capitals': ['hello there.¦ i went to the shop.¦ it was closed!¦ then i left.'],
};

describe('splitSentences', () => {
  for (const [name, cases] of Object.entries(CASES)) {
    it.each(cases.map(marked))(`${name}: %s`, (text, expected) => {
      expect(sentences(text)).toEqual(expected);
    });
  }

  it('keeps lines of lists and turns apart, without their markers', () => {
    const text =
      'Agenda\n- First item\n* second one\n1. One thing\n(2) Another thing.\n\n[00:01:12] Anna: We ship. Why not?\n00:02 Bob: Fine.';
    expect(sentences(text)).toEqual([
      'Agenda',
      'First item',
      'second one',
      'One thing',
      'Another thing.',
      'Anna: We ship.',
      'Why not?',
      'Bob: Fine.',
    ]);
    expect(splitSentences(text).map((s) => s.block)).toEqual([0, 1, 2, 3, 4, 5, 5, 6]);
    expect(splitSentences(text).map((s) => Number(s.closed))).toEqual([0, 0, 0, 0, 1, 1, 1, 1]);
  });

  it('joins the lines of a hard-wrapped paragraph', () => {
    const text =
      'This is a hard wrapped paragraph of text that goes over several lines and\nends in the middle. Another sentence starts here and is wrapped, too, once\nmore.\n\nNext paragraph';
    expect(sentences(text)).toEqual([
      'This is a hard wrapped paragraph of text that goes over several lines and\nends in the middle.',
      'Another sentence starts here and is wrapped, too, once\nmore.',
      'Next paragraph',
    ]);
  });

  it('joins the lines of a paragraph that is wrapped as wide as a screen', () => {
    const wide = `The Landlord lets to the tenant ${'a flat with many rooms '.repeat(4)}for rent from the\nTenant’s first day to the last, as long as it suits them, and then no more.\nIt ends.`;
    expect(wide.indexOf('\n')).toBeGreaterThan(120);
    expect(
      sentences(
        `Some lines go on with a small letter and are as wide as the ones below, ${'more or less so '.repeat(4)}\nas here. ${wide}`,
      ),
    ).toHaveLength(3);
  });

  it('cuts what has no full stop for too long at a comma or a space, and a word never', () => {
    const parts = sentences('some words, and more words '.repeat(200));
    expect(parts.length).toBeGreaterThan(5);
    for (const part of parts) expect(part.length).toBeLessThanOrEqual(1000);
    expect(sentences('a'.repeat(5000))).toEqual(['a'.repeat(5000)]);
  });

  it('covers everything but white space and markers, in order, without overlap', () => {
    const part = fc.constantFrom(
      '. ',
      'A',
      'b',
      '\n',
      '\n\n',
      '! ',
      '"',
      '3',
      'Mr.',
      ' ',
      '。',
      '…',
      '[1]',
      '- ',
      '😀',
    );
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(part, { maxLength: 40 }).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (text) => {
        let last = 0;
        for (const { start, end } of splitSentences(text)) {
          expect(start).toBeGreaterThanOrEqual(last);
          expect(end).toBeGreaterThan(start);
          expect(isSpace(text.charCodeAt(start)) || isSpace(text.charCodeAt(end - 1))).toBe(false);
          expect(text.slice(last, start)).toMatch(/^[\s\ufeff\u200b\d.()[\]:,#>*+•·‣▪◦–—-]*$/);
          last = end;
        }
        expect(text.slice(last).trim().replaceAll('\u200b', '')).toBe('');
      }),
      { numRuns: 2000 },
    );
  });
});
