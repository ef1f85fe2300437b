/**
 * Static sentence embeddings. Every word, known pair of neighbouring words and, for an unknown word, run of four of
 * its characters is a feature with a row of bytes; the rows of a text's features are added, and the sum is brought to
 * unit length. How much a feature says in a text is the length of its row. `models/python/train_encoder.py` trains
 * the rows, and `models/python/encoder.py` embeds exactly as this file does.
 */
import { byteRows, sumOfRows, ZERO } from '../byte-rows.ts';
import { type Weights, WeightsError } from '../weights.ts';
import { hash, plain, WordTable } from '../word-table.ts';
import { wordsOf } from '../words.ts';
import { PairTable } from './pair-table.ts';

/** Characters of a run, the marks of a word's beginning and end included. */
const RUN = 4;
/** No more runs of one word are looked at: a word of our languages has fewer. */
const MOST_RUNS = 24;
const BYTES_PER_WORD = 90;

export class SentenceEncoder {
  /** Of every vector. The leading ones say most, so that a vector may be cut (and brought to unit length again). */
  readonly dimensions: number;
  /** Rows: words by falling frequency, then pairs, then buckets of runs. */
  readonly features: number;
  readonly residentBytes: number;
  readonly #words: WordTable;
  readonly #pairs: PairTable;
  readonly #wordCount: number;
  readonly #firstBucket: number;
  readonly #buckets: number;
  /** Four bytes a number. */
  readonly #rows: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #lengths: Float32Array;
  readonly #occurrences: Uint32Array;

  /** @throws WeightsError when a tensor is absent or does not fit the others */
  constructor(weights: Weights) {
    const words = weights.lines('words');
    const pairs = weights.u16('pairs', [-1, 2]);
    const [features = 0, dimensions = 0] = weights.shapeOf('vectors');
    this.dimensions = dimensions;
    this.features = features;
    this.#words = new WordTable(words);
    this.#wordCount = words.length;
    this.#pairs = new PairTable(pairs, words.length);
    this.#firstBucket = words.length + pairs.length / 2;
    this.#buckets = features - this.#firstBucket;
    if (this.#buckets <= 0)
      throw new WeightsError(`Vectors have ${features} rows, fewer than words and pairs`);
    this.#rows = byteRows(weights, 'vectors', [features, dimensions]);
    this.#bytes = weights.u8('vectors');
    this.#lengths = Float32Array.from({ length: features }, (_, row) => this.#lengthOf(row));
    this.#occurrences = new Uint32Array(features);
    this.residentBytes = words.length * BYTES_PER_WORD + features * 8;
  }

  /** The text's vector, of unit length; all zeros when nothing in it is known. */
  embed(text: string): Float64Array<ArrayBuffer> {
    return toUnitLength(this.sum(this.featuresOf(wordsOf(text).map((word) => word.text))));
  }

  /** As `embed` of the words joined by spaces. @param words lower case, as `wordsOf` gives them */
  embedWords(words: readonly string[]): Float64Array<ArrayBuffer> {
    return toUnitLength(this.sum(this.featuresOf(words)));
  }

  /**
   * The features of words in their order, each at its first, second, fourth, eighth … occurrence.
   * @param words lower case, as `wordsOf` gives them
   */
  featuresOf(words: readonly string[]): number[] {
    const found: number[] = [];
    let previous = -1;
    for (const word of words) {
      const bare = plain(word);
      const place = this.#words.find(bare);
      if (place >= 0) this.#count(place, found);
      else this.#countRuns(bare, found);
      const pair = previous >= 0 && place >= 0 ? this.#pairs.find(previous, place) : -1;
      if (pair >= 0) this.#count(this.#wordCount + pair, found);
      previous = place;
    }
    for (const feature of found) this.#occurrences[feature] = 0;
    return found;
  }

  /** Whether the word (lower case) has a row of its own; others are made up of runs of their characters. */
  knows(word: string): boolean {
    return this.#words.find(plain(word)) >= 0;
  }

  /** The sum of the features' rows: whole numbers, to be added to others or brought to unit length. */
  sum(features: ArrayLike<number>): Float64Array<ArrayBuffer> {
    return sumOfRows(this.#rows, features, this.dimensions);
  }

  /** Adds one feature's row, `times` over, to `sum`. */
  addTo(sum: Float64Array, feature: number, times = 1): void {
    const start = feature * this.dimensions;
    for (let i = 0; i < this.dimensions; i++) sum[i]! += times * (this.#bytes[start + i]! - ZERO);
  }

  /** How much a feature says in a text: the length of its row. About 15 for "the", 150 for "good", 350 for most words. */
  weight(feature: number): number {
    return this.#lengths[feature] ?? 0;
  }

  #lengthOf(row: number): number {
    let squares = 0;
    for (let i = row * this.dimensions; i < (row + 1) * this.dimensions; i++) {
      const value = this.#bytes[i]! - ZERO;
      squares += value * value;
    }
    return Math.sqrt(squares);
  }

  #countRuns(word: string, found: number[]): void {
    const marked = `<${word}>`;
    const runs = Math.min(Math.max(marked.length - RUN + 1, 1), MOST_RUNS);
    for (let at = 0; at < runs; at++) {
      const bucket = (hash(marked.slice(at, at + RUN)) >>> 0) % this.#buckets;
      this.#count(this.#firstBucket + bucket, found);
    }
  }

  #count(feature: number, found: number[]): void {
    const occurrences = ++this.#occurrences[feature]!;
    if ((occurrences & (occurrences - 1)) === 0) found.push(feature);
  }
}

/** Brings the vector itself to unit length, and returns it; zeros stay zeros. */
export function toUnitLength<V extends Float64Array>(vector: V): V {
  let squares = 0;
  for (const value of vector) squares += value * value;
  if (squares === 0) return vector;
  const length = Math.sqrt(squares);
  for (let i = 0; i < vector.length; i++) vector[i]! /= length;
  return vector;
}

/** Of two vectors of unit length this is the cosine: 1 for the same direction, about 0 for unrelated texts. */
export function dotProduct(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
