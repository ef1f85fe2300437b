/** Reads a batch's input file, checks each line, and writes down where it lies. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { readLines } from './read-lines.ts';
import { checkInputSize, InputCheck, type InputLimits, type InputLine } from './validate-input.ts';

export interface Validation {
  readonly endpoint: string;
  readonly limits: InputLimits;
  /** Of the whole file. */
  readonly bytes: number;
  read(): AsyncIterable<Uint8Array>;
  /** Writes down some lines, in order. */
  keep(lines: readonly InputLine[]): Promise<void>;
  /** Ends it early. */
  readonly over: AbortSignal;
}

/** Other callers' requests wait for so long at most, where no single line takes longer. */
const SLICE_MS = 2;
/** Of lines that wait to be written: a statement of about a millisecond, and of at most a few megabytes. */
const MOST_LINES = 2_000;
const MOST_ID_LENGTH = 1_000_000;

/**
 * @returns how many lines it has
 * @throws ApiError the first fault of the file; what `read` and `keep` throw; the reason of `over`
 */
export async function validateBatch(validation: Validation): Promise<number> {
  const { endpoint, limits, bytes, over } = validation;
  checkInputSize(bytes, limits);
  const check = new InputCheck(endpoint, limits);
  const lines = new WaitingLines(validation.keep);
  let sliceEnds = performance.now() + SLICE_MS;
  for await (const line of readLines(validation.read(), limits.maxLineBytes)) {
    over.throwIfAborted();
    await lines.add(check.take(line));
    if (performance.now() < sliceEnds) continue;
    await nextTurn();
    sliceEnds = performance.now() + SLICE_MS;
  }
  check.end();
  await lines.flush();
  return check.count;
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
