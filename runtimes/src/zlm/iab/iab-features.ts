/** What the IAB model counts in a text: known words and pairs of neighbouring words. */
import { plain, WordTable } from '../word-table.ts';
import { wordsOf } from '../words.ts';

/** Stems (`motor*`, `*steuer`) of other languages are so long, and stand for unknown words that begin or end so. */
const LONGEST_STEM = 10;
const SHORTEST_STEM = 5;

/** The known words and pairs of neighbouring words. */
export class Features {
  readonly size: number;
  /** Words with a vector. */
  readonly wordCount: number;
  /** Words with a vector come first; after them, words that are known only in pairs. */
  readonly #words: WordTable;
  /** By the first word, then by the second. */
  readonly #pairs = new Map<number, Map<number, number>>();
  readonly #occurrences: Uint16Array;

  constructor(words: readonly string[], pairs: readonly string[]) {
    this.size = words.length + pairs.length;
    const inPairs = pairs.flatMap((pair) => pair.split(' '));
    this.#words = new WordTable([...new Set([...words, ...inPairs])]);
    this.wordCount = words.length;
    this.#occurrences = new Uint16Array(this.size);
    for (const [i, pair] of pairs.entries()) {
      const [first = -1, second = -1] = pair.split(' ').map((word) => this.#words.find(word));
      const seconds = this.#pairs.get(first) ?? new Map<number, number>();
      this.#pairs.set(first, seconds.set(second, words.length + i));
    }
  }

  /** Where a word, what it is the plural of, or its stem stands in the tensor `words`; -1 without a vector. */
  wordPlace(word: string): number {
    const id = this.#find(word);
    return id < this.wordCount ? id : -1;
  }

  /** Each feature of the text at its first, second, fourth, eighth … occurrence. */
  of(text: string): number[] {
    const found: number[] = [];
    let seconds: ReadonlyMap<number, number> | undefined;
    for (const word of wordsOf(text)) {
      const id = this.#find(plain(word.text));
      if (id >= 0 && id < this.wordCount) this.#count(id, found);
      const pair = seconds?.get(id);
      if (pair !== undefined) this.#count(pair, found);
      seconds = id < 0 ? undefined : this.#pairs.get(id);
    }
    for (const feature of found) this.#occurrences[feature] = 0;
    return found;
  }

  /** The place of the word, of what it is the plural of, or of the longest stem that begins it, or else ends it. */
  #find(word: string): number {
    const place = this.#words.find(word);
    if (place >= 0 || word.length < SHORTEST_STEM) return place;
    const longest = Math.min(word.length, LONGEST_STEM);
    for (let length = longest; length >= SHORTEST_STEM; length--) {
      const stem = this.#words.find(`${word.slice(0, length)}*`);
      if (stem >= 0) return stem;
    }
    for (let length = longest; length >= SHORTEST_STEM; length--) {
      const stem = this.#words.find(`*${word.slice(word.length - length)}`);
      if (stem >= 0) return stem;
    }
    return -1;
  }

  #count(feature: number, found: number[]): void {
    const occurrences = ++this.#occurrences[feature]!;
    if ((occurrences & (occurrences - 1)) === 0) found.push(feature);
  }
}
