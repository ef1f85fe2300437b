/**
 * A parser of multipart/form-data (RFC 7578, RFC 2046) that is pushed bytes and gives what they mean: no stream, no
 * event, no timer, and at most a chunk and a part's headers in memory. Whatever is not a form is told as such, at once.
 */

export type PartEvent =
  | { readonly kind: 'part'; readonly headers: string }
  | { readonly kind: 'data'; readonly bytes: Buffer }
  /** The part has ended; only now is it whole. */
  | { readonly kind: 'end' };

/** The bytes are no form; says where, in words for who sent them. */
export class MultipartError extends Error {
  override readonly name = 'MultipartError';
}

/** Clients send none; what stands before the first boundary is for readers of mails. */
const MAX_PREAMBLE = 1024;
/** A name, a file name of 255 characters escaped in every way, and what clients add. */
const MAX_HEADERS = 8 * 1024;
/** Clients send two to four. */
const MAX_PARTS = 32;
/** Blanks that may follow a boundary. */
const MAX_PADDING = 64;

const CRLF = Buffer.from('\r\n');
const END_OF_HEADERS = Buffer.from('\r\n\r\n');
const CLOSING = Buffer.from('--');

/** What stands where the bytes are that come next. */
type State = 'preamble' | 'delimiter' | 'headers' | 'body' | 'epilogue';

export class MultipartParser {
  /** Line break and boundary: how each part but the first begins. */
  readonly #delimiter: Buffer;
  #state: State = 'preamble';
  /** Bytes that mean nothing yet. The first boundary needs no line break before it. */
  #rest: Buffer = CRLF;
  #skipped = 0;
  /** Bytes at the beginning of a body that are none of it. */
  #lead = 0;
  #parts = 0;

  constructor(boundary: string) {
    this.#delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1');
  }

  /** @throws MultipartError */
  push(chunk: Buffer): PartEvent[] {
    const events: PartEvent[] = [];
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    // Each turn leaves a state or says that it needs more; states come round only with a part, of which there are few.
    while (this.#step(events));
    // A small piece must not keep a large chunk.
    this.#rest = Buffer.from(this.#rest);
    return events;
  }

  /** Nothing comes any more. @throws MultipartError when the form has no end */
  finish(): void {
    if (this.#state === 'epilogue') return;
    throw new MultipartError(
      this.#parts === 0
        ? 'it does not hold the boundary that the content type names'
        : 'it ends before its last boundary',
    );
  }

  /** @returns false when more bytes are needed */
  #step(events: PartEvent[]): boolean {
    switch (this.#state) {
      case 'preamble':
        return this.#preamble();
      case 'delimiter':
        return this.#afterDelimiter();
      case 'headers':
        return this.#headers(events);
      case 'body':
        return this.#body(events);
      case 'epilogue':
        this.#rest = EMPTY;
        return false;
    }
  }

  #preamble(): boolean {
    const found = this.#rest.indexOf(this.#delimiter);
    const before = found === -1 ? this.#rest.length - this.#tail() : found;
    this.#skipped += before;
    if (this.#skipped > MAX_PREAMBLE) {
      throw new MultipartError('it does not begin with the boundary that the content type names');
    }
    if (found === -1) return this.#keepFrom(before);
    return this.#go('delimiter', found + this.#delimiter.length);
  }

  #afterDelimiter(): boolean {
    let at = 0;
    while (this.#rest[at] === SPACE || this.#rest[at] === TAB) at += 1;
    if (at > MAX_PADDING) throw new MultipartError('a boundary is followed by too many blanks');
    if (this.#rest.length < at + 2) return false;
    const next = this.#rest.subarray(at, at + 2);
    if (at === 0 && next.equals(CLOSING)) return this.#go('epilogue', this.#rest.length);
    if (!next.equals(CRLF)) throw new MultipartError('a boundary is followed by neither a line break nor --');
    this.#parts += 1;
    if (this.#parts > MAX_PARTS) throw new MultipartError(`it has more than ${MAX_PARTS} parts`);
    return this.#go('headers', at);
  }

  /** From the line break that ended the boundary: a part without headers has its empty line there. */
  #headers(events: PartEvent[]): boolean {
    const end = this.#rest.indexOf(END_OF_HEADERS);
    if ((end === -1 ? this.#rest.length : end) > MAX_HEADERS) {
      throw new MultipartError(`the headers of a part are larger than ${MAX_HEADERS} bytes`);
    }
    if (end === -1) return false;
    events.push({
      kind: 'part',
      headers: this.#rest.toString('utf8', CRLF.length, Math.max(end, CRLF.length)),
    });
    // The line break that ends the headers may be the one of the next boundary, where the part is empty.
    this.#lead = CRLF.length;
    return this.#go('body', end + CRLF.length);
  }

  #body(events: PartEvent[]): boolean {
    const found = this.#rest.indexOf(this.#delimiter);
    const end = found === -1 ? this.#rest.length - this.#tail() : found;
    const start = Math.min(this.#lead, end);
    this.#lead -= start;
    if (end > start) events.push({ kind: 'data', bytes: this.#rest.subarray(start, end) });
    if (found === -1) return this.#keepFrom(end);
    events.push({ kind: 'end' });
    return this.#go('delimiter', found + this.#delimiter.length);
  }

  /** How many of the last bytes may be the beginning of a delimiter. */
  #tail(): number {
    const most = Math.min(this.#delimiter.length - 1, this.#rest.length);
    for (let length = most; length > 0; length--) {
      const end = this.#rest.subarray(this.#rest.length - length);
      if (end.equals(this.#delimiter.subarray(0, length))) return length;
    }
    return 0;
  }

  #go(state: State, from: number): true {
    this.#state = state;
    this.#rest = this.#rest.subarray(from);
    return true;
  }

  #keepFrom(from: number): false {
    this.#rest = this.#rest.subarray(from);
    return false;
  }
}

const EMPTY = Buffer.alloc(0);
const [SPACE, TAB] = Buffer.from(' \t');
