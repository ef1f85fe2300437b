/** What is known of words and names before any text is read, in sorted tables of hashes. */
import { type Weights, WeightsError } from '../weights.ts';

/** 32-bit FNV-1a over UTF-16 code units, mixed once more; signed. */
export function hashOf(text: string, seed = 0): number {
  let hash = 0x811c_9dc5 ^ seed;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x0100_0193);
  return mixed(hash);
}

export function mixed(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x7feb_352d);
  h = Math.imul(h ^ (h >>> 15), 0x846c_a68b);
  return h ^ (h >>> 16);
}

/** A word or name that is not in the table. */
export const ABSENT = -1;

/** Hash → place in a table of values. */
export class HashIndex {
  readonly #keys: Int32Array;

  /** @param keys ascending */
  constructor(keys: Int32Array) {
    this.#keys = keys;
    for (let i = 1; i < keys.length; i++) {
      if (keys[i]! <= keys[i - 1]!) throw new WeightsError('Keys of a lexicon are not ascending');
    }
  }

  /** The place of the hash, or ABSENT. */
  find(hash: number): number {
    const keys = this.#keys;
    let low = 0;
    let high = keys.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const key = keys[middle]!;
      if (key === hash) return middle;
      if (key < hash) low = middle + 1;
      else high = middle - 1;
    }
    return ABSENT;
  }
}

/** What is known of a word: its distributional cluster, and how often it is written with a capital. */
export class WordLexicon {
  readonly #index: HashIndex;
  readonly #clusters: Uint16Array;
  readonly #capitals: Uint8Array;

  constructor(keys: Int32Array, clusters: Uint16Array, capitals: Uint8Array) {
    this.#index = new HashIndex(keys);
    this.#clusters = clusters;
    this.#capitals = capitals;
  }

  static of(weights: Weights): WordLexicon {
    const keys = weights.i32('wordKeys');
    return new WordLexicon(
      keys,
      weights.u16('wordClusters', [keys.length]),
      weights.u8('wordCapitals', [keys.length]),
    );
  }

  /** @param small lower case, digits as 0; ABSENT for an unknown word */
  find(small: string): number {
    return this.#index.find(hashOf(small));
  }

  /** 1 and up; 0 for an unknown word. */
  cluster(place: number): number {
    return place === ABSENT ? 0 : this.#clusters[place]! + 1;
  }

  /** Share of its occurrences inside sentences that have a capital: 1 (never) to 6 (always); 0 when unknown. */
  capital(place: number): number {
    return place === ABSENT ? 0 : this.#capitals[place]! + 1;
  }
}

/** Names of one or more words, lower case, joined by single spaces, and the bits of what they may be. */
export class NameLexicon {
  readonly #index: HashIndex;
  readonly #bits: Uint8Array;

  constructor(keys: Int32Array, bits: Uint8Array) {
    this.#index = new HashIndex(keys);
    this.#bits = bits;
  }

  static of(weights: Weights): NameLexicon {
    const keys = weights.i32('nameKeys');
    return new NameLexicon(keys, weights.u8('nameBits', [keys.length]));
  }

  /** Bits of the name; 0 when it is unknown. */
  bits(name: string): number {
    const place = this.#index.find(hashOf(name));
    return place === ABSENT ? 0 : this.#bits[place]!;
  }
}

/** A name is looked up to so many words. */
export const LONGEST_NAME = 6;
