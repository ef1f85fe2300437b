import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ServerSentEvent, SseParser } from './sse.ts';

const parse = (...pieces: string[]): ServerSentEvent[] => {
  const parser = new SseParser();
  return pieces.flatMap((piece) => parser.push(piece));
};
const message = (data: string): ServerSentEvent => ({ event: 'message', data });

describe('SseParser', () => {
  test.each<[string, string, ServerSentEvent[]]>([
    ['one event', 'data: a\n\n', [message('a')]],
    ['several data lines', 'data: a\ndata: b\ndata:\n\n', [message('a\nb\n')]],
    ['a named event', 'event: x\ndata: a\n\ndata: b\n\n', [{ event: 'x', data: 'a' }, message('b')]],
    ['only the first space goes', 'data:  a\n\ndata:b\n\n', [message(' a'), message('b')]],
    ['comments and unknown fields', ': ping\nid: 7\nretry: 1\nfoo\ndata: a\n\n', [message('a')]],
    ['an event without data is none', 'event: x\n\ndata: a\n\n', [message('a')]],
    ['an empty data line is data', 'data\n\n', [message('')]],
    ['CRLF and CR', 'data: a\r\n\r\ndata: b\r\rdata: c\r\n\n', [message('a'), message('b'), message('c')]],
    ['what was not ended is dropped', 'data: a\n\ndata: b\n', [message('a')]],
    ['a colon in data', 'data: {"a":1}\n\n', [message('{"a":1}')]],
  ])('%s', (_, text, events) => {
    expect(parse(text)).toEqual(events);
  });

  test('CR and LF that arrive apart are one line end', () => {
    expect(parse('data: a\r', '\ndata: b\r', '\n\r', '\n')).toEqual([message('a\nb')]);
    expect(parse('data: a\r', '', '\n\r', '', '\n')).toEqual([message('a')]);
  });

  test('gives the same events wherever the text is cut', () => {
    const piece = fc.constantFrom(
      'data: ',
      'data',
      'event: x',
      ':',
      '\r',
      '\n',
      '\r\n',
      '\n\n',
      'é',
      '😀',
      '{}',
    );
    const text = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(text, fc.array(fc.nat(400), { maxLength: 20 }), (whole, marks) => {
        const cuts = [...new Set(marks.map((mark) => mark % (whole.length + 1)))].sort((a, b) => a - b);
        const pieces = [0, ...cuts].map((from, i) => whole.slice(from, cuts[i] ?? whole.length));
        expect(parse(...pieces)).toEqual(parse(whole));
      }),
      { numRuns: 2000 },
    );
  });

  test('carries any data that a server can frame', () => {
    const line = fc.string({ unit: 'binary', maxLength: 30 }).map((text) => text.replace(/[\r\n]/g, ''));
    fc.assert(
      fc.property(fc.array(line, { minLength: 1 }), fc.constantFrom('\n', '\r', '\r\n'), (lines, end) => {
        const text = lines.map((data) => `data: ${data}${end}`).join('') + end;
        expect(parse(...text)).toEqual([message(lines.join('\n'))]);
      }),
    );
  });

  test('refuses an event beyond the bound, in one line or in many', () => {
    expect(() => new SseParser(10).push('data: 0123456789')).toThrow(RangeError);
    const parser = new SseParser(10);
    expect(() => {
      for (let i = 0; i < 20; i++) parser.push('data\n');
    }).toThrow(RangeError);
  });

  test('comments without end are not held', () => {
    const parser = new SseParser(100);
    for (let i = 0; i < 1000; i++) expect(parser.push(': keep-alive\n')).toEqual([]);
    expect(parser.push('data: a\n\n')).toEqual([message('a')]);
  });
});
