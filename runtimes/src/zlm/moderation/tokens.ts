/** A text as the moderation model reads it: words in clauses, out of their disguises. */
import { isDigit, isIdeograph, isLetter, isSpace, lowerCase } from '../words.ts';
import { partsOf, segmented, undisguise, unstretched } from './disguise.ts';
import { fold } from './fold.ts';
import { type Lexicon, LONGEST_WORD } from './lexicon.ts';

export interface Token {
  readonly word: string;
  /** Stands between quotation marks. */
  readonly quoted: boolean;
}

/** Tokens between two full stops, colons, semicolons, brackets or line ends; no pattern reaches beyond. */
export type Clause = readonly Token[];

/** A clause without any stop is cut here. */
const LONGEST_CLAUSE = 120;
/** What stands between spaces and is longer is no word in disguise: an address, a key, a text without spaces. */
const LONGEST_CHUNK = 64;
/** Letters written apart ("k i l l") are put together up to here. */
const LONGEST_SPELLING = 40;
const SHORTEST_SPELLING = 3;
/** Letters before the apostrophe of an elided word. */
const LONGEST_ELISION = 3;
const STOPS = new Set([
  '.',
  '!',
  '?',
  ';',
  ':',
  '(',
  ')',
  '[',
  ']',
  '{',
  '}',
  '\u2026',
  '\u3002',
  '\uff01',
  '\uff1f',
  '\u2014',
]);
const OPENS = new Set(['\u201c', '\u00ab', '\u201e']);
const CLOSES = new Set(['\u201d', '\u00bb']);
const MENTION: Token = { word: '@user', quoted: false };

/** Takes time linear in the text. */
export function clausesOf(text: string, lexicon: Lexicon): Clause[] {
  const reader = new Reader(lexicon);
  const folded = fold(text);
  let at = 0;
  while (at < folded.length) {
    const unit = folded.charCodeAt(at);
    if (isSpace(unit)) {
      if (unit === 0x0a || unit === 0x2028 || unit === 0x2029) reader.endLine();
      at++;
      continue;
    }
    let end = at + 1;
    while (end < folded.length && !isSpace(folded.charCodeAt(end))) end++;
    reader.readChunk(folded.slice(at, end));
    at = end;
  }
  return reader.clauses();
}

class Reader {
  readonly #lexicon: Lexicon;
  readonly #clauses: Token[][] = [];
  #clause: Token[] = [];
  #quoted = false;

  constructor(lexicon: Lexicon) {
    this.#lexicon = lexicon;
  }

  clauses(): Clause[] {
    this.#endClause();
    return this.#clauses;
  }

  endLine(): void {
    this.#endClause();
    this.#quoted = false;
  }

  readChunk(chunk: string): void {
    if (chunk.length > LONGEST_CHUNK) {
      this.#readPlain(chunk);
      return;
    }
    if (chunk.startsWith('http://') || chunk.startsWith('https://') || chunk.startsWith('www.')) return;
    if (this.#readTag(chunk)) return;
    const { start, end } = core(chunk);
    const inner = lowerCase(chunk.slice(start, end));
    const plain = inner === '' || isPlainWord(inner) ? null : undisguise(inner, this.#lexicon);
    if (plain === null) {
      this.#readPlain(chunk);
      return;
    }
    this.#readPlain(chunk.slice(0, start));
    for (const word of plain.split(' ')) this.#add(word);
    this.#readPlain(chunk.slice(end));
  }

  /** @returns true for `@name` and `#tag`, which are read here */
  #readTag(chunk: string): boolean {
    const sign = chunk.charAt(0);
    if (sign !== '@' && sign !== '#') return false;
    let end = 1;
    while (end < chunk.length && isTagUnit(chunk, end)) end++;
    if (end < 3) return false;
    const name = chunk.slice(1, end);
    if (sign === '@') {
      if (undisguise(lowerCase(chunk.slice(0, end)), this.#lexicon) !== null) return false;
      this.#push(MENTION);
    } else {
      for (const part of partsOf(name, this.#lexicon)) this.#add(part);
    }
    this.#readPlain(chunk.slice(end));
    return true;
  }

  /** Words, stops and quotation marks as they come. */
  #readPlain(chunk: string): void {
    let at = 0;
    while (at < chunk.length) {
      const end = plainWordEnd(chunk, at);
      if (end > at) {
        this.#addPlain(chunk.slice(at, end));
        at = end;
        continue;
      }
      at += this.#readSign(chunk, at);
    }
  }

  /** @returns the number of code units read */
  #readSign(chunk: string, at: number): number {
    const sign = chunk.charAt(at);
    const unit = chunk.charCodeAt(at);
    if (unit >= 0xd800 && unit < 0xdc00 && at + 1 < chunk.length) {
      const pair = chunk.slice(at, at + 2);
      if (this.#lexicon.knows(pair)) this.#add(pair);
      return 2;
    }
    if (STOPS.has(sign)) this.#endClause();
    else if (sign === '"') this.#quoted = !this.#quoted;
    else if (OPENS.has(sign)) this.#quoted = true;
    else if (CLOSES.has(sign)) this.#quoted = false;
    return 1;
  }

  #addPlain(written: string): void {
    const word = lowerCase(written);
    // What is too long to be a word keeps its place and is looked up nowhere.
    if (word.length > 2 * LONGEST_WORD) this.#add('');
    else if (this.#lexicon.knows(word)) this.#add(word);
    else for (const part of this.#plainOf(word).split(' ')) this.#add(part);
  }

  #plainOf(word: string): string {
    const plain = unstretched(word, this.#lexicon);
    if (plain !== null) return plain;
    if (word.endsWith("'s")) return word.slice(0, -2);
    // French and Italian articles: l'homme, d'eau, un'arma.
    const mark = word.indexOf("'");
    return mark > 0 && mark <= LONGEST_ELISION ? `${word.slice(0, mark)} ${word.slice(mark + 1)}` : word;
  }

  #add(word: string): void {
    this.#push({ word, quoted: this.#quoted });
  }

  #push(token: Token): void {
    this.#clause.push(token);
    if (this.#clause.length >= LONGEST_CLAUSE) this.#endClause();
  }

  #endClause(): void {
    if (this.#clause.length === 0) return;
    this.#clauses.push(spelledTogether(this.#clause, this.#lexicon));
    this.#clause = [];
  }
}

/** The chunk without signs at both ends; a star or dollar sign may be a letter of the word. */
function core(chunk: string): { start: number; end: number } {
  let start = 0;
  let end = chunk.length;
  while (start < end && !isCoreUnit(chunk, start, '@$')) start++;
  while (end > start && !isCoreUnit(chunk, end - 1, '*$')) end--;
  return { start, end };
}

function isCoreUnit(chunk: string, at: number, signs: string): boolean {
  const unit = chunk.charCodeAt(at);
  return isLetter(unit) || isDigit(unit) || signs.includes(chunk.charAt(at));
}

function isPlainWord(word: string): boolean {
  for (let i = 0; i < word.length; i++) {
    const unit = word.charCodeAt(i);
    if (!isLetter(unit) && unit !== 0x27) return false;
  }
  return true;
}

function isTagUnit(chunk: string, at: number): boolean {
  const unit = chunk.charCodeAt(at);
  return isLetter(unit) || isDigit(unit) || unit === 0x5f;
}

/** Where the word at `at` ends; `at` itself when none begins there. */
function plainWordEnd(chunk: string, at: number): number {
  const first = chunk.charCodeAt(at);
  if (isIdeograph(first)) return at + 1;
  let end = at;
  while (end < chunk.length && (isWordUnit(chunk, end) || joins(chunk, at, end))) end++;
  return end;
}

function isWordUnit(chunk: string, at: number): boolean {
  const unit = chunk.charCodeAt(at);
  return (isLetter(unit) || isDigit(unit)) && !isIdeograph(unit);
}

/** An apostrophe or a hyphen between two letters or digits. */
function joins(chunk: string, start: number, at: number): boolean {
  const sign = chunk.charAt(at);
  if (sign !== "'" || at === start) return false;
  return at + 1 < chunk.length && isWordUnit(chunk, at - 1) && isWordUnit(chunk, at + 1);
}

/** Puts together words that are spelled letter by letter: "f u c k  y o u". */
function spelledTogether(clause: readonly Token[], lexicon: Lexicon): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < clause.length; ) {
    let end = at;
    while (end < clause.length && end - at < LONGEST_SPELLING && clause[end]!.word.length === 1) end++;
    const quoted = clause[at]!.quoted;
    const words = end - at < SHORTEST_SPELLING ? null : spelled(clause.slice(at, end), lexicon);
    if (words) tokens.push(...words.map((word) => ({ word, quoted })));
    else tokens.push(...clause.slice(at, Math.max(end, at + 1)));
    at = Math.max(end, at + 1);
  }
  return tokens;
}

function spelled(letters: readonly Token[], lexicon: Lexicon): string[] | null {
  const run = letters.map(({ word }) => word).join('');
  if (lexicon.isDisguised(run)) return [run];
  const parts = segmented(run, lexicon);
  return parts?.some((part) => lexicon.isDisguised(part)) ? parts : null;
}
