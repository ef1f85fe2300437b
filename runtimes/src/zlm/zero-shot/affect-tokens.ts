/** A text as the affect lexicon reads it: words, emoticons and emoji in order, and where a clause ends. */
import { isCapital, isDigit, isLetter, isSpace, lowerCase, wordsOf } from '../words.ts';

export interface AffectToken {
  /** Lower case, a straight apostrophe; or an emoticon or emoji. */
  readonly text: string;
  /** Two letters or more, all of them capitals. */
  readonly shouted: boolean;
  /** Whether a sentence or a clause ends between the token before and this one. */
  readonly startsClause: boolean;
}

export interface AffectText {
  readonly tokens: readonly AffectToken[];
  readonly exclamations: number;
}

const LONGEST_EMOTICON = 6;
/** A word of more characters is none that a lexicon has. */
const LONGEST_WORD = 40;
/** A tag of more characters is not looked into. */
const LONGEST_TAG = 40;
const CLAUSE_ENDS = new Set(['.', ',', ';', ':', '!', '?', '\n', '…', '—', '(', ')', '。', '！', '？', '、']);
const EXCLAMATION = 0x21;
const VARIATION_SELECTOR = 0xfe0f;
const HIGH_SURROGATES = [0xd800, 0xdbff] as const;
const PICTURES = [0x2600, 0x27bf] as const;

/** @param knows whether the lexicon has a word or sign */
export function affectTokens(text: string, knows: (word: string) => boolean): AffectText {
  const reader = new Reader(text, knows);
  return { tokens: reader.tokens, exclamations: reader.exclamations };
}

class Reader {
  readonly tokens: AffectToken[] = [];
  exclamations = 0;
  readonly #text: string;
  readonly #knows: (word: string) => boolean;
  #clauseEnded = true;

  constructor(text: string, knows: (word: string) => boolean) {
    this.#text = text;
    this.#knows = knows;
    for (let at = 0; at < text.length; ) {
      const end = chunkEnd(text, at);
      if (end > at) this.#readChunk(at, end);
      if (text.charAt(end) === '\n') this.#clauseEnded = true;
      at = end + 1;
    }
  }

  /** What stands between two spaces. */
  #readChunk(start: number, end: number): void {
    const chunk = this.#text.slice(start, end);
    if (chunk.length > 1 && chunk.length <= LONGEST_EMOTICON && hasSign(chunk)) {
      const emoticon = lowerCase(chunk);
      if (this.#knows(emoticon)) {
        this.#push(emoticon, false);
        return;
      }
    }
    let at = 0;
    for (const word of wordsOf(chunk)) {
      this.#readSigns(chunk, at, word.start);
      at = word.end;
      if (word.start > 0 && chunk.charAt(word.start - 1) === '#') this.#readTag(chunk.slice(word.start, at));
      else if (word.text.length <= LONGEST_WORD)
        this.#push(straight(word.text), isShouted(chunk, word.start, at));
    }
    this.#readSigns(chunk, at, chunk.length);
  }

  #readSigns(chunk: string, start: number, end: number): void {
    for (let at = start; at < end; at++) {
      const unit = chunk.charCodeAt(at);
      if (unit === EXCLAMATION) this.exclamations++;
      if (CLAUSE_ENDS.has(chunk.charAt(at))) this.#clauseEnded = true;
      const length = pictureLength(chunk, at);
      if (length === 0) continue;
      this.#push(chunk.slice(at, at + length), false);
      at += length - 1;
    }
  }

  /** The words of "#SoVeryHappy" and "#sohappy"; the tag as it is when it is no sequence of known words. */
  #readTag(tag: string): void {
    const parts = tag.length > LONGEST_TAG ? [] : byCapitals(tag);
    for (const part of parts) {
      for (const word of knownWords(part, this.#knows) ?? [part]) this.#push(word, false);
    }
  }

  #push(text: string, shouted: boolean): void {
    this.tokens.push({ text, shouted, startsClause: this.#clauseEnded });
    this.#clauseEnded = false;
  }
}

function chunkEnd(text: string, start: number): number {
  let end = start;
  while (end < text.length && !isSpace(text.charCodeAt(end))) end++;
  return end;
}

function hasSign(chunk: string): boolean {
  for (let i = 0; i < chunk.length; i++) {
    const unit = chunk.charCodeAt(i);
    if (unit < 0x80 && !isLetter(unit) && !isDigit(unit)) return true;
  }
  return false;
}

function straight(word: string): string {
  return word.includes('’') ? word.replaceAll('’', "'") : word;
}

function isShouted(text: string, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (!isCapital(text.charCodeAt(i))) return false;
  return end - start > 1;
}

/** How many code units an emoji takes here, what only varies it left out; 0 for any other sign. */
function pictureLength(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  if (unit >= PICTURES[0] && unit <= PICTURES[1]) return 1;
  const isPair = unit >= HIGH_SURROGATES[0] && unit <= HIGH_SURROGATES[1] && at + 1 < text.length;
  return isPair && text.charCodeAt(at + 1) !== VARIATION_SELECTOR ? 2 : 0;
}

/** "SoHappy2day" → so, happy2day; lower case. */
function byCapitals(tag: string): string[] {
  const parts: string[] = [];
  let start = 0;
  for (let i = 1; i <= tag.length; i++) {
    const isBreak = i === tag.length || (isCapital(tag.charCodeAt(i)) && !isCapital(tag.charCodeAt(i - 1)));
    if (!isBreak) continue;
    parts.push(lowerCase(tag.slice(start, i)));
    start = i;
  }
  return parts;
}

const SHORT_WORDS = new Set(
  'a i am an as at be by do go he if in is it me my no of on or so to up us we'.split(' '),
);

/** The fewest known words that make up the letters; null when there are none. */
function knownWords(letters: string, knows: (word: string) => boolean): string[] | null {
  if (knows(letters)) return [letters];
  /** Of the best way to each place: words so far, and where the last one starts. */
  const counts = new Array<number>(letters.length + 1).fill(Number.POSITIVE_INFINITY);
  const starts = new Array<number>(letters.length + 1).fill(0);
  counts[0] = 0;
  for (let end = 1; end <= letters.length; end++) {
    for (let start = 0; start < end; start++) {
      if (counts[start]! + 1 >= counts[end]!) continue;
      const word = letters.slice(start, end);
      if (word.length > 2 ? !knows(word) : !SHORT_WORDS.has(word)) continue;
      counts[end] = counts[start]! + 1;
      starts[end] = start;
    }
  }
  if (counts[letters.length] === Number.POSITIVE_INFINITY) return null;
  const words: string[] = [];
  for (let end = letters.length; end > 0; end = starts[end]!) words.unshift(letters.slice(starts[end]!, end));
  return words;
}
