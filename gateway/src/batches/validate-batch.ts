/** Reads a batch's input file, checks each line, and writes down where it lies. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Line, type LongLine, readLines } from './read-lines.ts';
import { RequestScan } from './scan-request.ts';
import { checkInputSize, InputCheck, type InputLimits, type InputLine, parseLine } from './validate-input.ts';

export interface Validation {
  readonly endpoint: string;
  readonly limits: InputLimits;
  /** Of the whole file. */
  readonly bytes: number;
  read(): AsyncIterable<Uint8Array>;
  /** Writes down some lines, in order. */
  keep(lines: readonly InputLine[]): Promise<void>;
  /** Ends it early. */
  readonly signal: AbortSignal;
}

/**
 * So long others wait for the end of a line, or of a piece of a long one. An answered request has about eight turns, in
 * which it may wait each time.
 */
const SLICE_MS = 0.5;
/** Longer lines are read in pieces: of this length, the worst that can be written takes JSON.parse 1.5 ms. */
const AT_ONCE_BYTES = 16 * 1024;
/** Of lines that wait to be written: a statement of about a millisecond, and of at most a few megabytes. */
const MOST_LINES = 2_000;
const MOST_ID_LENGTH = 1_000_000;

/**
 * @returns how many lines it has
 * @throws ApiError the first fault of the file; what `read` and `keep` throw; the reason of `signal`
 */
export async function validateBatch(validation: Validation): Promise<number> {
  const { endpoint, limits, bytes, signal } = validation;
  checkInputSize(bytes, limits);
  const check = new InputCheck(endpoint, limits);
  const lines = new WaitingLines(validation.keep);
  const slices = new Slices();
  for await (const line of readLines(validation.read(), limits.maxLineBytes)) {
    signal.throwIfAborted();
    await lines.add(check.take(line, await jsonOf(line, slices)));
    if (slices.isOver) await slices.next();
  }
  check.end();
  await lines.flush();
  return check.count;
}

/** What a line says as JSON, as far as it is asked for; undefined where it is none. */
async function jsonOf({ bytes }: Line | LongLine, slices: Slices): Promise<unknown> {
  if (bytes === null) return undefined;
  if (bytes.length <= AT_ONCE_BYTES) return parseLine(bytes);
  const scan = new RequestScan(bytes);
  while (scan.step()) if (slices.isOver) await slices.next();
  return scan.value;
}

/** Time at work, between which everybody else has a turn. */
class Slices {
  #end = performance.now() + SLICE_MS;

  get isOver(): boolean {
    return performance.now() >= this.#end;
  }

  async next(): Promise<void> {
    await nextTurn();
    this.#end = performance.now() + SLICE_MS;
  }
}

/** Lines on their way to the database, some thousands at a time. */
class WaitingLines {
  readonly #keep: Validation['keep'];
  #lines: InputLine[] = [];
  #idLength = 0;

  constructor(keep: Validation['keep']) {
    this.#keep = keep;
  }

  async add(line: InputLine): Promise<void> {
    this.#lines.push(line);
    this.#idLength += line.customId.length;
    if (this.#lines.length >= MOST_LINES || this.#idLength >= MOST_ID_LENGTH) await this.flush();
  }

  async flush(): Promise<void> {
    const lines = this.#lines;
    this.#lines = [];
    this.#idLength = 0;
    if (lines.length > 0) await this.#keep(lines);
  }
}
