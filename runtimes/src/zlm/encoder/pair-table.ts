import { WeightsError } from '../weights.ts';

/** Pairs of neighbouring words, by the words' places. */
export class PairTable {
  readonly #firsts: Uint16Array;
  readonly #seconds: Uint16Array;
  /** Open addressing: a pair's place, or -1. */
  readonly #slots: Int32Array;

  /**
   * @param pairs places of words, two a pair
   * @param words how many words there are
   * @throws WeightsError when a pair has a word that is not there
   */
  constructor(pairs: Uint16Array, words: number) {
    const count = pairs.length / 2;
    this.#firsts = Uint16Array.from({ length: count }, (_, i) => pairs[2 * i]!);
    this.#seconds = Uint16Array.from({ length: count }, (_, i) => pairs[2 * i + 1]!);
    if (pairs.some((place) => place >= words)) throw new WeightsError('A pair has a word that is not there');
    let size = 2;
    while (size < 2 * count) size *= 2;
    this.#slots = new Int32Array(size).fill(-1);
    for (let place = 0; place < count; place++) {
      this.#slots[this.#slot(this.#firsts[place]!, this.#seconds[place]!)] = place;
    }
  }

  /** The pair's place, or -1. */
  find(first: number, second: number): number {
    return this.#slots[this.#slot(first, second)]!;
  }

  /** Where the pair is, or would be. */
  #slot(first: number, second: number): number {
    const mask = this.#slots.length - 1;
    const mixed = Math.imul(first, 0x9e37_79b1) ^ Math.imul(second, 0x85eb_ca6b);
    let slot = (mixed ^ (mixed >>> 15)) & mask;
    for (let place = this.#slots[slot]!; place >= 0; place = this.#slots[slot]!) {
      if (this.#firsts[place] === first && this.#seconds[place] === second) break;
      slot = (slot + 1) & mask;
    }
    return slot;
  }
}
