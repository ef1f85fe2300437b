/** Lists of words that are asked for a word's place. */

/** Words by their place in a list. A Map of 50,000 strings takes three times as long to ask. */
export class WordTable {
  readonly #words: readonly string[];
  /** Open addressing: a word's place, or -1. */
  readonly #slots: Int32Array;

  constructor(words: readonly string[]) {
    let size = 2;
    while (size < 2 * words.length) size *= 2;
    this.#words = words;
    this.#slots = new Int32Array(size).fill(-1);
    for (const [place, word] of words.entries()) this.#slots[this.#slot(word)] = place;
  }

  /** An unknown plural counts as what it is the plural of; -1 for a word that is not in the list. */
  find(word: string): number {
    const place = this.#slots[this.#slot(word)]!;
    if (place >= 0 || word.length <= 3 || !word.endsWith('s')) return place;
    return this.#slots[this.#slot(word.slice(0, -1))]!;
  }

  /** Where the word is, or would be. */
  #slot(word: string): number {
    const mask = this.#slots.length - 1;
    let slot = hash(word) & mask;
    while (this.#slots[slot]! >= 0 && this.#words[this.#slots[slot]!] !== word) slot = (slot + 1) & mask;
    return slot;
  }
}

/** FNV-1a over code units, with the high bits stirred into the low ones. */
export function hash(word: string): number {
  let h = 0x811c_9dc5;
  for (let i = 0; i < word.length; i++) h = Math.imul(h ^ word.charCodeAt(i), 0x0100_0193);
  return h ^ (h >>> 15);
}

/** As in training: a straight apostrophe, no possessive. */
export function plain(word: string): string {
  const straight = word.includes('’') ? word.replaceAll('’', "'") : word;
  return straight.endsWith("'s") ? straight.slice(0, -2) : straight;
}
