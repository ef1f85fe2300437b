/** Words that are written so that a list does not find them: f*ck, f.u.c.k, sh1t, fuuuck, #shutupidiot. */
import { isDigit, isLetter, lowerCase } from '../words.ts';
import { type Lexicon, LONGEST_WORD } from './lexicon.ts';

const LOOKS_LIKE: Readonly<Record<string, string>> = {
  '@': 'a',
  '4': 'a',
  '3': 'e',
  '€': 'e',
  '1': 'i',
  '!': 'i',
  '|': 'i',
  '0': 'o',
  $: 's',
  '5': 's',
  '7': 't',
  '+': 't',
  '8': 'b',
  '9': 'g',
};
const HIDES = new Set(['*', '#', '%', '&', '?']);
const SEPARATES = new Set(['.', '-', '_', '*', '~', ',', '/', '|', '+']);
/** Parts of a hashtag at most. */
const MOST_PARTS = 10;

/** The plain word behind a chunk of letters and signs, or null when it hides none. @param chunk folded */
export function undisguise(chunk: string, lexicon: Lexicon): string | null {
  if (chunk.length < 3 || chunk.length > LONGEST_WORD) return null;
  return unseparated(chunk, lexicon) ?? unleet(chunk, lexicon) ?? unmasked(chunk, lexicon);
}

/** Single letters with a sign between each two: k.i.l.l, b-i-t-c-h. */
function unseparated(chunk: string, lexicon: Lexicon): string | null {
  if (chunk.length < 5) return null;
  let word = '';
  for (let i = 0; i < chunk.length; i++) {
    const separates = SEPARATES.has(chunk.charAt(i));
    if (separates !== (i % 2 === 1)) return null;
    if (!separates) word += chunk.charAt(i);
  }
  return lexicon.isDisguised(word) ? word : null;
}

/** Digits and signs that look like letters: sh1t, a$$hole. At least one real letter stays. */
function unleet(chunk: string, lexicon: Lexicon): string | null {
  let word = '';
  let letters = 0;
  for (let i = 0; i < chunk.length; i++) {
    const sign = chunk.charAt(i);
    const letter = isLetter(chunk.charCodeAt(i));
    if (letter) letters++;
    const read = letter ? sign : LOOKS_LIKE[sign];
    if (read === undefined) return null;
    word += read;
  }
  if (letters === 0 || letters === chunk.length) return null;
  if (lexicon.isDisguised(word)) return word;
  return unstretched(word, lexicon);
}

/** Letters hidden by stars and the like: f*ck, b!tch, f**k, sh*t. At least half of the letters are there. */
function unmasked(chunk: string, lexicon: Lexicon): string | null {
  let masked = '';
  let hidden = 0;
  for (let i = 0; i < chunk.length; i++) {
    const sign = chunk.charAt(i);
    if (isLetter(chunk.charCodeAt(i))) masked += sign;
    else if (i > 0 && HIDES.has(sign)) {
      masked += '*';
      hidden++;
    } else return null;
  }
  if (hidden === 0 || hidden * 2 > chunk.length) return null;
  return lexicon.unmask(masked);
}

/** A known word behind letters that are there three times or more: fuuuuck, kiiiill, idiooot; null when there is none. */
export function unstretched(word: string, lexicon: Lexicon): string | null {
  if (word.length > 2 * LONGEST_WORD || !hasLongRun(word)) return null;
  // Doubled letters of the word itself may be stretched, too, or stand beside a stretched one.
  for (const [from, to] of [
    [3, 2],
    [3, 1],
    [2, 1],
  ] as const) {
    const plain = squeezed(word, from, to);
    if (plain.length >= 3 && lexicon.isDisguised(plain)) return plain;
  }
  return null;
}

/** Runs of `from` equal letters or more become runs of `to`. */
function squeezed(word: string, from: number, to: number): string {
  let result = '';
  for (let start = 0; start < word.length; ) {
    const length = runLength(word, start);
    result += word.charAt(start).repeat(length >= from ? to : length);
    start += length;
  }
  return result;
}

function runLength(word: string, start: number): number {
  let end = start + 1;
  while (end < word.length && word.charAt(end) === word.charAt(start)) end++;
  return end - start;
}

function hasLongRun(word: string): boolean {
  for (let at = 0; at < word.length; at += runLength(word, at)) if (runLength(word, at) >= 3) return true;
  return false;
}

/**
 * The words of a hashtag or of letters run together: by its capitals where it has some, else the fewest known words
 * that make it up; itself when nothing does.
 * @param tag folded, with its capitals, without the sign
 */
export function partsOf(tag: string, lexicon: Lexicon): string[] {
  const folded = lowerCase(tag);
  if (lexicon.knows(folded)) return [folded];
  const byCapitals = camelParts(tag, folded);
  if (byCapitals.length > 1) return byCapitals.slice(0, MOST_PARTS);
  return segmented(folded, lexicon) ?? [folded];
}

function camelParts(tag: string, folded: string): string[] {
  const parts: string[] = [];
  let from = 0;
  for (let i = 1; i <= tag.length; i++) {
    const ends =
      i === tag.length ||
      (isCapitalAt(tag, i) && !isCapitalAt(tag, i - 1)) ||
      isDigit(tag.charCodeAt(i)) !== isDigit(tag.charCodeAt(i - 1));
    if (!ends) continue;
    if (i > from) parts.push(folded.slice(from, i));
    from = i;
  }
  return parts;
}

function isCapitalAt(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  return unit >= 0x41 && unit <= 0x5a;
}

const LONGEST_RUN_TOGETHER = 40;
const LONGEST_PART = 16;

/** The fewest known words that make up `run`; null when none do. Quadratic in at most forty letters. */
export function segmented(run: string, lexicon: Lexicon): string[] | null {
  if (run.length > LONGEST_RUN_TOGETHER) return null;
  const fewest = new Uint8Array(run.length + 1).fill(255);
  const from = new Uint8Array(run.length + 1);
  fewest[0] = 0;
  for (let end = 1; end <= run.length; end++) {
    for (let start = Math.max(0, end - LONGEST_PART); start < end; start++) {
      if (fewest[start]! + 1 >= fewest[end]! || !isPart(run.slice(start, end), lexicon)) continue;
      fewest[end] = fewest[start]! + 1;
      from[end] = start;
    }
  }
  if (fewest[run.length]! > MOST_PARTS) return null;
  const parts: string[] = [];
  for (let end = run.length; end > 0; end = from[end]!) parts.unshift(run.slice(from[end], end));
  return parts;
}

function isPart(word: string, lexicon: Lexicon): boolean {
  if (word.length < 2) return word === 'i' || word === 'u' || word === 'a';
  return lexicon.knows(word);
}
