import { ApiError, errorEnvelope } from '@zerogpu/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readLines } from './read-lines.ts';
import {
  checkInputSize,
  InputCheck,
  type InputLimits,
  type InputLine,
  parseLine,
  quoted,
} from './validate-input.ts';

const CHAT = '/v1/chat/completions';
const OTHER = '/v1/responses';
const LIMITS: InputLimits = { endpoints: [CHAT, OTHER], maxLines: 4, maxFileBytes: 1000, maxLineBytes: 200 };

const request = (changes: object = {}) => ({
  custom_id: 'a',
  method: 'POST',
  url: CHAT,
  body: { model: 'm' },
  ...changes,
});

type Fault = Pick<ApiError, 'code' | 'message' | 'line' | 'param'>;
const faultOf = ({ code, message, line, param }: Fault): Fault => ({ code, message, line, param });

/** The lines of a file that passes, or its first fault. */
async function check(
  text: string | Uint8Array,
  endpoint = CHAT,
  limits = LIMITS,
): Promise<readonly InputLine[] | Fault> {
  const inputCheck = new InputCheck(endpoint, limits);
  const lines: InputLine[] = [];
  const bytes = Buffer.from(text);
  const chunks = (async function* () {
    for (let from = 0; from < bytes.length; from += 7) yield bytes.subarray(from, from + 7);
  })();
  try {
    checkInputSize(bytes.length, limits);
    for await (const line of readLines(chunks, limits.maxLineBytes)) {
      lines.push(inputCheck.take(line, line.bytes === null ? undefined : parseLine(line.bytes)));
    }
    inputCheck.end();
    return lines;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    // Nothing that is quoted may break the answer.
    expect(JSON.parse(JSON.stringify(errorEnvelope(error)))).toEqual(errorEnvelope(error));
    return faultOf(error);
  }
}

const jsonl = (...lines: readonly unknown[]) =>
  lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n');

const missing = (field: string, line = 1): Fault => ({
  code: 'missing_required_parameter',
  message: `Line ${line} is missing ${field}`,
  line,
  param: field,
});
const wrong = (message: string, line: number | null, param: string | null): Fault => ({
  code: 'invalid_value',
  message,
  line,
  param,
});
const notJson = (line: number): Fault => ({
  code: 'invalid_json',
  message: `Line ${line} is not valid JSON`,
  line,
  param: null,
});
const notObject = (line: number): Fault => ({
  code: 'invalid_type',
  message: `Line ${line} must be a JSON object`,
  line,
  param: null,
});

describe('an input file that passes', () => {
  it('gives for each line where it lies and its id as JSON', async () => {
    const first = JSON.stringify(request({ custom_id: 'nul \0, half \ud800' }));
    const second = JSON.stringify(request({ custom_id: 'ü', body: {} }));
    expect(await check(`\ufeff${first}\r\n\n  ${second}`)).toEqual([
      { number: 1, customId: '"nul \\u0000, half \\ud800"', start: 3, length: first.length },
      {
        number: 3,
        customId: '"ü"',
        start: first.length + 3 + 3,
        length: Buffer.byteLength(second) + 2,
      },
    ]);
  });

  it('may be as large as every limit', async () => {
    const line = (id: string) => {
      const bare = JSON.stringify(request({ custom_id: id, body: { text: '' } })).length;
      return JSON.stringify(
        request({ custom_id: id, body: { text: 'x'.repeat(LIMITS.maxLineBytes - bare) } }),
      );
    };
    const text = ['a', 'b', 'c', 'd'].map(line).join('\n');
    expect(await check(text, CHAT, { ...LIMITS, maxFileBytes: text.length })).toHaveLength(4);
  });

  it('may tell ids apart by what UTF-8 cannot hold', async () => {
    const ids = ['\ud800', '\udc00', '\ufffd'];
    expect(await check(jsonl(...ids.map((id) => request({ custom_id: id }))))).toHaveLength(3);
  });

  it('may hold lines that fail later: nested however deep, a stream of another type', async () => {
    const deep = 100_000;
    const body = `{"custom_id":"a","method":"POST","url":"${CHAT}","body":{"x":${'['.repeat(deep)}${']'.repeat(deep)}}}`;
    const limits = { ...LIMITS, maxFileBytes: 1e7, maxLineBytes: 1e7 };
    expect(await check(body, CHAT, limits)).toHaveLength(1);
    expect(await check(jsonl(request({ body: { stream: 'true' } })))).toHaveLength(1);
  });
});

describe('the first fault of an input file', () => {
  const long = request({ body: { text: 'x'.repeat(200) } });
  const good = request({ custom_id: 'first' });
  it.each<[string, string | Uint8Array, Fault]>([
    ['no bytes', '', wrong('Input file contains no JSONL lines', null, 'input_file_id')],
    [
      'blank lines alone',
      '\ufeff\n \r\n\t',
      wrong('Input file contains no JSONL lines', null, 'input_file_id'),
    ],
    [
      'too many bytes',
      'x'.repeat(1001),
      wrong('Input file exceeds maximum size of 1000 bytes', null, 'input_file_id'),
    ],
    [
      'too many lines',
      jsonl(...'abcd'.split('').map((id) => request({ custom_id: id })), '', 'no JSON'),
      wrong('Input file exceeds maximum of 4 lines', null, 'input_file_id'),
    ],
    ['a long line', jsonl('', long, 'no JSON'), wrong('Line 2 exceeds maximum size of 200 bytes', 2, null)],
    ['no JSON', jsonl(good, '{"custom_id":'), notJson(2)],
    [
      'no UTF-8',
      Buffer.concat([Buffer.from('{"custom_id":"'), Buffer.from([0xff]), Buffer.from('"}')]),
      notJson(1),
    ],
    ['a mark in the middle of the file', `${jsonl(good)}\n\ufeff${jsonl(request())}`, notJson(2)],
    ['a control character', '{"custom_id":"\u0001"}', notJson(1)],
    ['an array', '[]', notObject(1)],
    ['null', jsonl(good, '', 'null'), notObject(3)],
    ['a text', '"text"', notObject(1)],
    ['no custom_id', jsonl({ method: 'GET' }), missing('custom_id')],
    ['an empty custom_id', jsonl(request({ custom_id: '' })), missing('custom_id')],
    ['a custom_id that is a number', jsonl(good, request({ custom_id: 7 })), missing('custom_id', 2)],
    [
      'a custom_id again',
      jsonl(good, request(), request({ custom_id: 'first', method: 'GET' })),
      wrong('Line 3 duplicates custom_id "first"', 3, 'custom_id'),
    ],
    [
      'another method',
      jsonl(request({ method: 'post', url: 1 })),
      wrong('Line 1 method must be "POST"', 1, 'method'),
    ],
    ['no method', jsonl(request({ method: undefined })), wrong('Line 1 method must be "POST"', 1, 'method')],
    ['no url', jsonl(request({ url: undefined, body: 1 })), missing('url')],
    ['a url that is a number', jsonl(request({ url: 1 })), missing('url')],
    [
      'another url',
      jsonl(good, request({ url: '/v1/none', body: 1 })),
      wrong('Line 2 url "/v1/none" is not an allowed batch endpoint', 2, 'url'),
    ],
    [
      'the url of another endpoint in the first line',
      jsonl(request({ url: OTHER, body: 1 })),
      wrong(`endpoint "${CHAT}" does not match the url "${OTHER}" used by the input file`, null, 'endpoint'),
    ],
    [
      'the url of another endpoint later',
      jsonl(good, request({ url: OTHER, body: 1 })),
      wrong(`Line 2 url "${OTHER}" does not match the batch endpoint "${CHAT}"`, 2, 'url'),
    ],
    ['no body', jsonl(request({ body: undefined })), missing('body')],
    ['a body that is an array', jsonl(request({ body: [] })), missing('body')],
    ['a body that is null', jsonl(request({ body: null })), missing('body')],
    [
      'a stream',
      jsonl(request({ body: { stream: true } })),
      wrong('Line 1 has stream=true; streaming is not supported in batch mode', 1, 'body.stream'),
    ],
    ['the first of two', jsonl(good, '[]', long), notObject(2)],
  ])('%s', async (_, text, fault) => {
    expect(await check(text)).toEqual(fault);
  });

  it('is the endpoint where no line may ask for it', async () => {
    const fault = `endpoint "/v1/none" does not match the url "${CHAT}" used by the input file`;
    expect(await check(jsonl(good), '/v1/none')).toEqual(wrong(fault, null, 'endpoint'));
    const line = 'Line 1 url "/v1/none" is not an allowed batch endpoint';
    expect(await check(jsonl(request({ url: '/v1/none' })), '/v1/none')).toEqual(wrong(line, 1, 'url'));
  });

  it('quotes what was written, cut, and without a secret', async () => {
    const limits = { ...LIMITS, maxFileBytes: 10_000, maxLineBytes: 3_000 };
    const id = `"${'🦉'.repeat(300)}`;
    const cut = `"${'🦉'.repeat(99)}…`;
    const twice = jsonl(request({ custom_id: id }), request({ custom_id: id }));
    expect(await check(twice, CHAT, limits)).toMatchObject({
      message: `Line 2 duplicates custom_id "${cut}"`,
    });
    const key = `zgpu-api-EXAMPLE${'0'.repeat(31)}`;
    const message = 'Line 1 url "zgpu-api-…" is not an allowed batch endpoint';
    expect(await check(jsonl(request({ url: key })), CHAT, limits)).toMatchObject({ message });
  });

  it('is the first of the simplest reading of the whole file', async () => {
    const field = <T>(usual: T, ...others: readonly unknown[]) =>
      fc.oneof({ weight: 8, arbitrary: fc.constant(usual) }, fc.constantFrom(undefined, null, ...others));
    const object = fc.record({
      custom_id: fc.oneof({ weight: 8, arbitrary: fc.string() }, fc.constantFrom(undefined, '', 0)),
      method: field('POST', 'GET'),
      url: field(CHAT, OTHER, '/v1/none', ''),
      body: field<unknown>({}, { stream: true }, { stream: false }, [], 'x'),
    });
    const line = fc.oneof(
      { weight: 8, arbitrary: object.map((value) => JSON.stringify(value)) },
      fc.json(),
      fc.string(),
      fc.constantFrom('', ' ', `"${'x'.repeat(300)}"`),
    );
    const file = fc.array(line, { maxLength: 8 });
    const endpoint = fc.constantFrom(CHAT, CHAT, OTHER, '/v1/none');
    const seen = { passed: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(file, endpoint, async (lines, asked) => {
        const outcome = await check(lines.join('\n'), asked);
        expect('message' in outcome ? outcome.message : outcome.length).toEqual(naive(lines, asked));
        seen['message' in outcome ? 'refused' : 'passed'] += 1;
      }),
      { numRuns: 2000 },
    );
    expect(seen.passed).toBeGreaterThan(50);
    expect(seen.refused).toBeGreaterThan(50);
  });
});

/** How many lines, or the first message. */
function naive(chunks: readonly string[], endpoint: string): number | string {
  const text = chunks.join('\n');
  if (Buffer.byteLength(text) > LIMITS.maxFileBytes) return 'Input file exceeds maximum size of 1000 bytes';
  const ids: string[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const name = `Line ${index + 1}`;
    if (/^[ \t\v\f\r]*$/.test(line)) continue;
    if (ids.length === 4) return 'Input file exceeds maximum of 4 lines';
    if (Buffer.byteLength(line.replace(/\r$/, '')) > 200) return `${name} exceeds maximum size of 200 bytes`;
    const value = parsed(line);
    if (value === undefined) return `${name} is not valid JSON`;
    if (Object.prototype.toString.call(value) !== '[object Object]') return `${name} must be a JSON object`;
    const { custom_id: id, method, url, body } = value;
    if (typeof id !== 'string' || id.length === 0) return `${name} is missing custom_id`;
    if (ids.includes(id)) return `${name} duplicates custom_id "${quoted(id)}"`;
    ids.push(id);
    if (method !== 'POST') return `${name} method must be "POST"`;
    if (typeof url !== 'string' || url.length === 0) return `${name} is missing url`;
    if (url !== CHAT && url !== OTHER) return `${name} url "${url}" is not an allowed batch endpoint`;
    if (url !== endpoint && ids.length === 1)
      return `endpoint "${endpoint}" does not match the url "${url}" used by the input file`;
    if (url !== endpoint) return `${name} url "${url}" does not match the batch endpoint "${endpoint}"`;
    if (Object.prototype.toString.call(body) !== '[object Object]') return `${name} is missing body`;
    if (body.stream === true) return `${name} has stream=true; streaming is not supported in batch mode`;
  }
  return ids.length === 0 ? 'Input file contains no JSONL lines' : ids.length;
}

// biome-ignore lint/suspicious/noExplicitAny: whatever stands there, which the reading goes on to look at
function parsed(line: string): any {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
