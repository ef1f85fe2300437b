import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MultipartError, MultipartParser } from './multipart.ts';

const BOUNDARY = 'xyz';

interface Part {
  readonly headers: string;
  readonly body: Buffer;
}

/** All parts of a body that comes in these chunks. */
function parse(chunks: readonly (string | Buffer)[], boundary = BOUNDARY): Part[] {
  const parser = new MultipartParser(boundary);
  const parts: { headers: string; data: Buffer[]; whole: boolean }[] = [];
  for (const chunk of chunks) {
    for (const event of parser.push(Buffer.from(chunk))) {
      if (event.kind === 'part') parts.push({ headers: event.headers, data: [], whole: false });
      if (event.kind === 'data') parts.at(-1)?.data.push(event.bytes);
      if (event.kind === 'end') parts.at(-1)!.whole = true;
    }
  }
  parser.finish();
  expect(parts.every(({ whole }) => whole)).toBe(true);
  return parts.map(({ headers, data }) => ({ headers, body: Buffer.concat(data) }));
}

function form(parts: readonly Part[], boundary = BOUNDARY): Buffer {
  const written = parts.flatMap(({ headers, body }) => [
    Buffer.from(`--${boundary}\r\n${headers}${headers === '' ? '' : '\r\n'}\r\n`),
    body,
    Buffer.from('\r\n'),
  ]);
  return Buffer.concat([...written, Buffer.from(`--${boundary}--\r\n`)]);
}

const part = (headers: string, body: string): Part => ({ headers, body: Buffer.from(body) });
const HEADERS = 'content-disposition: form-data; name="a"';

describe('MultipartParser', () => {
  it.each([
    ['one part', [part(HEADERS, 'hello')]],
    ['two parts', [part(HEADERS, 'hello'), part('a: b\r\nc: d', 'world')]],
    ['an empty part', [part(HEADERS, ''), part(HEADERS, 'x')]],
    ['no headers', [part('', 'x')]],
    ['line breaks and dashes', [part(HEADERS, '\r\n--\r\n--xy\r\n--x\r\r\n-\r\n')]],
    ['nested parts', [part('content-type: multipart/mixed; boundary=b', '--b\r\n\r\nx\r\n--b--')]],
  ])('reads %s, cut anywhere', (_name, parts) => {
    const bytes = form(parts);
    for (let cut = 0; cut <= bytes.length; cut++) {
      expect(parse([bytes.subarray(0, cut), bytes.subarray(cut)])).toEqual(parts);
    }
    expect(parse([...bytes].map((byte) => Buffer.from([byte])))).toEqual(parts);
  });

  it('skips what stands before and after, and blanks behind boundaries', () => {
    const body = `This is a form.\r\n--xyz \t\r\n${HEADERS}\r\n\r\nhello\r\n--xyz--\r\nGoodbye\r\n--xyz\r\n`;
    expect(parse([body])).toEqual([part(HEADERS, 'hello')]);
  });

  it('takes a part without an empty line before its end for an empty one', () => {
    expect(parse([`--xyz\r\n${HEADERS}\r\n\r\n--xyz--`])).toEqual([part(HEADERS, '')]);
  });

  it('reads a form without parts', () => {
    expect(parse(['--xyz--'])).toEqual([]);
  });

  it.each([
    ['nothing', '', 'does not hold the boundary'],
    ['no boundary', 'hello', 'does not hold the boundary'],
    ['another boundary', '--abc\r\n\r\nhello\r\n--abc--', 'does not hold the boundary'],
    ['an endless beginning', 'x'.repeat(2_000), 'does not begin with the boundary'],
    ['no end', `--xyz\r\n${HEADERS}\r\n\r\nhello`, 'ends before its last boundary'],
    ['an end cut off', `--xyz\r\n${HEADERS}\r\n\r\nhello\r\n--xyz-`, 'ends before its last boundary'],
    ['headers without end', `--xyz\r\n${'a: b\r\n'.repeat(2_000)}`, 'the headers of a part are larger'],
    [
      'large headers',
      `--xyz\r\na: ${'b'.repeat(9_000)}\r\n\r\nx\r\n--xyz--`,
      'the headers of a part are larger',
    ],
    ['many parts', '--xyz\r\n\r\n\r\n'.repeat(40), 'more than 32 parts'],
    ['a longer boundary', '--xyzzy\r\n\r\nx\r\n--xyz--', 'followed by neither'],
    ['bare line feeds', '--xyz\n\nx\n--xyz--', 'followed by neither'],
    ['many blanks', `--xyz${' '.repeat(100)}`, 'too many blanks'],
  ])('refuses %s', (_name, body, message) => {
    const refused = (chunks: readonly (string | Buffer)[]) => {
      expect(() => parse(chunks)).toThrow(MultipartError);
      expect(() => parse(chunks)).toThrow(message);
    };
    refused([body]);
    refused([...Buffer.from(body)].map((byte) => Buffer.from([byte])));
  });

  it('holds no more than a little of a body that goes on', () => {
    const parser = new MultipartParser(BOUNDARY);
    parser.push(Buffer.from(`--xyz\r\n${HEADERS}\r\n\r\n`));
    const chunk = Buffer.alloc(64 * 1024, '\r\n--xy');
    for (let i = 0; i < 100; i++) {
      const given = parser
        .push(chunk)
        .reduce((sum, one) => sum + (one.kind === 'data' ? one.bytes.length : 0), 0);
      expect(given).toBeGreaterThan(chunk.length - 10);
    }
  });

  it('gives back whatever was put into a form, however it is cut', () => {
    const body = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      // What looks like a boundary and is none.
      fc
        .array(fc.constantFrom('\r', '\n', '-', '--', '\r\n--', 'x', 'y', 'xy'), { maxLength: 40 })
        .map((all) => Buffer.from(all.join('').replaceAll('\r\n--xyz', ''))),
    );
    const parts = fc.array(fc.record({ headers: fc.constantFrom('', HEADERS, 'a: b\r\nc: d'), body }), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(parts, fc.array(fc.nat(2_000), { maxLength: 12 }), (given, cuts) => {
        const whole = given
          .map((one) => ({ ...one, body: Buffer.from(one.body) }))
          .filter(
            (one) => !one.body.includes('\r\n--xyz') && !one.body.toString('latin1').startsWith('--xyz'),
          );
        const bytes = form(whole);
        const places = [
          0,
          ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b),
          bytes.length,
        ];
        const chunks = places.slice(1).map((end, i) => bytes.subarray(places[i], end));
        expect(parse(chunks)).toEqual(whole);
      }),
      { numRuns: 500 },
    );
  });

  it('says the same of any bytes, however they are cut', () => {
    const outcome = (chunks: readonly Buffer[]) => {
      try {
        return parse(chunks);
      } catch (error) {
        if (!(error instanceof MultipartError)) throw error;
        return 'refused';
      }
    };
    const bytes = fc
      .array(fc.constantFrom('--xyz', '--', '\r\n', '\r\n--xyz', 'a: b', ' ', 'x', '\r', '\n', '--xyz--'), {
        maxLength: 30,
      })
      .map((all) => Buffer.from(all.join('')));
    fc.assert(
      fc.property(bytes, (all) => {
        expect(outcome([...all].map((byte) => Buffer.from([byte])))).toEqual(outcome([all]));
      }),
      { numRuns: 1_000 },
    );
  });
});
