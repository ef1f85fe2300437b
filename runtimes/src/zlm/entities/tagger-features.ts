/** What the name tagger sees of a token: hashes of words, affixes, shapes, clusters and known names around it. */
import { isCapital, isDigit, isLetter } from '../words.ts';
import { hashOf, LONGEST_NAME, mixed, type NameLexicon, type WordLexicon } from './lexicon.ts';
import type { TaggerToken, TokenLine } from './tagger-tokens.ts';

export interface Lexicons {
  readonly words: WordLexicon;
  readonly names: NameLexicon;
}

/** How a line is written: capitals tell nothing in a line of capitals, nor in one without any. */
export type Casing = 0 | 1 | 2;
const USUAL = 0;
const NO_CAPITALS = 1;
const ALL_CAPITALS = 2;

/** Shapes keep so many runs of characters. */
const LONGEST_SHAPE = 6;
const CLUSTER_CLASSES = 32;

/** What is known of one token by itself; hashes, so that pairs are cheap. */
interface TokenFacts {
  readonly token: TaggerToken;
  readonly word: number;
  readonly shape: number;
  readonly cluster: number;
  readonly capital: number;
  readonly known: boolean;
}

const EDGE: TokenFacts = {
  token: { text: '', small: '', start: 0, end: 0 },
  word: 1,
  shape: 1,
  cluster: 1000,
  capital: 7,
  known: true,
};

/** Feature hashes of each token of the line. */
export function featuresOf(line: TokenLine, lexicons: Lexicons): Int32Array[] {
  const facts = line.map((token) => factsOf(token, lexicons.words));
  const names = nameMarks(line, lexicons.names);
  const casing = casingOf(line);
  return line.map((_, i) => tokenFeatures(facts, names, i, casing));
}

function factsOf(token: TaggerToken, words: WordLexicon): TokenFacts {
  const bare = token.small.startsWith('#') ? token.small.slice(1) : token.small;
  const place = words.find(bare);
  return {
    token,
    word: hashOf(token.small),
    shape: hashOf(shapeOf(token.text)),
    cluster: words.cluster(place),
    capital: words.capital(place),
    known: place >= 0,
  };
}

/** "McDonald's" → "XxXx'x", "iPhone6" → "xXx0": runs of a kind as one character, with their order. */
export function shapeOf(text: string): string {
  let shape = '';
  let last = '';
  for (let i = 0; i < text.length && shape.length < LONGEST_SHAPE; i++) {
    const kind = kindOf(text, i);
    // One capital before small letters, and a run of capitals, are different.
    if (kind === last && !(kind === 'X' && shape.length === 1)) continue;
    shape += kind;
    last = kind;
  }
  return shape;
}

function kindOf(text: string, at: number): string {
  const unit = text.charCodeAt(at);
  if (isDigit(unit)) return '0';
  if (!isLetter(unit)) return text.charAt(at);
  return isCapital(unit) ? 'X' : 'x';
}

export function casingOf(line: TokenLine): Casing {
  let capitals = 0;
  let words = 0;
  let small = 0;
  for (const { text } of line) {
    if (text.length < 2 || !isLetter(text.charCodeAt(0))) continue;
    words++;
    if (isCapital(text.charCodeAt(0))) {
      if (isCapital(text.charCodeAt(1))) capitals++;
    } else small++;
  }
  if (words >= 3 && capitals * 10 >= words * 8) return ALL_CAPITALS;
  return words >= 3 && small === words ? NO_CAPITALS : USUAL;
}

/** For each token the bits of the known names that it begins, and that it continues, in one number. */
function nameMarks(line: TokenLine, names: NameLexicon): Int32Array {
  const marks = new Int32Array(line.length);
  for (let i = 0; i < line.length; i++) markFrom(line, i, names, marks);
  return marks;
}

const INSIDE_BITS = 8;
const LONG_BITS = 16;

function markFrom(line: TokenLine, i: number, names: NameLexicon, marks: Int32Array): void {
  let name = '';
  const end = Math.min(line.length, i + LONGEST_NAME);
  let longest = 0;
  let bits = 0;
  for (let j = i; j < end; j++) {
    const small = line[j]!.small;
    name += j === i ? (small.startsWith('#') ? small.slice(1) : small) : ` ${small}`;
    const found = names.bits(name);
    if (found === 0) continue;
    longest = j + 1;
    bits = found;
  }
  for (let j = i; j < longest; j++) {
    const long = longest - i > 1 ? bits << LONG_BITS : 0;
    marks[j] = marks[j]! | (j === i ? bits : bits << INSIDE_BITS) | long;
  }
}

/** Numbers of the templates; each feature is a hash of its template and its values. */
export function feature(template: number, value: number, other = 0): number {
  return mixed(
    Math.imul(value, 0x9e37_79b1) ^ Math.imul(other, 0x85eb_ca6b) ^ Math.imul(template + 1, 0xc2b2_ae35),
  );
}

function tokenFeatures(
  facts: readonly TokenFacts[],
  marks: Int32Array,
  i: number,
  casing: Casing,
): Int32Array {
  const at = (offset: number) => facts[i + offset] ?? EDGE;
  const own = at(0);
  const features = [
    feature(0, 0),
    ...wordFeatures(at),
    ...clusterFeatures(at),
    ...shapeFeatures(at, casing),
    ...nameFeatures(marks, i, own),
  ];
  const { small } = own.token;
  for (let length = 1; length <= 4 && length <= small.length; length++) {
    features.push(feature(40 + length, hashOf(small.slice(0, length))));
    features.push(feature(50 + length, hashOf(small.slice(-length))));
  }
  return Int32Array.from(features);
}

type At = (offset: number) => TokenFacts;

function wordFeatures(at: At): number[] {
  const [before2, before, own, after, after2] = [at(-2), at(-1), at(0), at(1), at(2)];
  return [
    feature(1, own.word),
    feature(2, before.word),
    feature(3, after.word),
    feature(4, before2.word),
    feature(5, after2.word),
    feature(6, before.word, own.word),
    feature(7, own.word, after.word),
    feature(8, before2.word, before.word),
    feature(9, after.word, after2.word),
    feature(10, hashOf(before.token.small.slice(-3))),
    feature(11, hashOf(after.token.small.slice(-3))),
  ];
}

function clusterFeatures(at: At): number[] {
  const [before2, before, own, after, after2] = [at(-2), at(-1), at(0), at(1), at(2)];
  return [
    feature(12, own.cluster),
    feature(13, before.cluster),
    feature(14, after.cluster),
    feature(15, before2.cluster),
    feature(16, after2.cluster),
    feature(17, before.cluster, own.cluster),
    feature(18, own.cluster, after.cluster),
    feature(19, before.cluster, after.cluster),
    feature(20, own.cluster % CLUSTER_CLASSES, own.capital),
  ];
}

function shapeFeatures(at: At, casing: Casing): number[] {
  const [before2, before, own, after, after2] = [at(-2), at(-1), at(0), at(1), at(2)];
  const isFirst = endsSentence(before) ? 1 : 0;
  const shape = casing === USUAL ? own.shape : mixed(own.shape + casing);
  return [
    feature(21, shape, isFirst),
    feature(22, shape),
    feature(23, before.shape),
    feature(24, after.shape),
    feature(25, mixed(before.shape ^ 77) ^ shape, after.shape),
    feature(26, mixed(before2.shape ^ 77) ^ before.shape, shape),
    feature(27, shape, mixed(after.shape ^ 99) ^ after2.shape),
    feature(28, own.capital, shape),
    feature(29, own.capital * 2 + isFirst, casing),
    feature(30, before.capital * 8 + own.capital, after.capital),
    feature(31, before.capital, before.shape),
    feature(32, after.capital, after.shape),
    feature(33, own.known ? 1 : 0, shape),
    feature(34, own.cluster, shape),
    feature(35, before.word, shape),
    feature(36, after.word, shape),
  ];
}

function endsSentence(facts: TokenFacts): boolean {
  return facts === EDGE || /^[.!?:"“”]$/.test(facts.token.text);
}

function nameFeatures(marks: Int32Array, i: number, own: TokenFacts): number[] {
  const mark = marks[i]!;
  return [
    feature(60, mark),
    feature(61, mark & 0xff),
    feature(62, (mark >> INSIDE_BITS) & 0xff),
    feature(63, mark >> LONG_BITS),
    feature(64, mark, own.shape),
    feature(65, i === 0 ? -1 : marks[i - 1]!),
    feature(66, i + 1 < marks.length ? marks[i + 1]! : -1),
    feature(67, mark, own.capital),
  ];
}
