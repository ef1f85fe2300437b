/** Tokens of sentences as the tagger wants them: words, clitics ("'s", "n't") and single marks. */
import { splitSentences } from '../sentences.ts';
import { isDigit, isLetter, isSpace, lowerCase } from '../words.ts';
import type { Tag } from './tags.ts';

export interface Token {
  readonly text: string;
  /** As it stands inside a sentence: the first word without its capital, unless that is its own. */
  readonly inner: string;
  /** Lower case, with a plain apostrophe. */
  readonly low: string;
  /** UTF-16 offsets in the text. */
  readonly start: number;
  readonly end: number;
  /** White space stands before it. */
  readonly spaced: boolean;
  readonly tag: Tag;
}

export type RawToken = Omit<Token, 'tag' | 'inner'>;

/** A sentence longer than this is a list or a table: its tail says little and is left out. */
const MOST_TOKENS = 120;
const CLITICS = ["'s", "'re", "'m", "'ve", "'ll", "'d"];

/** The raw tokens of every sentence, at most `MOST_TOKENS` of each. */
export function tokenizeSentences(text: string): { tokens: RawToken[]; block: number }[] {
  return splitSentences(text).map(({ start, end, block }) => ({ tokens: tokenize(text, start, end), block }));
}

export function tokenize(text: string, start: number, end: number): RawToken[] {
  const tokens: RawToken[] = [];
  let at = start;
  let spaced = false;
  while (at < end && tokens.length < MOST_TOKENS) {
    if (isSpace(text.charCodeAt(at))) {
      at++;
      spaced = true;
      continue;
    }
    const stop = wordEnd(text, at, end);
    pushWord(tokens, text, at, stop, spaced);
    at = stop;
    spaced = false;
  }
  return tokens;
}

function isWordUnit(unit: number): boolean {
  return isLetter(unit) || isDigit(unit);
}

/** Behind the word that starts at `at`: letters and digits, with hyphens, full stops, commas, apostrophes inside. */
function wordEnd(text: string, at: number, end: number): number {
  if (!isWordUnit(text.charCodeAt(at))) return at + (isHighSurrogate(text.charCodeAt(at)) ? 2 : 1);
  let i = at + 1;
  while (i < end && (isWordUnit(text.charCodeAt(i)) || joins(text, i, end))) i++;
  return i < end && text.charAt(i) === '.' && isAbbreviated(text, at, i) ? i + 1 : i;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}

function joins(text: string, i: number, end: number): boolean {
  if (i + 1 >= end || !isWordUnit(text.charCodeAt(i + 1))) return false;
  const mark = text.charAt(i);
  if (mark === '-' || mark === "'" || mark === '’' || mark === '_') return true;
  if (mark === ',') return isDigit(text.charCodeAt(i - 1)) && isDigit(text.charCodeAt(i + 1));
  return mark === '.';
}

/** "U.S.", "Mr.", "J." keep their full stop inside a sentence. */
function isAbbreviated(text: string, start: number, stop: number): boolean {
  const word = text.slice(start, stop);
  return /^(?:[A-Z](?:\.[A-Z])*|Mr|Mrs|Ms|Dr|St|Jr|Sr|Gen|Sen|Rep|Gov|Lt|Col|Prof|Rev|Inc|Corp|Co|Ltd|vs|No)$/.test(
    word,
  );
}

function pushWord(tokens: RawToken[], text: string, start: number, end: number, spaced: boolean): void {
  const low = lowerCase(text.slice(start, end)).replaceAll('’', "'");
  const cut = cliticAt(low);
  if (cut === 0) {
    tokens.push(rawToken(text, start, end, spaced));
    return;
  }
  tokens.push(rawToken(text, start, start + cut, spaced), rawToken(text, start + cut, end, false));
}

/** Where a clitic begins in the word; 0 when it has none. */
function cliticAt(low: string): number {
  if (low.endsWith("n't") && low.length > 3) return low.length - 3;
  for (const clitic of CLITICS) {
    if (low.endsWith(clitic) && low.length > clitic.length) return low.length - clitic.length;
  }
  return 0;
}

function rawToken(text: string, start: number, end: number, spaced: boolean): RawToken {
  const own = text.slice(start, end);
  return { text: own, low: lowerCase(own).replaceAll('’', "'"), start, end, spaced };
}
