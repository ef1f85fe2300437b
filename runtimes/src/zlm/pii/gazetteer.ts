/** What is known of names and words before any text is read: a sorted table of hashes with the bits of each. */

import { ABSENT, HashIndex, hashOf } from '../entities/lexicon.ts';
import { fold } from '../entities/patterns/fold.ts';
import { type TaggerToken, tokenLines } from '../entities/tagger-tokens.ts';
import type { Weights } from '../weights.ts';
import { withoutHardWraps } from './hard-wraps.ts';

export const KNOWN = {
  first: 1,
  surname: 2,
  city: 4,
  region: 8,
  country: 16,
  nationality: 32,
  job: 64,
  condition: 128,
  medication: 256,
  org: 512,
  /** Usually written without a capital. */
  common: 1024,
  /** Begins a name of several words. */
  starts: 2048,
} as const;

/** A name is looked up to so many tokens. */
const LONGEST = 5;

/** A token with what it is looked up by. */
export interface KeyedToken extends TaggerToken {
  /** Folded. */
  readonly key: string;
  /** Bits of KNOWN of the token alone. */
  readonly bits: number;
  /** Bits of KNOWN of the longest known name that it is a part of; 0 when that is the token alone. */
  readonly phrase: number;
  /** How many tokens the longest known name has that begins here; 0 for none. */
  readonly length: number;
}

export class Gazetteer {
  readonly #index: HashIndex;
  readonly #bits: Uint16Array;

  constructor(keys: Int32Array, bits: Uint16Array) {
    this.#index = new HashIndex(keys);
    this.#bits = bits;
  }

  static of(weights: Weights): Gazetteer {
    const keys = weights.i32('keys');
    return new Gazetteer(keys, weights.u16('bits', [keys.length]));
  }

  /** @param key folded, tokens with single spaces between */
  bits(key: string): number {
    const place = this.#index.find(hashOf(key));
    return place === ABSENT ? 0 : this.#bits[place]!;
  }

  /** The text's tokens by lines, hard wraps undone, with what is known of them. */
  lines(text: string, folded: string): KeyedToken[][] {
    return withoutHardWraps(text, tokenLines(text)).map((line) => this.#keyed(line, folded));
  }

  #keyed(line: readonly TaggerToken[], folded: string): KeyedToken[] {
    const keys = line.map(({ start, end }) => folded.slice(start, end));
    const bits = keys.map((key) => this.bits(key));
    const phrase = new Uint16Array(line.length);
    const length = new Uint8Array(line.length);
    for (let i = 0; i < line.length; i++) this.#mark(keys, bits, phrase, length, i);
    return line.map((token, i) => ({
      ...token,
      key: keys[i]!,
      bits: bits[i]!,
      phrase: phrase[i]!,
      length: length[i]! || (bits[i]! & ~(KNOWN.common | KNOWN.starts) ? 1 : 0),
    }));
  }

  #mark(
    keys: readonly string[],
    bits: readonly number[],
    phrase: Uint16Array,
    length: Uint8Array,
    i: number,
  ): void {
    if (!(bits[i]! & KNOWN.starts)) return;
    let name = keys[i]!;
    let found = 0;
    for (let j = i + 1; j < keys.length && j < i + LONGEST; j++) {
      name += ` ${keys[j]}`;
      const known = this.bits(name);
      if (known === 0) continue;
      found = known;
      length[i] = j - i + 1;
    }
    for (let j = i; j < i + length[i]!; j++) phrase[j] = phrase[j]! | found;
  }
}

/** How a name stands in the table: its tokens, folded, with single spaces between. */
export function keyOf(name: string): string {
  const line = tokenLines(name)[0] ?? [];
  return line.map(({ text }) => fold(text)).join(' ');
}
