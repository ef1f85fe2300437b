import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { type Line, LineCutter, type LongLine, readLines } from './read-lines.ts';

const MAX = 12;

async function linesOf(bytes: Uint8Array, sizes: readonly number[] = [], maxLineBytes = MAX) {
  const lines: unknown[] = [];
  for await (const line of readLines(chunksOf(bytes, sizes), maxLineBytes)) lines.push(shown(line));
  return lines;
}

/** Cut at these sizes, round and round; each chunk in memory that is used again for the next. */
async function* chunksOf(bytes: Uint8Array, sizes: readonly number[]) {
  for (let from = 0, i = 0; from < bytes.length; i++) {
    const chunk = Buffer.from(bytes.subarray(from, from + (sizes[i % sizes.length] ?? bytes.length)));
    yield chunk;
    from += chunk.length;
    chunk.fill(0x58);
  }
}

const shown = (line: Line | LongLine) =>
  line.bytes === null
    ? { number: line.number, tooLong: true }
    : { number: line.number, start: line.start, text: line.bytes.toString('latin1') };

/** The whole text at once, in the simplest way. */
function reference(bytes: Uint8Array, maxLineBytes: number) {
  const text = Buffer.from(bytes).toString('latin1');
  const lines: unknown[] = [];
  let position = 0;
  for (const [index, raw] of text.split('\n').entries()) {
    const mark = index === 0 && raw.startsWith('\xef\xbb\xbf') ? 3 : 0;
    const line = raw.slice(mark).replace(/\r$/, '');
    if (line.length > maxLineBytes) return [...lines, { number: index + 1, tooLong: true }];
    if (/[^ \t\v\f\r]/.test(line)) lines.push({ number: index + 1, start: position + mark, text: line });
    position += raw.length + 1;
  }
  return lines;
}

describe('readLines', () => {
  it('gives lines with where they lie, and leaves out blank ones, which count', async () => {
    expect(await linesOf(Buffer.from('a\n\n \t\r\nbc\r\nd'))).toEqual([
      { number: 1, start: 0, text: 'a' },
      { number: 4, start: 7, text: 'bc' },
      { number: 5, start: 11, text: 'd' },
    ]);
  });

  it('leaves out a byte order mark at the start of the file, and nowhere else', async () => {
    expect(await linesOf(Buffer.from('\ufeffa\n\ufeffb'), [2])).toEqual([
      { number: 1, start: 3, text: 'a' },
      { number: 2, start: 5, text: '\xef\xbb\xbfb' },
    ]);
    expect(await linesOf(Buffer.from('\ufeff'))).toEqual([]);
  });

  it.each([
    ['', MAX, true],
    ['', MAX + 1, false],
    ['\ufeff', MAX, true],
    ['\ufeff', MAX + 1, false],
  ])('after "%s" takes a line of %i bytes: %s', async (mark, length, fits) => {
    for (const end of ['', '\n', '\r\n']) {
      const [line] = await linesOf(Buffer.from(mark + 'x'.repeat(length) + end));
      expect(line).toMatchObject(fits ? { text: 'x'.repeat(length) } : { number: 1, tooLong: true });
    }
  });

  it('passes blank lines without a look at each: a file may have a hundred million', () => {
    const cutter = new LineCutter(MAX);
    const looks = vi.spyOn(Buffer.prototype, 'indexOf');
    try {
      const lines = [...cutter.push(Buffer.from(`${'\n \r\n'.repeat(10_000)}x\n`))];
      expect(looks.mock.calls.length).toBeLessThan(10);
      expect(lines.map(shown)).toEqual([{ number: 20_001, start: 40_000, text: 'x' }]);
    } finally {
      looks.mockRestore();
    }
  });

  it('stops at a line that is too long without reading on', async () => {
    let read = 0;
    async function* endless() {
      for (;;) {
        read += 1;
        yield Buffer.from('xxxxx');
      }
    }
    const lines: unknown[] = [];
    for await (const line of readLines(endless(), MAX)) lines.push(shown(line));
    expect(lines).toEqual([{ number: 1, tooLong: true }]);
    expect(read).toBe(4);
  });

  it('is what the whole text in the simplest way is, wherever it is cut', async () => {
    const piece = fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom('\n', '\r', '\r\n', ' ', '\t', '\v', '\f', '\xef\xbb\xbf') },
      { weight: 2, arbitrary: fc.string({ unit: fc.constantFrom('a', '{', '\xff', '\0'), maxLength: 14 }) },
    );
    const text = fc.array(piece, { maxLength: 30 }).map((pieces) => Buffer.from(pieces.join(''), 'latin1'));
    const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(text, sizes, fc.integer({ min: 1, max: 14 }), async (bytes, cuts, maxLineBytes) => {
        expect(await linesOf(bytes, cuts, maxLineBytes)).toEqual(reference(bytes, maxLineBytes));
      }),
      { numRuns: 2000 },
    );
  });
});
