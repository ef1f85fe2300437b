/**
 * Tokens as the name tagger reads them: words with their capitals, numbers, @names, #tags, addresses, and every
 * other sign by itself. One pass over the text.
 */
import { isDigit, isIdeograph, isLetter, isSpace, lowerCase } from '../words.ts';

export interface TaggerToken {
  /** As written. */
  readonly text: string;
  /** Lower case, digits as 0. */
  readonly small: string;
  readonly start: number;
  readonly end: number;
}

/** A run of tokens that is tagged as one: a line, or a part of a very long one. */
export type TokenLine = readonly TaggerToken[];

/** Lines longer than this are tagged in parts. */
export const LONGEST_LINE = 160;
/** A word longer than this is cut: no word is so long, and features of a token cost time by its length. */
const LONGEST_TOKEN = 48;
const AT = 0x40;
const HASH = 0x23;
const HYPHEN = 0x2d;
const UNDERSCORE = 0x5f;
const FULL_STOP = 0x2e;
const COMMA = 0x2c;
const COLON = 0x3a;
const APOSTROPHE = 0x27;
const TYPOGRAPHIC_APOSTROPHE = 0x2019;
const LINE_FEED = 0x0a;
const SLASH = 0x2f;

/** The lines of a text, blank ones left out. */
export function tokenLines(text: string): TokenLine[] {
  const lines: TaggerToken[][] = [];
  let line: TaggerToken[] = [];
  for (let at = 0; at < text.length; ) {
    const unit = text.charCodeAt(at);
    if (unit === LINE_FEED || line.length >= LONGEST_LINE) {
      if (line.length > 0) lines.push(line);
      line = [];
    }
    if (isSpace(unit)) {
      at++;
      continue;
    }
    const end = tokenEnd(text, at);
    line.push(tokenOf(text, at, end));
    at = end;
  }
  if (line.length > 0) lines.push(line);
  return lines;
}

function tokenOf(text: string, start: number, end: number): TaggerToken {
  const written = text.slice(start, end);
  return { text: written, small: withoutDigits(lowerCase(written)), start, end };
}

function withoutDigits(word: string): string {
  let small = '';
  for (let i = 0; i < word.length; i++) small += isDigit(word.charCodeAt(i)) ? '0' : word.charAt(i);
  return small;
}

function tokenEnd(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  const limit = Math.min(text.length, at + LONGEST_TOKEN);
  if (isIdeograph(unit)) return at + 1;
  if (unit === AT || unit === HASH) return nameEnd(text, at, limit);
  if (!isLetter(unit) && !isDigit(unit)) return signEnd(text, at);
  return isAddress(text, at) ? addressEnd(text, at, limit) : wordEnd(text, at, limit);
}

/** `@name`, `#tag`; the sign alone when nothing follows it. */
function nameEnd(text: string, at: number, limit: number): number {
  let end = at + 1;
  while (end < limit && (isWordUnit(text.charCodeAt(end)) || text.charCodeAt(end) === UNDERSCORE)) end++;
  return end;
}

function signEnd(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  const isPair = unit >= 0xd800 && unit <= 0xdbff && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00;
  if (isPair) return at + 2;
  // "'s" is one token.
  const next = text.charCodeAt(at + 1);
  const isPossessive =
    (unit === APOSTROPHE || unit === TYPOGRAPHIC_APOSTROPHE) &&
    (next === 0x73 || next === 0x53) &&
    !isWordUnit(text.charCodeAt(at + 2));
  return isPossessive ? at + 2 : at + 1;
}

function isWordUnit(unit: number): boolean {
  return (isLetter(unit) && !isIdeograph(unit)) || isDigit(unit);
}

function isAddress(text: string, at: number): boolean {
  return (
    text.startsWith('http://', at) ||
    text.startsWith('https://', at) ||
    /^www\.$/i.test(text.slice(at, at + 4))
  );
}

function addressEnd(text: string, at: number, limit: number): number {
  let end = at;
  while (end < limit && !isSpace(text.charCodeAt(end))) end++;
  return end;
}

function wordEnd(text: string, at: number, limit: number): number {
  let end = at + 1;
  while (end < limit && (isWordUnit(text.charCodeAt(end)) || joins(text, end))) end++;
  return isAbbreviation(text, at, end) ? end + 1 : end;
}

/** Hyphens and underscores between letters, stops in "U.S" and "3.5", colons in "10:30", O'Neill's apostrophe. */
function joins(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  const before = text.charCodeAt(at - 1);
  const after = text.charCodeAt(at + 1);
  if (!isWordUnit(after) || !isWordUnit(before)) return false;
  if (unit === HYPHEN || unit === UNDERSCORE) return true;
  if (unit === COMMA || unit === COLON || unit === SLASH) return isDigit(before) && isDigit(after);
  if (unit === FULL_STOP) return isDigit(after) || isSingle(text, at - 1);
  const isApostrophe = unit === APOSTROPHE || unit === TYPOGRAPHIC_APOSTROPHE;
  return isApostrophe && isSingle(text, at - 1) && isWordUnit(text.charCodeAt(at + 2));
}

/** A letter with no word unit before it. */
function isSingle(text: string, at: number): boolean {
  return isLetter(text.charCodeAt(at)) && (at === 0 || !isWordUnit(text.charCodeAt(at - 1)));
}

/** "U.S" with its last stop, so that it is one token: "U.S." */
function isAbbreviation(text: string, start: number, end: number): boolean {
  return (
    text.charCodeAt(end) === FULL_STOP &&
    end - start >= 3 &&
    text.charCodeAt(end - 2) === FULL_STOP &&
    isLetter(text.charCodeAt(end - 1))
  );
}
