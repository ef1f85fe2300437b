/** What the IAB model counts in a text: known words and pairs of neighbouring words. */
import { plain, WordTable } from '../word-table.ts';
import { wordsOf } from '../words.ts';

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

  /** Where a word stands in the tensor `words`, or what it is the plural of; -1 for a word without a vector. */
  wordPlace(word: string): number {
    const id = this.#words.find(word);
    return id < this.wordCount ? id : -1;
  }

  /** Each feature of the text at its first, second, fourth, eighth … occurrence. */
  of(text: string): number[] {
    const found: number[] = [];
    let seconds: ReadonlyMap<number, number> | undefined;
    for (const word of wordsOf(text)) {
      const id = this.#words.find(plain(word.text));
      if (id >= 0 && id < this.wordCount) this.#count(id, found);
      const pair = seconds?.get(id);
      if (pair !== undefined) this.#count(pair, found);
      seconds = id < 0 ? undefined : this.#pairs.get(id);
    }
    for (const feature of found) this.#occurrences[feature] = 0;
    return found;
  }

  #count(feature: number, found: number[]): void {
    const occurrences = ++this.#occurrences[feature]!;
    if ((occurrences & (occurrences - 1)) === 0) found.push(feature);
  }
}
