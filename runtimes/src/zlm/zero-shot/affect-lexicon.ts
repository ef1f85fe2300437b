import { type Weights, WeightsError } from '../weights.ts';
import { WordTable } from '../word-table.ts';
import type { AffectToken } from './affect-tokens.ts';

/** Words of the longest phrase that is looked up. */
const LONGEST_PHRASE = 4;
const UNIT = 127;
const ENDINGS = [
  'ness',
  'ly',
  'ing',
  'ed',
  'er',
  'est',
  'es',
  's',
  'd',
  'ful',
  'y',
  'ment',
  'some',
  'ity',
  'ation',
  'ancy',
  'ance',
  'ence',
  'ous',
] as const;
const SHORTEST_STEM = 4;

export interface Found {
  /** Row of the lexicon. */
  readonly row: number;
  /** How many tokens it takes. */
  readonly length: number;
}

/** Words, phrases and signs with what they express: a strength from 0 to 1 on each axis. */
export class AffectLexicon {
  readonly axes: readonly string[];
  readonly size: number;
  readonly #table: WordTable;
  readonly #rows: Int8Array;
  readonly #beginnings: ReadonlySet<string>;

  /** @throws WeightsError when a tensor is absent or does not fit the others */
  constructor(weights: Weights) {
    const axes = weights.meta['axes'];
    if (!Array.isArray(axes) || !axes.every((axis) => typeof axis === 'string')) {
      throw new WeightsError('Weights name no axes');
    }
    this.axes = axes;
    const words = weights.lines('affect.words');
    this.size = words.length;
    this.#table = new WordTable(words);
    this.#rows = weights.i8('affect.rows', [words.length, axes.length]);
    this.#beginnings = new Set(words.filter((word) => word.includes(' ')).map((word) => word.split(' ')[0]!));
  }

  /** @throws WeightsError when there is no such axis */
  axis(name: string): number {
    const axis = this.axes.indexOf(name);
    if (axis < 0) throw new WeightsError(`Weights have no axis "${name}"`);
    return axis;
  }

  knows(word: string): boolean {
    return this.#table.find(word) >= 0;
  }

  strength(row: number, axis: number): number {
    return this.#rows[row * this.axes.length + axis]! / UNIT;
  }

  /** The longest phrase that starts here and stays in its clause, else the word; null for what is not there. */
  find(tokens: readonly AffectToken[], at: number): Found | null {
    const token = tokens[at]!;
    if (this.#beginnings.has(token.text)) {
      const phrase = this.#findPhrase(tokens, at);
      if (phrase) return phrase;
    }
    const row = this.findWord(token.text);
    return row < 0 ? null : { row, length: 1 };
  }

  #findPhrase(tokens: readonly AffectToken[], at: number): Found | null {
    let phrase = tokens[at]!.text;
    let found: Found | null = null;
    for (let length = 2; length <= LONGEST_PHRASE; length++) {
      const next = tokens[at + length - 1];
      if (!next || next.startsClause) break;
      phrase += ` ${next.text}`;
      const row = this.#table.find(phrase);
      if (row >= 0) found = { row, length };
    }
    return found;
  }

  /** The row of a word, of its form without drawn-out letters ("sooo"), or of its stem; -1 for none. */
  findWord(word: string): number {
    const row = this.#table.find(word);
    if (row >= 0) return row;
    const short = withoutDrawling(word);
    if (short !== word) return this.findWord(short);
    return this.#findStem(word);
  }

  #findStem(word: string): number {
    for (const ending of ENDINGS) {
      if (word.length - ending.length < SHORTEST_STEM || !word.endsWith(ending)) continue;
      const stem = word.slice(0, -ending.length);
      for (const form of [
        stem,
        `${stem}e`,
        `${stem}ant`,
        `${stem}ent`,
        stem.endsWith('i') ? `${stem.slice(0, -1)}y` : stem,
      ]) {
        const row = this.#table.find(form);
        if (row >= 0) return row;
      }
    }
    return -1;
  }
}

/** "soooo" → "so", "happyyy" → "happy", "goood" → "good": three of a letter or more become one, or two of o and e. */
function withoutDrawling(word: string): string {
  let short = '';
  for (let i = 0; i < word.length; ) {
    let end = i + 1;
    while (end < word.length && word.charCodeAt(end) === word.charCodeAt(i)) end++;
    const letter = word.charAt(i);
    const isInside = end < word.length && (letter === 'o' || letter === 'e');
    short += end - i < 3 ? word.slice(i, end) : letter.repeat(isInside ? 2 : 1);
    i = end;
  }
  return short;
}
