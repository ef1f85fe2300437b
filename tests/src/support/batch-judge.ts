/** What must be true of a batch that has ended: its files, its counts, the log and the books tell one story. Pure. */
import { createHash } from 'node:crypto';
import { type BatchObject, isRecord } from '@zerogpu/protocol';
import type { ExpectedLine, LineEnd } from './batch-lines.ts';

/** A file as it was downloaded, and what is said of it. */
export interface EndFile {
  readonly content: Buffer;
  /** As the file object says. */
  readonly bytes: number;
  /** As the database has them: SHA-256 of each 256 KiB, one after the other. */
  readonly blockHashes: Buffer;
}

export interface BatchEnd {
  readonly batch: BatchObject;
  readonly output: EndFile | null;
  readonly error: EndFile | null;
}

/** What the database holds of it, without the requests that were no lines. */
export interface BatchBooks {
  /** Of the log: half price. */
  readonly logged: readonly { readonly id: string; readonly status: number; readonly cost: bigint }[];
  readonly charges: readonly { readonly id: string; readonly amount: bigint }[];
  readonly heldAfterwards: bigint;
  readonly leftLines: number;
  readonly leftResults: number;
  /** Objects in the storage that no file of the database has, and the other way round. */
  readonly strayObjects: readonly string[];
  /** Invariants of the ledger, and rollups other than the log. */
  readonly violations: readonly string[];
}

export interface Fault {
  readonly rule: string;
  readonly detail: string;
}

/** Of each rule: a defect would fill the report with its consequences. */
const MOST_TOLD = 5;
const BLOCK = 256 * 1024;

/** Nothing when all is well. */
export function judgeBatch(
  expected: readonly ExpectedLine[],
  end: BatchEnd,
  books: BatchBooks,
  status = 'completed',
): Fault[] {
  const faults: Fault[] = [];
  const tell = (rule: string, detail: string) => {
    if (faults.filter((fault) => fault.rule === rule).length < MOST_TOLD) faults.push({ rule, detail });
  };
  judgeObject(end, expected.length, status, tell);
  judgeWhole('output', end.output, tell);
  judgeWhole('error', end.error, tell);
  const output = linesOf(end.output, tell);
  const error = linesOf(end.error, tell);
  judgeShapes(output, error, tell);
  judgeCounts(end.batch, output.length, error.length, tell);
  judgeLines(expected, output, error, tell);
  judgeBooks(expected, output, books, tell);
  return faults;
}

/** Older clients know nothing of lines that never ran: those have no code of theirs. */
const formOf = (code: unknown): RegExp =>
  code === 'batch_cancelled' || code === 'batch_expired' ? /^[^[]/ : /^\[legacy:\w+\] ./;

type Tell = (rule: string, detail: string) => void;
type Row = Readonly<Record<string, unknown>>;

function judgeObject({ batch, output, error }: BatchEnd, total: number, status: string, tell: Tell): void {
  if (batch.status !== status) tell('another status', `${batch.status}, not ${status}`);
  if (batch.request_counts.total !== total) tell('another total', String(batch.request_counts.total));
  if ((batch.output_file_id === null) !== (output === null))
    tell('output file and id', `${batch.output_file_id}`);
  if ((batch.error_file_id === null) !== (error === null))
    tell('error file and id', `${batch.error_file_id}`);
  const { created_at, in_progress_at, finalizing_at, completed_at } = batch;
  const times = [
    created_at,
    in_progress_at,
    finalizing_at,
    ...(status === 'completed' ? [completed_at] : []),
  ];
  const right = times.every((time, i) => time !== null && (i === 0 || time >= (times[i - 1] ?? 0)));
  if (!right) tell('times out of order', times.join(' '));
}

function judgeWhole(name: string, file: EndFile | null, tell: Tell): void {
  if (file === null) return;
  const { content, bytes, blockHashes } = file;
  if (content.length !== bytes) tell('a file of another length', `${name}: ${content.length}, not ${bytes}`);
  const hashes: Buffer[] = [];
  for (let at = 0; at < content.length; at += BLOCK) {
    hashes.push(
      createHash('sha256')
        .update(content.subarray(at, at + BLOCK))
        .digest(),
    );
  }
  if (!Buffer.concat(hashes).equals(blockHashes)) tell('a file of other bytes', name);
  if (content.at(-1) !== 0x0a) tell('a file cut off', name);
}

function linesOf(file: EndFile | null, tell: Tell): Row[] {
  const text = file?.content.toString('utf8') ?? '';
  return text.split('\n').flatMap((line) => {
    if (line === '') return [];
    const row = parsed(line);
    if (isRecord(row)) return [row];
    tell('a line that is no JSON object', line.slice(0, 200));
    return [];
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function judgeShapes(output: readonly Row[], error: readonly Row[], tell: Tell): void {
  const keys = 'custom_id,error,id,response';
  for (const row of [...output, ...error]) {
    if (Object.keys(row).sort().join() !== keys) tell('fields of a line', Object.keys(row).join());
    if (!/^batch_req_\w+$/.test(String(row['id']))) tell('id of a line', String(row['id']));
  }
  for (const { response, error: none } of output) {
    const right = isRecord(response) && response['status_code'] === 200 && isRecord(response['body']);
    if (!right || none !== null) tell('an output line without an answer', JSON.stringify(response));
  }
  for (const { response: none, error: told } of error) {
    const right = isRecord(told) && formOf(told['code']).test(String(told['message']));
    if (!right || none !== null) tell('an error line without an error', JSON.stringify(told));
  }
  for (const id of repeated([...output, ...error].map((row) => String(row['id'])))) {
    tell('two lines with one id', id);
  }
}

function judgeCounts({ request_counts }: BatchObject, output: number, error: number, tell: Tell): void {
  const { completed, failed } = request_counts;
  if (completed !== output)
    tell('completed is not the lines of the output file', `${completed}, not ${output}`);
  if (failed !== error) tell('failed is not the lines of the error file', `${failed}, not ${error}`);
}

function judgeLines(
  expected: readonly ExpectedLine[],
  output: readonly Row[],
  error: readonly Row[],
  tell: Tell,
): void {
  const said = [...output, ...error].map((row) => String(row['custom_id']));
  const ends = new Map(expected.map(({ customId, end }) => [customId, end]));
  const seen = new Set(said);
  for (const id of repeated(said)) tell('a line twice', JSON.stringify(id));
  for (const id of said) if (!ends.has(id)) tell('a line that nobody sent', JSON.stringify(id));
  for (const { customId } of expected) if (!seen.has(customId)) tell('a line lost', JSON.stringify(customId));
  for (const row of output) judgeAnswer(row, ends.get(String(row['custom_id'])), tell);
  for (const row of error) judgeError(row, ends.get(String(row['custom_id'])), tell);
}

function judgeAnswer(row: Row, end: LineEnd | undefined, tell: Tell): void {
  const id = JSON.stringify(row['custom_id']);
  const answer = answerOf(row);
  if (end?.kind === 'failed') tell('answered what cannot be', id);
  if (end?.kind !== 'answered' || answer === null) return;
  if (answer.content !== end.content) tell('another answer', `${id}: ${answer.content}`);
  if (answer.inputTokens !== end.usage.inputTokens || answer.outputTokens !== end.usage.outputTokens) {
    tell('other usage', `${id}: ${answer.inputTokens} and ${answer.outputTokens}`);
  }
}

function judgeError(row: Row, end: LineEnd | undefined, tell: Tell): void {
  const told = isRecord(row['error']) ? row['error'] : {};
  const detail = `${JSON.stringify(row['custom_id'])}: ${JSON.stringify(told)}`;
  const gaveUp = /^\[legacy:(dlq|retries)_exhausted\]/.test(String(told['message']));
  if (end?.kind === 'answered') tell(gaveUp ? 'gave up' : 'failed what could be answered', detail);
  else if (end !== undefined && end.code !== told['code']) tell('another error', detail);
}

function judgeBooks(
  expected: readonly ExpectedLine[],
  output: readonly Row[],
  books: BatchBooks,
  tell: Tell,
): void {
  const ends = new Map(expected.map(({ customId, end }) => [customId, end]));
  const answered = new Map<string, bigint>();
  for (const row of output) {
    const end = ends.get(String(row['custom_id']));
    if (end?.kind === 'answered') answered.set(requestOf(row), end.cost);
  }
  if (answered.size !== output.length)
    tell('two lines with one request', `${answered.size} of ${output.length}`);
  const charges = books.charges.map(({ id, amount }) => ({ id, amount }));
  compare('charged', answered, charges, tell);
  const good = books.logged.filter(({ status }) => status === 200);
  compare(
    'logged',
    answered,
    good.map(({ id, cost }) => ({ id, amount: cost })),
    tell,
  );
  for (const { id, status, cost } of books.logged) {
    if (status !== 200 && cost !== 0n) tell('an error with a price', `${id}: ${status} ${cost}`);
  }
  const sum = charges.reduce((all, { amount }) => all + amount, 0n);
  const due = [...answered.values()].reduce((all, cost) => all + cost, 0n);
  if (sum !== due) tell('another sum', `${sum} charged, ${due} due`);
  if (books.heldAfterwards !== 0n) tell('money held', String(books.heldAfterwards));
  if (books.leftLines > 0) tell('lines left', String(books.leftLines));
  if (books.leftResults > 0) tell('results left', String(books.leftResults));
  for (const name of books.strayObjects) tell('an object too many or too few', name);
  for (const violation of books.violations) tell('an invariant broken', violation);
}

/** Every answered line is there once with its price, and nothing else is. */
function compare(
  how: 'charged' | 'logged',
  answered: ReadonlyMap<string, bigint>,
  found: readonly { readonly id: string; readonly amount: bigint }[],
  tell: Tell,
): void {
  const ids = new Set(found.map(({ id }) => id));
  for (const id of repeated(found.map((each) => each.id))) tell(`${how} twice`, id);
  for (const id of answered.keys()) if (!ids.has(id)) tell(`not ${how}`, id);
  for (const { id, amount } of found) {
    const cost = answered.get(id);
    if (cost === undefined) tell(`${how} without an answer`, id);
    else if (cost !== amount) tell(`${how} with another price`, `${id}: ${amount}, not ${cost}`);
  }
}

function answerOf(row: Row): { content: unknown; inputTokens: unknown; outputTokens: unknown } | null {
  const body = isRecord(row['response']) ? row['response']['body'] : null;
  if (!isRecord(body) || !Array.isArray(body['choices']) || !isRecord(body['usage'])) return null;
  const choice: unknown = body['choices'][0];
  const message = isRecord(choice) ? choice['message'] : null;
  const { prompt_tokens: inputTokens, completion_tokens: outputTokens } = body['usage'];
  return { content: isRecord(message) ? message['content'] : null, inputTokens, outputTokens };
}

function requestOf(row: Row): string {
  return isRecord(row['response']) ? String(row['response']['request_id']) : '';
}

function repeated(values: readonly string[]): Set<string> {
  const seen = new Set<string>();
  return new Set(values.filter((value) => seen.size === seen.add(value).size));
}
