/** The smallest things that a keyword can be made of: words, words with hyphens, names of code. */
import { plain } from '../word-table.ts';
import { isCapital, isDigit, isIdeograph, isSpace, type Word } from '../words.ts';

export interface Unit {
  /** Lower case. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** One space, and nothing else, stands before it and after the unit before. */
  readonly followsClosely: boolean;
  /** Nothing but spaces, line ends or the end of a sentence stands before it, so that its capital says nothing. */
  readonly startsSentence: boolean;
  readonly capital: boolean;
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
  return {
    text: plain(text.slice(first.start, last.end) === first.text ? first.text : lowerOf(text, first, last)),
    start: first.start,
    end: withoutPossessive(text, last),
    followsClosely: first.start === before + 1 && text.charAt(before) === ' ',
    startsSentence: startsSentence(text, before, first.start),
    capital: isCapital(text.charCodeAt(first.start)),
  };
}

function lowerOf(text: string, first: Word, last: Word): string {
  return first === last ? first.text : first.text + text.slice(first.end, last.end);
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
  return looksLikeKey(text, start, end);
}

function looksLikeKey(text: string, start: number, end: number): boolean {
  if (end - start < LEAST_SECRET) return false;
  let digits = 0;
  for (let i = start; i < end; i++) if (isDigit(text.charCodeAt(i))) digits++;
  return digits >= 3;
}
