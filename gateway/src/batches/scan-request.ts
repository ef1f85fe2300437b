/**
 * Reads of a long line what a batch wants to know of it, a piece at a time and without building the rest. `JSON.parse` of
 * a megabyte that means harm (nested 500,000 deep, or 60,000 keys that differ) holds everybody up for a tenth of a second;
 * this takes as long for it as for any other, and others have their turn between the pieces. Pure.
 */
import { isUtf8 } from 'node:buffer';
import { isRecord } from '@zerogpu/protocol';

/** A twentieth of a millisecond of text, three tenths where each byte stands for itself. */
const PIECE_BYTES = 16 * 1024;
/** Of a field's name with each character escaped, and quotes: longer ones are not asked for. */
const MAX_NAME_BYTES = 'custom_id'.length * 6 + 2;
const FIELDS: ReadonlySet<string> = new Set(['custom_id', 'method', 'url', 'body']);

const [SPACE, TAB, LF, CR] = Buffer.from(' \t\n\r');
const [QUOTE, BACKSLASH, COMMA, COLON, MINUS, PLUS, DOT] = Buffer.from('"\\,:-+.');
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY] = Buffer.from('{}[]');
const [ZERO, NINE, UPPER_E, LOWER_E, LOWER_U] = Buffer.from('09Eeu');
const SIMPLE_ESCAPES = new Set(Buffer.from('"\\/bfnrt'));
const HEX = /^[0-9a-fA-F]{4}$/;
const WORDS: readonly (readonly [Buffer, unknown])[] = [
  [Buffer.from('true'), true],
  [Buffer.from('false'), false],
  [Buffer.from('null'), null],
];

/** Of a token: whether it can stand here, or that the piece ended within it. */
type Taken = boolean | 'later';
type Expected = 'value' | 'first value' | 'key' | 'first key' | 'colon' | 'next' | 'end';

export class RequestScan {
  readonly #bytes: Buffer;
  readonly #pieceBytes: number;
  #at = 0;
  #pieceEnds = 0;
  /** How far the text that stands at `#at` was read, when a piece ended within it. */
  #textAt = 0;
  #expected: Expected = 'value';
  #broken: boolean;
  /** Of each open object or array the byte that closes it. A line has at most as many as it has bytes. */
  #open = new Uint8Array(64);
  #depth = 0;
  #root: unknown;
  /** The field of the request, and of its body, whose value comes or is being read; null for those not asked for. */
  #field: string | null = null;
  #bodyField: string | null = null;

  /** @param bytes a whole line */
  constructor(bytes: Buffer, pieceBytes = PIECE_BYTES) {
    this.#bytes = bytes;
    this.#pieceBytes = pieceBytes;
    this.#broken = !isUtf8(bytes);
  }

  /** What `JSON.parse` would give, with no more fields than are asked for; undefined where it would throw. */
  get value(): unknown {
    return this.#broken || this.#expected !== 'end' ? undefined : this.#root;
  }

  /** Reads on for a piece. @returns whether there is more */
  step(): boolean {
    this.#pieceEnds = Math.max(this.#at, this.#textAt) + this.#pieceBytes;
    while (this.#at < this.#pieceEnds) {
      this.#skipSpace();
      const byte = this.#bytes[this.#at];
      if (this.#broken || byte === undefined) return false;
      const taken = this.#token(byte);
      if (taken === 'later') return true;
      this.#broken = !taken;
    }
    return !this.#broken;
  }

  #skipSpace(): void {
    for (; ; this.#at++) {
      const byte = this.#bytes[this.#at];
      if (byte !== SPACE && byte !== TAB && byte !== CR && byte !== LF) return;
    }
  }

  #token(byte: number): Taken {
    switch (this.#expected) {
      case 'value':
        return this.#takeValue(byte);
      case 'first value':
        return byte === CLOSE_ARRAY ? this.#close() : this.#takeValue(byte);
      case 'key':
        return this.#takeKey(byte);
      case 'first key':
        return byte === CLOSE_OBJECT ? this.#close() : this.#takeKey(byte);
      case 'colon':
        return byte === COLON && this.#go('value');
      case 'next':
        return byte === COMMA
          ? this.#go(this.#inObject ? 'key' : 'value')
          : byte === this.#closer && this.#close();
      case 'end':
        return false;
    }
  }

  get #closer(): number | undefined {
    return this.#open[this.#depth - 1];
  }

  get #inObject(): boolean {
    return this.#closer === CLOSE_OBJECT;
  }

  /** Past one byte. */
  #go(expected: Expected): true {
    this.#at += 1;
    this.#expected = expected;
    return true;
  }

  #close(): true {
    this.#depth -= 1;
    return this.#go(this.#depth === 0 ? 'end' : 'next');
  }

  #takeKey(byte: number): Taken {
    const start = this.#at;
    const passed = byte === QUOTE && this.#passText();
    if (passed !== true) return passed;
    if (this.#depth === 1) this.#field = this.#nameAt(start);
    else if (this.#depth === 2 && this.#field === 'body') this.#bodyField = this.#nameAt(start);
    this.#expected = 'colon';
    return true;
  }

  #nameAt(start: number): string | null {
    return this.#at - start > MAX_NAME_BYTES ? null : this.#textFrom(start);
  }

  #textFrom(start: number): string {
    return String(JSON.parse(this.#bytes.toString('utf8', start, this.#at)));
  }

  #takeValue(byte: number): Taken {
    if (byte === OPEN_OBJECT) {
      // Made only where it is kept: half a million of them would be as many for the collector.
      if (this.#isAskedFor) this.#note({});
      return this.#enter(CLOSE_OBJECT, 'first key');
    }
    if (byte === OPEN_ARRAY) {
      this.#note(null);
      return this.#enter(CLOSE_ARRAY, 'first value');
    }
    const start = this.#at;
    if (byte === QUOTE) {
      const passed = this.#passText();
      if (passed !== true) return passed;
      if (this.#isAskedFor) this.#note(this.#textFrom(start));
    } else if (byte === MINUS || isDigit(byte)) {
      if (!this.#passNumber()) return false;
      this.#note(0);
    } else if (!this.#passWord()) return false;
    this.#expected = this.#depth === 0 ? 'end' : 'next';
    return true;
  }

  #enter(closer: number | undefined, expected: Expected): true {
    if (this.#depth === this.#open.length) {
      const wider = new Uint8Array(this.#depth * 2);
      wider.set(this.#open);
      this.#open = wider;
    }
    this.#open[this.#depth] = closer ?? 0;
    this.#depth += 1;
    return this.#go(expected);
  }

  get #isAskedFor(): boolean {
    if (this.#depth === 0) return true;
    if (this.#depth === 1) return this.#inObject && this.#field !== null && FIELDS.has(this.#field);
    return this.#depth === 2 && this.#field === 'body' && this.#inObject && this.#bodyField === 'stream';
  }

  /** Twice under one name: the last one counts, as for `JSON.parse`. */
  #note(value: unknown): void {
    if (!this.#isAskedFor) return;
    if (this.#depth === 0) {
      this.#root = value;
      return;
    }
    if (!isRecord(this.#root)) return;
    if (this.#depth === 1) this.#root[this.#field ?? ''] = value;
    else if (isRecord(this.#root['body'])) this.#root['body']['stream'] = value;
  }

  /** From quote to quote. */
  #passText(): Taken {
    const bytes = this.#bytes;
    for (let at = Math.max(this.#at + 1, this.#textAt); at < bytes.length; at++) {
      if (at >= this.#pieceEnds) {
        this.#textAt = at;
        return 'later';
      }
      const byte = bytes[at]!;
      if (byte === QUOTE) {
        this.#at = at + 1;
        return true;
      }
      if (byte < SPACE!) return false;
      if (byte !== BACKSLASH) continue;
      at += 1;
      const escaped = bytes[at] ?? 0;
      if (escaped === LOWER_U && HEX.test(bytes.toString('latin1', at + 1, at + 5))) at += 4;
      else if (!SIMPLE_ESCAPES.has(escaped)) return false;
    }
    return false;
  }

  #passNumber(): boolean {
    this.#passIf(MINUS);
    if (!this.#passIf(ZERO) && !this.#passDigits()) return false;
    if (this.#passIf(DOT) && !this.#passDigits()) return false;
    if (!this.#passIf(UPPER_E) && !this.#passIf(LOWER_E)) return true;
    if (!this.#passIf(PLUS)) this.#passIf(MINUS);
    return this.#passDigits();
  }

  #passIf(byte: number | undefined): boolean {
    if (this.#bytes[this.#at] !== byte) return false;
    this.#at += 1;
    return true;
  }

  /** At least one. */
  #passDigits(): boolean {
    const start = this.#at;
    while (isDigit(this.#bytes[this.#at])) this.#at += 1;
    return this.#at > start;
  }

  #passWord(): boolean {
    for (const [word, value] of WORDS) {
      const end = this.#at + word.length;
      if (!this.#bytes.subarray(this.#at, end).equals(word)) continue;
      this.#at = end;
      this.#note(value);
      return true;
    }
    return false;
  }
}

const isDigit = (byte: number | undefined) => byte !== undefined && byte >= ZERO! && byte <= NINE!;
