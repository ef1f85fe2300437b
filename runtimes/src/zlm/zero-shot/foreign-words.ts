/**
 * Texts in languages that the encoder was not trained on: each of their words stands for the English sentences in
 * whose translations it was found.
 */
import { type SentenceEncoder, toUnitLength } from '../encoder/sentence-encoder.ts';
import { log } from '../numeric.ts';
import { type Weights, WeightsError } from '../weights.ts';
import { WordTable } from '../word-table.ts';
import { wordsOf } from '../words.ts';

/** How much the encoder's own vector counts beside: names and loan words are alike in all languages. */
const OWN_SHARE = 0.3;
const BYTES_PER_WORD = 100;

export class ForeignWords {
  readonly residentBytes: number;
  readonly #encoder: SentenceEncoder;
  readonly #words: WordTable;
  /** Where each word's sentences start; one more at the end. */
  readonly #starts: Int32Array;
  readonly #sentences: Uint16Array;
  /** Vectors of the English sentences, their mean taken off. */
  readonly #pivots: readonly Float64Array[];
  readonly #common: ReadonlySet<string>;
  readonly #english: ReadonlySet<string>;

  /** @throws WeightsError when a tensor is absent or does not fit the others */
  constructor(weights: Weights, encoder: SentenceEncoder) {
    this.#encoder = encoder;
    const words = weights.lines('foreign.words');
    this.#words = new WordTable(words);
    this.#starts = startsOf(weights.u8('foreign.counts', [words.length]));
    this.#sentences = weights.u16('foreign.sentences', [this.#starts[words.length]!]);
    this.#pivots = centred(weights.lines('pivots').map((sentence) => encoder.embed(sentence)));
    this.#common = new Set(weights.lines('foreign.common'));
    this.#english = new Set(weights.lines('english.common'));
    if (this.#sentences.some((sentence) => sentence >= this.#pivots.length)) {
      throw new WeightsError('A word is of a sentence that is not there');
    }
    this.residentBytes = words.length * BYTES_PER_WORD + this.#pivots.length * encoder.dimensions * 8;
  }

  /** The text's unit vector among English texts; as the encoder's when the text is English, or of no known language. */
  embed(text: string): Float64Array {
    const own = this.#encoder.embed(text);
    const words = wordsOf(text).map((word) => word.text);
    if (!this.#isForeign(words)) return own;
    const vector = this.#sumOf(words);
    for (let i = 0; i < vector.length; i++) vector[i] = vector[i]! + OWN_SHARE * own[i]!;
    return toUnitLength(vector);
  }

  /** By the common words of each side; a text without any, by the words that only one side knows. */
  #isForeign(words: readonly string[]): boolean {
    let foreign = 0;
    let english = 0;
    for (const word of words) {
      if (this.#common.has(word)) foreign++;
      else if (this.#english.has(word)) english++;
    }
    if (foreign !== english || foreign > 0) return foreign > english;
    for (const word of words) {
      if (this.#encoder.knows(word)) english++;
      else if (this.#words.find(word) >= 0) foreign++;
    }
    return foreign > english;
  }

  /** Each word once, rare ones more. */
  #sumOf(words: readonly string[]): Float64Array {
    const sum = new Float64Array(this.#encoder.dimensions);
    for (const word of new Set(words)) {
      const place = this.#words.find(word);
      if (place < 0) continue;
      const meaning = this.#meaningOf(place);
      const count = this.#starts[place + 1]! - this.#starts[place]!;
      const weight = log(this.#pivots.length / count);
      for (let i = 0; i < sum.length; i++) sum[i]! += weight * meaning[i]!;
    }
    return toUnitLength(sum);
  }

  #meaningOf(place: number): Float64Array {
    const sum = new Float64Array(this.#encoder.dimensions);
    for (let at = this.#starts[place]!; at < this.#starts[place + 1]!; at++) {
      const pivot = this.#pivots[this.#sentences[at]!]!;
      for (let i = 0; i < sum.length; i++) sum[i]! += pivot[i]!;
    }
    return toUnitLength(sum);
  }
}

function startsOf(counts: Uint8Array): Int32Array {
  const starts = new Int32Array(counts.length + 1);
  for (const [i, count] of counts.entries()) starts[i + 1] = starts[i]! + count;
  return starts;
}

function centred(vectors: readonly Float64Array[]): readonly Float64Array[] {
  const mean = new Float64Array(vectors[0]?.length ?? 0);
  for (const vector of vectors) for (let i = 0; i < mean.length; i++) mean[i]! += vector[i]! / vectors.length;
  return vectors.map((vector) => vector.map((value, i) => value - mean[i]!));
}
