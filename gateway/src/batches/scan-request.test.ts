import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RequestScan } from './scan-request.ts';

/** @returns undefined for what is no JSON */
function scanned(bytes: Buffer, pieceBytes?: number): unknown {
  const scan = new RequestScan(bytes, pieceBytes);
  while (scan.step());
  return asSeen(scan.value);
}

function parsed(bytes: Buffer): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return asSeen(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** All that a batch asks of a line. */
function asSeen(value: unknown): unknown {
  if (value === undefined) return undefined;
  if (!isObject(value)) return 'no object';
  const { custom_id, method, url, body } = value;
  const texts = [custom_id, method, url].map((field) => (typeof field === 'string' ? field : null));
  return [...texts, isObject(body) ? body['stream'] === true : 'no body'];
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  Object.prototype.toString.call(value) === '[object Object]';

const NAMES = ['custom_id', 'method', 'url', 'body', 'stream', 'cust\\u006fm_id', '__proto__', 'x', ''];
/** JSON as text, with names that come again and again, also twice in one object. */
const { json } = fc.letrec<{ json: string; object: string; array: string }>((tie) => ({
  json: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(
      'true',
      'false',
      'null',
      '0',
      '-0',
      '-1.5e+3',
      '2E-7',
      '"text"',
      '"\\ud800"',
      '"\\"\\\\"',
      '""',
    ),
    fc.string().map((text) => JSON.stringify(text)),
    tie('object'),
    tie('array'),
  ),
  object: fc
    .array(fc.tuple(fc.constantFrom(...NAMES), tie('json')), { maxLength: 5 })
    .map((fields) => `{${fields.map(([name, value]) => ` "${name}"\t:${value} `).join(',')}}`),
  array: fc.array(tie('json'), { maxLength: 3 }).map((items) => `[${items.join(' ,')}]`),
}));
const request = fc
  .array(fc.tuple(fc.constantFrom(...NAMES), json), { maxLength: 6 })
  .map((fields) => `{${fields.map(([name, value]) => `"${name}":${value}`).join(',')}}`);
/** What chance alone makes too seldom. */
const streaming = json.map((text) => `{"custom_id":${text},"body":{"x":${text}, "stream" : true}}`);
const bytes = fc.oneof(json, request, streaming).map((text) => Buffer.from(text));

/** A byte is changed, taken out or put in. */
const harm = fc.tuple(
  bytes,
  fc.nat(),
  fc.constantFrom(...Buffer.from('{}[]",:\\u0-+.eE \n\x00t'), 0xff, 0xc3, 0xef),
  fc.constantFrom('change', 'remove', 'insert'),
);
const harmed = harm.map(([good, place, byte, how]) => {
  const at = place % (good.length + 1);
  const between = how === 'remove' ? [] : [byte];
  return Buffer.concat([
    good.subarray(0, at),
    Buffer.from(between),
    good.subarray(at + (how === 'insert' ? 0 : 1)),
  ]);
});

const pieces = fc.integer({ min: 1, max: 20 });

describe('RequestScan', () => {
  it('sees what JSON.parse sees', () => {
    let requests = 0;
    fc.assert(
      fc.property(bytes, pieces, (text, pieceBytes) => {
        const seen = scanned(text, pieceBytes);
        expect(seen).toEqual(parsed(text));
        if (Array.isArray(seen) && seen[3] === true) requests += 1;
      }),
      { numRuns: 5000 },
    );
    expect(requests).toBeGreaterThan(0);
  });

  it('is broken by what breaks JSON.parse', () => {
    let broken = 0;
    fc.assert(
      fc.property(harmed, pieces, (text, pieceBytes) => {
        const seen = scanned(text, pieceBytes);
        expect(seen).toEqual(parsed(text));
        if (seen === undefined) broken += 1;
      }),
      { numRuns: 10_000 },
    );
    expect(broken).toBeGreaterThan(1000);
  });

  it.each([
    ...[
      '',
      ' ',
      '01',
      '-',
      '1.',
      '.5',
      '1e',
      '+1',
      '1e+',
      'tru',
      'truex',
      'nul',
      'NaN',
      "'a'",
      '"',
      '"\\x"',
      '"\\u12"',
    ],
    ...[
      '"\\u00g0"',
      '"\t"',
      '{',
      '}',
      '[1,]',
      '[,1]',
      '{"a":1,}',
      '{"a"}',
      '{"a" 1}',
      '{a:1}',
      '{1:1}',
      '[1 2]',
      '[}',
    ],
    ...[
      '1 1',
      '{}{}',
      '[]]',
      '\ufeff{}',
      '{"a":}',
      '{,}',
      '"\\',
      '"\\u',
      '\u00a0{}',
      '{"body":{"stream":true}',
      '0x1',
    ],
  ])('refuses %j', (text) => {
    expect(parsed(Buffer.from(text))).toBeUndefined();
    expect(scanned(Buffer.from(text))).toBeUndefined();
  });

  it.each([
    ['{"body":{"stream":true,"stream":false}}', [null, null, null, false]],
    ['{"body":{"stream":true},"body":{}}', [null, null, null, false]],
    ['{"body":{"stream":true},"body":[]}', [null, null, null, 'no body']],
    ['{"body":[{"stream":true}],"x":{"stream":true}}', [null, null, null, 'no body']],
    ['{"body":{"x":{"stream":true},"str\\u0065am":true}}', [null, null, null, true]],
    ['{"url":"a","\\u0075rl":"b","method":1,"custom_id":"\\ud83e\\udd89 ü"}', ['🦉 ü', null, 'b', 'no body']],
    ['[{"url":"a"}]', 'no object'],
  ])('of %s sees %j', (text, seen) => {
    expect(parsed(Buffer.from(text))).toEqual(seen);
    expect(scanned(Buffer.from(text))).toEqual(seen);
  });

  it('reads a long line in pieces', () => {
    const deep = 200_000;
    const text = 'x'.repeat(200_000);
    const long = `{"body":{"x":${'['.repeat(deep)}${']'.repeat(deep)},"y":"${text}","stream":true},"url":"u"}`;
    const scan = new RequestScan(Buffer.from(long));
    let pieces = 1;
    while (scan.step()) pieces += 1;
    expect(asSeen(scan.value)).toEqual([null, null, 'u', true]);
    expect(pieces).toBeGreaterThanOrEqual(Math.floor(long.length / (16 * 1024)));
  });
});
