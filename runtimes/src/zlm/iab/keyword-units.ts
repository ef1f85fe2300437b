/** The smallest things that a keyword can be made of: words, words with hyphens, names of code. */
import { isCapital, isDigit, isIdeograph, isLetter, isSpace, lowerCase, type Word } from '../words.ts';

export interface Unit {
  /** Lower case. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** Nothing but a space or " & " stands between the unit before and this one. */
  readonly followsClosely: boolean;
  /** Nothing but spaces, line ends or the end of a sentence stands before it, so that its capital says nothing. */
  readonly startsSentence: boolean;
  readonly capital: boolean;
  readonly secondCapital: boolean;
  /** It ends in "'s", which is not part of it. */
  readonly possessive: boolean;
}

const LONGEST_WORD = 40;
const LONGEST_UNIT = 60;
const MOST_IDEOGRAPHS = 6;
/** Letters and digits in such a run are a key, a hash or a number, no word. */
const LEAST_SECRET = 16;

/** The units of a text in order, without addresses of web and mail, and without keys. */
export function unitsOf(text: string, words: readonly Word[]): Unit[] {
  const units: Unit[] = [];
  let end = 0;
  for (let i = 0; i < words.length; ) {
    const next = unitEnd(text, words, i);
    const unit = unitFrom(text, words[i]!, words[next - 1]!, end);
    end = unit.end;
    if (unit.end - unit.start <= LONGEST_UNIT && !isAddressOrKey(text, unit)) units.push(unit);
    i = next;
  }
  return units;
}

/** The place behind the last word that belongs to the unit of the word at `first`. */
function unitEnd(text: string, words: readonly Word[], first: number): number {
  let next = first + 1;
  while (
    next < words.length &&
    next - first < MOST_IDEOGRAPHS &&
    joins(text, words[next - 1]!, words[next]!)
  ) {
    next++;
  }
  return next;
}

/** Hyphens and underscores make one of two words; ideographs need nothing between them. */
function joins(text: string, left: Word, right: Word): boolean {
  if (right.start === left.end) return isIdeograph(text.charCodeAt(right.start));
  if (right.start !== left.end + 1 || right.end - right.start > LONGEST_WORD) return false;
  const between = text.charAt(left.end);
  return between === '-' || between === '_' || between === '\u2011';
}

function unitFrom(text: string, first: Word, last: Word, before: number): Unit {
  const start = first.start + elisionLength(first.text);
  const end = withoutPossessive(text, last);
  const between = text.slice(before, Math.min(start, before + SHORT_GAP));
  return {
    text: lowerCase(text.slice(start, Math.min(end, start + LONGEST_UNIT + 1))),
    start,
    end,
    followsClosely: (between === ' ' && start === before + 1) || (between === ' & ' && start === before + 3),
    startsSentence: startsSentence(text, before, first.start),
    capital: isCapital(text.charCodeAt(start)),
    secondCapital: isCapital(text.charCodeAt(start + 1)),
    possessive: end < last.end,
  };
}

const SHORT_GAP = 4;
/** French and Italian articles and the like that lean on the next word. */
const ELISIONS = new Set(
  'l d j n s m t c qu lorsqu jusqu puisqu dell all nell sull dall un quest'.split(' '),
);
const LONGEST_ELISION = 7;

/** How much of a word stands before it without being part of it: two of "l'opposition". */
function elisionLength(word: string): number {
  for (let i = 1; i < Math.min(word.length - 2, LONGEST_ELISION); i++) {
    const unit = word.charAt(i);
    if (unit === "'" || unit === '’') return ELISIONS.has(word.slice(0, i)) ? i + 1 : 0;
  }
  return 0;
}

/** "Apple's" is told as "Apple". */
function withoutPossessive(text: string, { start, end }: Word): number {
  const isPossessive = end - start > 3 && (text.charAt(end - 1) === 's' || text.charAt(end - 1) === 'S');
  return isPossessive && "'’".includes(text.charAt(end - 2)) ? end - 2 : end;
}

function startsSentence(text: string, from: number, to: number): boolean {
  if (from === 0) return true;
  for (let i = from; i < to; i++) if ('.!?:\n•"“„*|'.includes(text.charAt(i))) return true;
  return false;
}

/** Looks no further than a bounded way to both sides. */
function isAddressOrKey(text: string, { start, end }: Unit): boolean {
  let first = start;
  while (first > 0 && start - first < LONGEST_UNIT && !isSpace(text.charCodeAt(first - 1))) first--;
  let last = end;
  while (last < text.length && last - end < LONGEST_UNIT && !isSpace(text.charCodeAt(last))) last++;
  const chunk = text.slice(first, last);
  if (chunk.includes('://') || chunk.includes('www.') || chunk.includes('@')) return true;
  return looksLikeKey(text, start, end) || isMisread(text, start, end) || isPartOfNumber(text, start, end);
}

/** A digit between small letters, as in scans: "adm1tted". */
function isMisread(text: string, start: number, end: number): boolean {
  for (let i = start + 1; i < end - 1; i++) {
    const before = text.charCodeAt(i - 1);
    const after = text.charCodeAt(i + 1);
    if (isDigit(text.charCodeAt(i)) && isLetter(before) && isLetter(after) && !isCapital(after)) return true;
  }
  return false;
}

/** "ES91" of "ES91 2100 0418": letters and digits that more digits follow. */
function isPartOfNumber(text: string, start: number, end: number): boolean {
  const next = text.charCodeAt(end) === SPACE ? text.charCodeAt(end + 1) : 0;
  return isDigit(text.charCodeAt(end - 1)) && !isDigit(text.charCodeAt(start)) && isDigit(next);
}

const SPACE = 0x20;

function looksLikeKey(text: string, start: number, end: number): boolean {
  if (end - start < LEAST_SECRET) return false;
  let digits = 0;
  for (let i = start; i < end; i++) if (isDigit(text.charCodeAt(i))) digits++;
  return digits >= 3;
}
