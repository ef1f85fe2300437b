/** Input files of batches that no honest client sends, and what must become of each: a naive reading of the contract. */
import { BATCH_ENDPOINT } from '@zerogpu/protocol';
import fc from 'fast-check';
import { SUMMARY } from './scripted-node.ts';

/** Small, so that each is reached. */
export const INPUT_LIMITS = { maxLines: 30, maxLineBytes: 3_000, maxFileBytes: 30_000 };

/** Either the first fault, or the ids that must come out. */
export type InputVerdict =
  | { readonly kind: 'refused'; readonly message: string; readonly line: number | null }
  | { readonly kind: 'begun'; readonly customIds: readonly string[] };

/** Written from the contract, with none of the gateway's code, without a thought for memory or time. */
export function naiveVerdict(file: Uint8Array): InputVerdict {
  const { maxLines, maxLineBytes, maxFileBytes } = INPUT_LIMITS;
  const bytes = Buffer.from(file);
  if (bytes.length > maxFileBytes) return refused(`Input file exceeds maximum size of ${maxFileBytes} bytes`);
  const seen: string[] = [];
  // One character for each byte.
  const lines = bytes
    .toString('latin1')
    .replace(/^\xef\xbb\xbf/, '')
    .split('\n');
  for (const [i, latin] of lines.entries()) {
    const line = latin.replace(/\r$/, '');
    if (line.length <= maxLineBytes && /^[\t\v\f\r ]*$/.test(line)) continue;
    if (seen.length === maxLines) return refused(`Input file exceeds maximum of ${maxLines} lines`);
    const fault = faultOf(Buffer.from(line, 'latin1'), seen);
    if (fault !== null) return { kind: 'refused', message: `Line ${i + 1} ${fault}`, line: i + 1 };
    seen.push(JSON.parse(Buffer.from(line, 'latin1').toString()).custom_id);
  }
  if (seen.length === 0) return refused('Input file contains no JSONL lines');
  return { kind: 'begun', customIds: seen };
}

const refused = (message: string): InputVerdict => ({ kind: 'refused', message, line: null });

function faultOf(line: Buffer, seen: readonly string[]): string | null {
  if (line.length > INPUT_LIMITS.maxLineBytes) {
    return `exceeds maximum size of ${INPUT_LIMITS.maxLineBytes} bytes`;
  }
  const text = line.toString('utf8');
  const value = Buffer.from(text).equals(line) ? parsed(text) : undefined;
  if (value === undefined) return 'is not valid JSON';
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'must be a JSON object';
  return faultOfRequest(value, seen);
}

function faultOfRequest(request: object, seen: readonly string[]): string | null {
  const { custom_id, method, url, body } = Object.fromEntries(Object.entries(request));
  if (typeof custom_id !== 'string' || custom_id === '') return 'is missing custom_id';
  if (seen.includes(custom_id)) return `duplicates custom_id "${shortened(custom_id)}"`;
  if (method !== 'POST') return 'method must be "POST"';
  if (typeof url !== 'string' || url === '') return 'is missing url';
  if (url !== BATCH_ENDPOINT) return `url "${shortened(url)}" is not an allowed batch endpoint`;
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return 'is missing body';
  const stream = Object.getOwnPropertyDescriptor(body, 'stream')?.value;
  return stream === true ? 'has stream=true; streaming is not supported in batch mode' : null;
}

/** What is long is cut by the server as it likes: the test compares up to there. */
const shortened = (text: string) => (text.length > 100 ? `${text.slice(0, 100)}${CUT}` : text);
export const CUT = '\u{f8ff}';

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const nastyId = fc.constantFrom(
  'a',
  'b',
  '__proto__',
  'constructor',
  '\u0000',
  '\ud800',
  '\udc00\ud800',
  '😀'.repeat(50),
  'e\u0301',
  'é',
  ' ',
  '\n',
  '"',
  '\\',
  "'; DROP TABLE batches; --",
  'x'.repeat(1_500),
  '\ufeff',
  '{"a":1}',
);
const anyId = fc.oneof(
  { weight: 6, arbitrary: fc.uuid() },
  { weight: 3, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }) },
  { weight: 1, arbitrary: nastyId },
);
const content = fc.oneof(
  { weight: 5, arbitrary: fc.string({ minLength: 1, maxLength: 60 }) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  { weight: 1, arbitrary: fc.constantFrom('', '\u0000', '\ud83d', 'word '.repeat(300)) },
);
const goodBody = content.map((text) => ({ model: SUMMARY, messages: [{ role: 'user', content: text }] }));
const oddBody = fc.oneof(
  fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })),
  fc.jsonValue({ maxDepth: 3 }).map((value) => ({ model: SUMMARY, messages: value })),
  fc
    .jsonValue({ maxDepth: 2 })
    .map((value) => ({ model: value, messages: [{ role: 'user', content: 'x' }] })),
  fc.jsonValue({ maxDepth: 2 }).map((value) => ({ model: SUMMARY, messages: [value] })),
  fc
    .tuple(
      fc.constantFrom('temperature', 'max_tokens', 'metadata', 'n', 'stop', 'stream', 'tools'),
      fc.jsonValue(),
    )
    .map(([name, value]) => ({ model: SUMMARY, messages: [{ role: 'user', content: 'x' }], [name]: value })),
  fc
    .integer({ min: 10, max: 400 })
    .map((depth) => JSON.parse(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`)),
);
const goodLine = fc.record({
  custom_id: anyId,
  method: fc.constant('POST'),
  url: fc.constant(BATCH_ENDPOINT),
  body: fc.oneof({ weight: 5, arbitrary: goodBody }, { weight: 1, arbitrary: oddBody }),
});
const good = goodLine.map((line) => Buffer.from(JSON.stringify(line)));
const anything = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom<unknown>(null, '', 0, true, [], {}, 'GET', 'post', '/v1/embeddings', 'x'.repeat(400)),
);

/** A good line of which one thing is otherwise. */
const mutated = fc.oneof(
  fc
    .tuple(goodLine, fc.constantFrom('custom_id', 'method', 'url', 'body'), anything)
    .map(([line, name, value]) => Buffer.from(JSON.stringify({ ...line, [name]: value }))),
  fc
    .tuple(goodLine, fc.constantFrom('custom_id', 'method', 'url', 'body'))
    .map(([line, name]) => Buffer.from(JSON.stringify({ ...line, [name]: undefined }))),
  fc.tuple(good, fc.double({ min: 0, max: 1, noNaN: true })).map(([line, part]) => {
    return line.subarray(0, Math.floor(part * line.length));
  }),
  fc.tuple(good, fc.nat(), fc.integer({ min: 0, max: 255 })).map(([line, place, byte]) => {
    const copy = Buffer.from(line);
    copy[place % copy.length] = byte;
    return copy;
  }),
  goodLine.map((line) =>
    Buffer.from(JSON.stringify({ ...line, body: { ...Object(line.body), stream: true } })),
  ),
  fc
    .tuple(
      goodLine,
      fc.constantFrom('/v1/responses', '/v1/chat/completions/', '/v1/Chat/completions', 'u'.repeat(300)),
    )
    .map(([line, url]) => Buffer.from(JSON.stringify({ ...line, url }))),
  goodLine.map((line) => Buffer.from(`${JSON.stringify(line)}${JSON.stringify(line)}`)),
);
const bad = fc.oneof(
  { weight: 6, arbitrary: mutated },
  { weight: 1, arbitrary: fc.json().map((text) => Buffer.from(text)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)) },
  { weight: 1, arbitrary: fc.constantFrom(0, 1, 2, 600).map((more) => Buffer.alloc(2_999 + more, '{')) },
);
const blank = fc.constantFrom('', ' ', '\t', '\r', '\v\f', '   \r').map((text) => Buffer.from(text));
const ending = fc.constantFrom('\n', '\n', '\n', '\r\n').map((text) => Buffer.from(text));

const lineOf = (goodOnes: number, badOnes: number) =>
  fc.tuple(
    fc.oneof(
      { weight: goodOnes, arbitrary: good },
      { weight: badOnes, arbitrary: bad },
      { weight: 2, arbitrary: blank },
    ),
    ending,
  );

/** Exactly at a limit, and one over it. */
const atLimits = fc
  .tuple(fc.constantFrom(-1, 0, 1), fc.constantFrom('lines', 'line', 'file'))
  .map(([over, which]) => {
    const line = (id: string, bytes: number) => {
      const bare = JSON.stringify({
        custom_id: id,
        method: 'POST',
        url: BATCH_ENDPOINT,
        body: { model: SUMMARY, messages: [], x: '' },
      });
      return bare.replace('"x":""', `"x":"${'y'.repeat(Math.max(0, bytes - bare.length))}"`);
    };
    const { maxLines, maxLineBytes, maxFileBytes } = INPUT_LIMITS;
    const many = (count: number, bytes: number) =>
      Array.from({ length: count }, (_, i) => line(`${i}`, bytes));
    if (which === 'lines') return Buffer.from(many(maxLines + over, 0).join('\n'));
    if (which === 'line') return Buffer.from(line('a', maxLineBytes + over));
    const rows = many(11, 2_700).join('\n');
    return Buffer.from(rows + ' '.repeat(maxFileBytes + over - rows.length));
  });

/** Mostly files that are begun, or that have one fault; some are nothing but noise. */
export const hostileInputs: fc.Arbitrary<Buffer> = fc.oneof(
  { weight: 10, arbitrary: files(lineOf(30, 0), 20) },
  { weight: 10, arbitrary: files(lineOf(30, 2), 20) },
  { weight: 2, arbitrary: files(lineOf(1, 3), 6) },
  { weight: 1, arbitrary: files(lineOf(30, 0), 40) },
  {
    weight: 1,
    arbitrary: fc.uint8Array({ minLength: 1, maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
  },
  { weight: 1, arbitrary: atLimits },
);

function files(line: fc.Arbitrary<[Buffer, Buffer]>, maxLength: number): fc.Arbitrary<Buffer> {
  const start = fc.constantFrom('', '', '', '', '', '\ufeff').map((text) => Buffer.from(text));
  return fc
    .tuple(start, fc.array(line, { minLength: 1, maxLength }), fc.boolean())
    .map(([mark, rows, open]) => Buffer.concat([mark, ...rows.flat().slice(0, open ? -1 : undefined)]))
    .filter((bytes) => bytes.length > 0);
}
