/** The judge of the batch tests, judged: what is right passes, and each way of being wrong is found. */
import { createHash } from 'node:crypto';
import type { BatchObject } from '@zerogpu/protocol';
import { describe, expect, test } from 'vitest';
import { type BatchBooks, type BatchEnd, type EndFile, judgeBatch } from './support/batch-judge.ts';
import { type ExpectedLine, endOf, makeBatch, TEXTS } from './support/batch-lines.ts';
import { mulberry32 } from './support/seeded-inferences.ts';

const ANSWERS = TEXTS.map((text, i) => ({
  content: `about ${text}`,
  usage: { inputTokens: 10 + i, outputTokens: 5 },
}));
const { lines, file } = makeBatch(400, ANSWERS, mulberry32(3));

interface Told {
  readonly batch: BatchObject;
  readonly output: readonly object[];
  readonly error: readonly object[];
  /** Where they are not made of the lines. */
  readonly files: { readonly output: EndFile | null; readonly error: EndFile | null };
  readonly books: BatchBooks;
}

function fileOf(rows: readonly object[]): EndFile | null {
  if (rows.length === 0) return null;
  const content = Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return { content, bytes: content.length, blockHashes: hashOf(content) };
}

/** Shorter than a block. */
const hashOf = (content: Buffer) => createHash('sha256').update(content).digest();

const answerOf = ({ customId, end }: ExpectedLine, i: number) => ({
  id: `batch_req_${i}`,
  custom_id: customId,
  response: {
    status_code: 200,
    request_id: `req_${i}`,
    body: end.kind === 'answered' && {
      choices: [{ message: { content: end.content } }],
      usage: { prompt_tokens: end.usage.inputTokens, completion_tokens: end.usage.outputTokens },
    },
  },
  error: null,
});
const errorOf = ({ customId, end }: ExpectedLine, i: number) => ({
  id: `batch_req_${i}`,
  custom_id: customId,
  response: null,
  error: { code: end.kind === 'failed' && end.code, message: '[legacy:http_400] No.', param: null },
});

function honest(): Told {
  const numbered = lines.map((line, i) => ({ line, i }));
  const answered = numbered.filter(({ line }) => line.end.kind === 'answered');
  const refused = numbered.filter(({ line }) => line.end.kind === 'failed');
  const output = answered.map(({ line, i }) => answerOf(line, i));
  const error = refused.map(({ line, i }) => errorOf(line, i));
  const booked = answered.map(({ line: { end }, i }) => {
    return { id: `req_${i}`, status: 200, cost: end.kind === 'answered' ? end.cost : 0n };
  });
  return {
    batch: {
      id: 'batch_1',
      object: 'batch',
      endpoint: '/v1/chat/completions',
      errors: null,
      input_file_id: 'file-1',
      completion_window: '24h',
      status: 'completed',
      output_file_id: 'file-2',
      error_file_id: 'file-3',
      created_at: 1,
      in_progress_at: 1,
      expires_at: 86_401,
      finalizing_at: 2,
      completed_at: 3,
      failed_at: null,
      expired_at: null,
      cancelling_at: null,
      cancelled_at: null,
      request_counts: { total: lines.length, completed: output.length, failed: error.length },
      metadata: {},
    },
    output,
    error,
    files: { output: null, error: null },
    books: {
      logged: booked,
      charges: booked.map(({ id, cost }) => ({ id, amount: cost })),
      heldAfterwards: 0n,
      leftLines: 0,
      leftResults: 0,
      strayObjects: [],
      violations: [],
    },
  };
}

function judge(told: Told): string[] {
  const output = told.files.output ?? fileOf(told.output);
  const error = told.files.error ?? fileOf(told.error);
  const end: BatchEnd = { batch: told.batch, output, error };
  return [...new Set(judgeBatch(lines, end, told.books).map(({ rule }) => rule))];
}

test('a made batch has every line once, of both kinds, and blank lines', () => {
  const rows = file.split('\n').slice(0, -1);
  expect(rows.filter((row) => row !== '').map((row) => JSON.parse(row).custom_id)).toEqual(
    lines.map(({ customId }) => customId),
  );
  expect(rows).toContain('');
  expect(new Set(lines.map(({ end }) => end.kind))).toEqual(new Set(['answered', 'failed']));
  expect(new Set(lines.map(({ customId }) => customId)).size).toBe(lines.length);
});

test('half of a price', () => {
  // $0.02 for a million tokens of input; half of it, in nano-dollars.
  const end = endOf({ content: '', usage: { inputTokens: 1_000_000, outputTokens: 0 } });
  expect(end).toMatchObject({ cost: 10_000_000n });
});

type Lie = (told: Told) => Partial<Told>;

const firstOutput =
  (changes: object): Lie =>
  ({ output: [first, ...rest] }) => ({ output: [{ ...first, ...changes }, ...rest] });
const firstError =
  (changes: object): Lie =>
  ({ error: [first, ...rest] }) => ({ error: [{ ...first, ...changes }, ...rest] });
const batchWith =
  (changes: Partial<BatchObject>): Lie =>
  ({ batch }) => ({ batch: { ...batch, ...changes } });
const counts =
  (changes: Partial<BatchObject['request_counts']>): Lie =>
  ({ batch }) => ({ batch: { ...batch, request_counts: { ...batch.request_counts, ...changes } } });
const booksWith =
  (changes: Partial<BatchBooks>): Lie =>
  ({ books }) => ({ books: { ...books, ...changes } });
const charges =
  (change: (all: BatchBooks['charges']) => BatchBooks['charges']): Lie =>
  ({ books }) => ({ books: { ...books, charges: change(books.charges) } });
const logged =
  (change: (all: BatchBooks['logged']) => BatchBooks['logged']): Lie =>
  ({ books }) => ({ books: { ...books, logged: change(books.logged) } });
const outputFile =
  (change: (file: EndFile) => EndFile): Lie =>
  ({ output, files }) => ({ files: { ...files, output: change(fileOf(output)!) } });

/** The first answer stands on a line that asked for something else. */
function swapped(output: readonly object[]): object[] {
  const [first, ...rest] = output.map((row) => ({ ...row, response: Object(row).response }));
  const other = rest.find(({ response }) => contentOf(response) !== contentOf(first!.response));
  return [{ ...first, response: other!.response }, ...rest];
}
const contentOf = (response: { body: { choices: { message: { content: string } }[] } }) =>
  response.body.choices[0]!.message.content;

function firstAnswered(): string {
  return lines.find(({ end }) => end.kind === 'answered')!.customId;
}

function cut(file: EndFile): EndFile {
  const content = file.content.subarray(0, -3);
  return { content, bytes: content.length, blockHashes: hashOf(content) };
}

describe('the judge', () => {
  test('finds nothing in what is right', () => {
    expect(judge(honest())).toEqual([]);
  });

  const lies: readonly [rule: string, lie: Lie][] = [
    ['a line lost', ({ output }) => ({ output: output.slice(1) })],
    ['a line twice', ({ output }) => ({ output: [...output, { ...output[0], id: 'batch_req_x' }] })],
    ['a line twice', ({ error }) => ({ error: [...error, { ...error[0], id: 'batch_req_x' }] })],
    ['a line twice', ({ error, output }) => ({ error: [...error, output[0]!] })],
    ['two lines with one id', ({ output }) => ({ output: [...output, output[0]!] })],
    ['two lines with one request', ({ output }) => ({ output: [...output, output[0]!] })],
    ['a line that nobody sent', firstOutput({ custom_id: 'of nobody' })],
    ['another answer', ({ output }) => ({ output: swapped(output) })],
    ['other usage', ({ output }) => ({ output: swapped(output) })],
    ['answered what cannot be', ({ output, error }) => ({ output: [...output, error[0]!] })],
    ['failed what could be answered', firstError({ custom_id: firstAnswered() })],
    [
      'gave up',
      firstError({
        custom_id: firstAnswered(),
        error: { code: 'internal_error', message: '[legacy:dlq_exhausted] It died.' },
      }),
    ],
    ['another error', firstError({ error: { code: 'internal_error', message: '[legacy:http_5xx] No.' } })],
    ['an error line without an error', firstError({ error: { code: 'not_found_error', message: 'No.' } })],
    ['an error line without an error', firstError({ response: {} })],
    ['an output line without an answer', firstOutput({ error: {} })],
    ['fields of a line', firstOutput({ more: 1 })],
    ['id of a line', firstError({ id: 'line-1' })],
    ['completed is not the lines of the output file', counts({ completed: 1 })],
    ['failed is not the lines of the error file', counts({ failed: 1 })],
    ['another total', counts({ total: 401 })],
    ['another status', batchWith({ status: 'expired' })],
    ['times out of order', batchWith({ finalizing_at: null })],
    ['times out of order', batchWith({ completed_at: 0 })],
    ['error file and id', batchWith({ error_file_id: null })],
    ['output file and id', () => ({ output: [] })],
    ['a file of another length', outputFile((file) => ({ ...file, bytes: 1 }))],
    ['a file of other bytes', outputFile((file) => ({ ...file, blockHashes: Buffer.alloc(32) }))],
    ['a file cut off', outputFile(cut)],
    ['a line that is no JSON object', outputFile(cut)],
    ['charged twice', charges((all) => [...all, all[0]!])],
    ['not charged', charges((all) => all.slice(1))],
    ['charged without an answer', charges((all) => [...all, { id: 'req_x', amount: 0n }])],
    [
      'charged with another price',
      charges((all) => all.map(({ id, amount }) => ({ id, amount: 2n * amount }))),
    ],
    ['another sum', charges((all) => all.map(({ id, amount }) => ({ id, amount: amount + 1n })))],
    ['not logged', logged((all) => all.slice(1))],
    ['logged twice', logged((all) => [...all, all[0]!])],
    ['logged with another price', logged((all) => all.map((row) => ({ ...row, cost: row.cost + 1n })))],
    ['logged without an answer', logged((all) => [...all, { id: 'req_x', status: 200, cost: 0n }])],
    ['an error with a price', logged((all) => [...all, { id: 'req_x', status: 504, cost: 1n }])],
    ['money held', booksWith({ heldAfterwards: 1n })],
    ['lines left', booksWith({ leftLines: 1 })],
    ['results left', booksWith({ leftResults: 1 })],
    ['an object too many or too few', booksWith({ strayObjects: ['p/file-9'] })],
    ['an invariant broken', booksWith({ violations: ['balances_sum_to_zero'] })],
  ];
  test.for(lies)('%s', ([rule, lie]) => {
    const told = honest();
    expect(judge({ ...told, ...lie(told) })).toContain(rule);
  });
});

test('a batch of which every line failed has no output file, and none is missed', () => {
  const { batch, error, books } = honest();
  const failed = lines.filter(({ end }) => end.kind === 'failed');
  const counts = { total: failed.length, completed: 0, failed: failed.length };
  const end = {
    batch: { ...batch, output_file_id: null, request_counts: counts },
    output: null,
    error: fileOf(error),
  };
  expect(judgeBatch(failed, end, { ...books, logged: [], charges: [] })).toEqual([]);
});
