/**
 * Words of a text and their lower case, from fixed ranges: what an engine knows of Unicode changes with its version,
 * and an answer's bytes must not.
 */

export interface Word {
  /** Lower case. */
  readonly text: string;
  /** UTF-16 offsets in the text that was split. */
  readonly start: number;
  readonly end: number;
}

const APOSTROPHE = 0x27;
const TYPOGRAPHIC_APOSTROPHE = 0x2019;
const FULL_STOP = 0x2e;
const COMMA = 0x2c;

/** Ranges of capitals: first, last, step between capitals, distance to the small letter. */
const CAPITALS: readonly (readonly [first: number, last: number, step: number, distance: number])[] = [
  [0x41, 0x5a, 1, 32],
  [0xc0, 0xd6, 1, 32],
  [0xd8, 0xde, 1, 32],
  [0x100, 0x12e, 2, 1],
  // İ becomes a plain i, so that no letter changes its length.
  [0x130, 0x130, 1, 0x69 - 0x130],
  [0x132, 0x136, 2, 1],
  [0x139, 0x147, 2, 1],
  [0x14a, 0x176, 2, 1],
  [0x178, 0x178, 1, 0xff - 0x178],
  [0x179, 0x17d, 2, 1],
  [0x1cd, 0x1db, 2, 1],
  [0x1de, 0x1ee, 2, 1],
  [0x1f8, 0x21e, 2, 1],
  [0x222, 0x232, 2, 1],
  [0x386, 0x386, 1, 38],
  [0x388, 0x38a, 1, 37],
  [0x38c, 0x38c, 1, 64],
  [0x38e, 0x38f, 1, 63],
  [0x391, 0x3a1, 1, 32],
  [0x3a3, 0x3ab, 1, 32],
  [0x400, 0x40f, 1, 80],
  [0x410, 0x42f, 1, 32],
  [0x460, 0x480, 2, 1],
  [0x48a, 0x4be, 2, 1],
  [0x4c0, 0x4c0, 1, 15],
  [0x4c1, 0x4cd, 2, 1],
  [0x4d0, 0x52e, 2, 1],
  [0x1e00, 0x1e94, 2, 1],
  [0x1e9e, 0x1e9e, 1, 0xdf - 0x1e9e],
  [0x1ea0, 0x1efe, 2, 1],
  [0xff21, 0xff3a, 1, 32],
];

const SMALL = new Uint16Array(0x1_0000).map((_, unit) => unit);
for (const [first, last, step, distance] of CAPITALS) {
  for (let unit = first; unit <= last; unit += step) SMALL[unit] = unit + distance;
}

/** Code units that are letters of words, beyond ASCII: everything but signs, spaces, surrogates and private use. */
const LETTER_RANGES: readonly (readonly [first: number, last: number])[] = [
  [0x41, 0x5a],
  [0x61, 0x7a],
  [0xaa, 0xaa],
  [0xb5, 0xb5],
  [0xba, 0xba],
  [0xc0, 0xd6],
  [0xd8, 0xf6],
  [0xf8, 0x2c1],
  // Combining marks continue the word that they stand in.
  [0x300, 0x374],
  [0x376, 0x37d],
  [0x37f, 0x386],
  [0x388, 0x481],
  [0x483, 0x559],
  [0x560, 0x588],
  [0x591, 0x5bd],
  [0x5c1, 0x5f2],
  [0x610, 0x61a],
  [0x620, 0x669],
  [0x66e, 0x6d3],
  [0x6d5, 0x6ff],
  [0x710, 0x963],
  [0x966, 0xdf3],
  [0xe01, 0xe3a],
  [0xe40, 0xe4e],
  [0xe50, 0x1fff],
  [0x2c00, 0x2dff],
  [0x3005, 0x3007],
  [0x3041, 0x3096],
  [0x3099, 0x309f],
  [0x30a1, 0x30fa],
  [0x30fc, 0x9fff],
  [0xa000, 0xd7ff],
  [0xf900, 0xfdff],
  [0xfe70, 0xfefc],
  [0xff21, 0xff3a],
  [0xff41, 0xff5a],
  [0xff66, 0xffdc],
];

const NEITHER = 0;
const LETTER = 1;
const DIGIT = 2;
/** A letter that is a word by itself: scripts without spaces between words. */
const IDEOGRAPH = 3;

const KIND = new Uint8Array(0x1_0000);
for (const [first, last] of LETTER_RANGES) KIND.fill(LETTER, first, last + 1);
KIND.fill(DIGIT, 0x30, 0x3a);
KIND.fill(DIGIT, 0xff10, 0xff1a);
for (const [first, last] of [
  [0x3041, 0x3096],
  [0x30a1, 0x30fa],
  [0x3400, 0x9fff],
  [0xf900, 0xfaff],
] as const) {
  KIND.fill(IDEOGRAPH, first, last + 1);
}

export function isLetter(unit: number): boolean {
  return KIND[unit] === LETTER || KIND[unit] === IDEOGRAPH;
}

export function isDigit(unit: number): boolean {
  return KIND[unit] === DIGIT;
}

/** A character that is a word by itself: Han, and kana, whose words have no spaces between them. */
export function isIdeograph(unit: number): boolean {
  return KIND[unit] === IDEOGRAPH;
}

export function isCapital(unit: number): boolean {
  return SMALL[unit] !== unit;
}

/** Space, tab, line ends, no-break and typographic spaces. */
export function isSpace(unit: number): boolean {
  return (
    unit === 0x20 ||
    (unit >= 0x09 && unit <= 0x0d) ||
    unit === 0xa0 ||
    (unit >= 0x2000 && unit <= 0x200b) ||
    unit === 0x2028 ||
    unit === 0x2029 ||
    unit === 0x202f ||
    unit === 0x3000 ||
    unit === 0xfeff
  );
}

/** The range without the white space at both ends. */
export function trim(text: string, start: number, end: number): { start: number; end: number } {
  let first = start;
  let last = end;
  while (first < last && isSpace(text.charCodeAt(first))) first++;
  while (last > first && isSpace(text.charCodeAt(last - 1))) last--;
  return { start: first, end: last };
}

/** Lower case of Latin, Greek and Cyrillic letters, one code unit for one; everything else stays. */
export function lowerCase(text: string): string {
  let small = '';
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (SMALL[unit] === unit) continue;
    small += text.slice(from, i) + String.fromCharCode(SMALL[unit]!);
    from = i + 1;
  }
  return from === 0 ? text : small + text.slice(from);
}

/**
 * The words of a text in order: runs of letters, with an apostrophe inside ("don't"); numbers, with a point or comma
 * inside ("1,000.5") and letters after ("5g"); single ideographs.
 */
export function wordsOf(text: string): Word[] {
  const words: Word[] = [];
  let at = 0;
  while (at < text.length) {
    const end = wordEnd(text, at);
    if (end > at) words.push({ text: lowerCase(text.slice(at, end)), start: at, end });
    at = Math.max(end, at + 1);
  }
  return words;
}

/** Where the word that starts at `at` ends; `at` itself when none does. */
function wordEnd(text: string, at: number): number {
  const kind = KIND[text.charCodeAt(at)]!;
  if (kind === NEITHER) return at;
  if (kind === IDEOGRAPH) return at + 1;
  let end = at + 1;
  while (end < text.length && continues(text, end)) end++;
  return end;
}

function continues(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  const kind = KIND[unit]!;
  if (kind === LETTER || kind === DIGIT) return true;
  if (kind === IDEOGRAPH) return false;
  const before = KIND[text.charCodeAt(at - 1)]!;
  const after = at + 1 < text.length ? KIND[text.charCodeAt(at + 1)]! : NEITHER;
  if (unit === APOSTROPHE || unit === TYPOGRAPHIC_APOSTROPHE) return before === LETTER && after === LETTER;
  return (unit === FULL_STOP || unit === COMMA) && before === DIGIT && after === DIGIT;
}
