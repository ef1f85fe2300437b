/** Cuts bytes into lines as they come, in bounded memory. Pure. */

/** A line that is not blank, without what ends it. */
export interface Line {
  /** From 1; blank lines count. */
  readonly number: number;
  /** Of its first byte, in the file. */
  readonly start: number;
  /** Valid until the next line is asked for. */
  readonly bytes: Buffer;
}

/** A line with more bytes than one may have; what came of it was not kept, and nothing comes after it. */
export interface LongLine {
  readonly number: number;
  readonly bytes: null;
}

const [LF, CR, BOM] = [0x0a, 0x0d, Buffer.from('\ufeff')];
/** What ends a line and what may begin a file: both are told from a line's own bytes only when it has ended. */
const SLACK = BOM.length + 1;

/**
 * Lines end with LF or CRLF, the last one may end with the file; blank ones are left out. A byte order mark is no part
 * of the first line. At most `maxLineBytes` and the bytes at hand are held.
 */
export class LineCutter {
  readonly #maxLineBytes: number;
  /** What came of the line that has begun, before the bytes at hand. The same memory for every line. */
  #held = Buffer.alloc(0);
  #heldBytes = 0;
  #number = 0;
  #start = 0;
  #tooLong = false;

  constructor(maxLineBytes: number) {
    this.#maxLineBytes = maxLineBytes;
  }

  /** The lines that end in these bytes. */
  *push(chunk: Uint8Array): Generator<Line | LongLine, void> {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let from = 0;
    while (from < bytes.length && !this.#tooLong) {
      if (this.#heldBytes === 0) from = this.#passBlank(bytes, from);
      if (from === bytes.length) return;
      const end = bytes.indexOf(LF, from);
      const part = bytes.subarray(from, end < 0 ? bytes.length : end);
      if (this.#heldBytes + part.length > this.#maxLineBytes + SLACK) yield this.#longLine();
      else if (end < 0) this.#hold(part);
      else yield* this.#endLine(part, 1);
      from = end < 0 ? bytes.length : end + 1;
    }
  }

  /** The last line, when nothing ends it but the file. */
  *end(): Generator<Line | LongLine, void> {
    if (this.#heldBytes > 0 && !this.#tooLong) yield* this.#endLine(Buffer.alloc(0), 0);
  }

  /**
   * Past blank lines that are whole, without a look at each: a block of nothing else has 262,144, and held everybody up
   * for a tenth of a second. @returns where the next line begins
   */
  #passBlank(bytes: Buffer, from: number): number {
    let start = from;
    for (let at = from; at < bytes.length && at - start <= this.#maxLineBytes; at++) {
      const byte = bytes[at]!;
      if (!isBlankByte(byte) && byte !== LF) break;
      if (byte !== LF) continue;
      this.#number += 1;
      this.#start += at + 1 - start;
      start = at + 1;
    }
    return start;
  }

  #hold(part: Buffer): void {
    const bytes = this.#heldBytes + part.length;
    if (bytes > this.#held.length) {
      const wider = Buffer.allocUnsafe(Math.min(bytes * 2, this.#maxLineBytes + SLACK));
      this.#held.copy(wider, 0, 0, this.#heldBytes);
      this.#held = wider;
    }
    part.copy(this.#held, this.#heldBytes);
    this.#heldBytes = bytes;
  }

  /** Of a line that ends with this part. */
  #whole(part: Buffer): Buffer {
    if (this.#heldBytes === 0) return part;
    this.#hold(part);
    const whole = this.#held.subarray(0, this.#heldBytes);
    this.#heldBytes = 0;
    return whole;
  }

  #longLine(): LongLine {
    this.#tooLong = true;
    return { number: this.#number + 1, bytes: null };
  }

  *#endLine(part: Buffer, terminatorBytes: number): Generator<Line | LongLine, void> {
    const whole = this.#whole(part);
    const lineStart = this.#start;
    this.#start += whole.length + terminatorBytes;
    const skipped = lineStart === 0 && whole.subarray(0, BOM.length).equals(BOM) ? BOM.length : 0;
    const bytes = whole.subarray(skipped, whole.at(-1) === CR ? whole.length - 1 : whole.length);
    if (bytes.length > this.#maxLineBytes) {
      yield this.#longLine();
      return;
    }
    this.#number += 1;
    if (!isBlank(bytes)) yield { number: this.#number, start: lineStart + skipped, bytes };
  }
}

/** @throws what `chunks` throws */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array>,
  maxLineBytes: number,
): AsyncGenerator<Line | LongLine, void> {
  const cutter = new LineCutter(maxLineBytes);
  for await (const chunk of chunks) {
    for (const line of cutter.push(chunk)) {
      yield line;
      // What follows is of no use: the rest of the file is not read.
      if (line.bytes === null) return;
    }
  }
  yield* cutter.end();
}

const isBlank = (bytes: Buffer): boolean => bytes.every(isBlankByte);

/** A space and what else moves the cursor: tab, vertical tab, form feed, carriage return. */
function isBlankByte(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= CR);
}
