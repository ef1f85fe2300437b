import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readContentType, readDisposition, safeFilename } from './form-headers.ts';

describe('readContentType', () => {
  it.each([
    ['multipart/form-data; boundary=abc', 'multipart/form-data', 'abc'],
    ['Multipart/Form-Data;BOUNDARY="a b;c"', 'multipart/form-data', 'a b;c'],
    ['multipart/form-data; charset=utf-8; boundary=abc', 'multipart/form-data', 'abc'],
    ['multipart/form-data', 'multipart/form-data', null],
    ['multipart/form-data; boundary=', 'multipart/form-data', null],
    [`multipart/form-data; boundary=${'a'.repeat(300)}`, 'multipart/form-data', null],
    ['application/json', 'application/json', null],
    ['', '', null],
  ])('%s', (header, essence, boundary) => {
    expect(readContentType(header)).toEqual({ essence, boundary });
  });
});

describe('readDisposition', () => {
  it.each([
    ['form-data; name="file"; filename="a.jsonl"', 'file', 'a.jsonl'],
    ['form-data; name=file; filename=a.jsonl', 'file', 'a.jsonl'],
    ['form-data; name="file"', 'file', null],
    ['form-data; filename="a; name=b"; name="c"', 'c', 'a; name=b'],
    ['form-data; name="file"; filename="a \\"b\\" \\\\ c"', 'file', 'c'],
    ['form-data; name="file"; filename="a \\"b\\".jsonl"', 'file', 'a "b".jsonl'],
    ['form-data; name="file"; filename="a %22b%22.jsonl"', 'file', 'a "b".jsonl'],
    ['form-data; name="file"; filename="C:\\data\\in.jsonl"', 'file', 'in.jsonl'],
    ['form-data; name="file"; filename="../../etc/passwd"', 'file', 'passwd'],
    ['form-data; name="file"; filename=".."', 'file', null],
    ['form-data; name="file"; filename=""', 'file', null],
    ['form-data; name="file"; filename="naïve 日本.jsonl"', 'file', 'naïve 日本.jsonl'],
    [`form-data; name="file"; filename="x"; filename*=UTF-8''na%C3%AFve.jsonl`, 'file', 'naïve.jsonl'],
    [`form-data; name="file"; filename="x"; filename*=utf-8'en'%E0%A4%A`, 'file', 'x'],
    [`form-data; name="file"; filename*=UTF-8''a%00b%2Fc%0d%0a.jsonl`, 'file', 'c.jsonl'],
    ['form-data; name="a"; name="file"', 'a', null],
    ['form-data; filename="a"', null, null],
    ['attachment; name="file"', null, null],
    ['', null, null],
  ])('%s', (value, name, filename) => {
    expect(readDisposition(`x: y\r\nContent-Disposition: ${value}\r\nz: y`)).toEqual({ name, filename });
  });

  it('needs the header', () => {
    expect(readDisposition('content-type: text/plain')).toEqual({ name: null, filename: null });
    expect(readDisposition('')).toEqual({ name: null, filename: null });
  });
});

describe('safeFilename', () => {
  it('leaves a name that any database and header can take', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (text) => {
        const name = safeFilename(text);
        if (name === null) return;
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255);
        expect(name).not.toMatch(/[\p{Cc}/\\]/u);
        expect(name.isWellFormed()).toBe(true);
        expect(['', '.', '..']).not.toContain(name);
      }),
    );
  });
});
