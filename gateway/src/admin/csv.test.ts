import fc from 'fast-check';
import { expect, it } from 'vitest';
import { csvLine } from './csv.ts';

it('writes numbers as they are, nothing for null, and quotes what needs quotes', () => {
  expect(csvLine([1, -2, 3n, true, null, 'plain', '-1.50', 'a,b', 'say "hi"', 'two\nlines'])).toBe(
    '1,-2,3,true,,plain,-1.50,"a,b","say ""hi""","two\nlines"\r\n',
  );
});

it('takes the start of a formula from a text', () => {
  for (const text of ['=1+1', '+1', '-1.50+2', '- 1', '@SUM(A1)', '\t=1', '\r=1', ' =1', '|x', '%x']) {
    expect(csvLine([text]).replace(/^"/, '').startsWith(`'${text}`)).toBe(true);
  }
});

it('can be read back, whatever the texts', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 5 }), (texts) => {
      const read = readLine(csvLine(texts));
      expect(read.map((cell) => cell.replace(/^'(?=[\s=+\-@|%])/, ''))).toEqual(texts);
      expect(read.every((cell) => isNumber(cell) || !/^[\s=+\-@|%]/.test(cell))).toBe(true);
    }),
  );
});

const isNumber = (text: string) => /^-?\d+(\.\d+)?$/.test(text);

/** As RFC 4180 has it. */
function readLine(line: string): string[] {
  const cells: string[] = [];
  let rest = `,${line.slice(0, -2)}`;
  while (rest !== '') {
    const quoted = /^,"((?:[^"]|"")*)"/.exec(rest);
    const [whole, cell = ''] = quoted ?? /^,([^,]*)/.exec(rest) ?? [rest];
    cells.push(quoted ? cell.replaceAll('""', '"') : cell);
    rest = rest.slice(whole.length);
  }
  return cells;
}
