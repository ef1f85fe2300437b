/**
 * IAB content categories and audience segments of a text. Every known word and pair of neighbours adds its vector;
 * a linear layer turns the sum into a distribution over concepts, each of which has its place in both content
 * taxonomies; a category scores what the concepts in it and below it sum to, so no parent scores below its child.
 */
import { byteRows, sumOfRows } from './byte-rows.ts';
import { roundTo, softmax } from './numeric.ts';
import type { LoadedProgram, Program } from './programs.ts';
import { type Weights, WeightsError } from './weights.ts';
import { wholeAnswer } from './whole-answer.ts';
import { plain, WordTable } from './word-table.ts';
import { wordsOf } from './words.ts';

export interface ScoredName {
  readonly name: string;
  /** 0 to 1, four decimals. */
  readonly score: number;
}

/** Each list best first, at least one entry, at most `LONGEST_LIST`. */
export interface IabProfile {
  readonly audience: readonly ScoredName[];
  readonly content: {
    readonly iab_1_0: readonly ScoredName[];
    readonly iab_2_2: readonly ScoredName[];
  };
}

/** What scores less is not listed, but for the best tier-1 category. */
const LEAST_SCORE = 0.1;
export const LONGEST_LIST = 8;
const DECIMALS = 4;

export const iabClassifier: Program = {
  load(weights: Weights): LoadedProgram {
    const model = new IabModel(weights);
    return {
      residentBytes: model.residentBytes,
      part: model,
      run: (inference, signal) =>
        wholeAnswer(inference, signal, (text) => JSON.stringify(model.classify(text))),
    };
  },
};

export class IabModel {
  readonly residentBytes: number;
  readonly #features: Features;
  /** Four bytes a number. */
  readonly #vectors: Int32Array;
  readonly #concepts: Float32Array;
  readonly #bias: Float32Array;
  readonly #dimensions: number;
  readonly #damping: number;
  readonly #content10: Taxonomy;
  readonly #content22: Taxonomy;
  readonly #audience: Taxonomy;
  /** Pairs: a category of Content 2.2, a segment that takes its score. */
  readonly #audienceLinks: Int16Array;

  /** @throws WeightsError when a tensor or a number of the meta is absent or does not fit the others */
  constructor(weights: Weights) {
    this.#features = new Features(weights.lines('words'), weights.lines('pairs'));
    const [, dimensions = 0] = weights.shapeOf('vectors');
    this.#dimensions = dimensions;
    this.#vectors = byteRows(weights, 'vectors', [this.#features.size, dimensions]);
    this.#concepts = weights.f32('concepts', [-1, dimensions]);
    this.#bias = weights.f32('bias', [this.#concepts.length / dimensions]);
    this.#damping = numberOf(weights, 'damping');
    this.#content10 = new Taxonomy(weights, 'content_1_0');
    this.#content22 = new Taxonomy(weights, 'content_2_2');
    this.#audience = new Taxonomy(weights, 'audience_1_1');
    this.#audienceLinks = weights.i16('audience_1_1.links', [-1, 2]);
    this.residentBytes = this.#features.size * 120;
  }

  classify(text: string): IabProfile {
    const probabilities = this.#probabilities(text);
    const scores22 = this.#content22.sums(probabilities);
    return {
      audience: this.#audience.listed(this.#audienceScores(scores22)),
      content: {
        iab_1_0: this.#content10.best(this.#content10.sums(probabilities)),
        iab_2_2: this.#content22.best(scores22),
      },
    };
  }

  /** Of the concepts, in their order; the last one is that the text is about none. */
  #probabilities(text: string): Float64Array {
    const features = this.#features.of(text);
    const sum = sumOfRows(this.#vectors, features, this.#dimensions);
    const scale = 1 / Math.sqrt(features.length + this.#damping);
    const scores = products(this.#concepts, sum);
    for (let concept = 0; concept < scores.length; concept++) {
      scores[concept] = scores[concept]! * scale + this.#bias[concept]!;
    }
    softmax(scores);
    return scores;
  }

  #audienceScores(content: Float64Array): Float64Array {
    const scores = new Float64Array(this.#audience.size);
    for (let i = 0; i < this.#audienceLinks.length; i += 2) {
      const score = content[this.#audienceLinks[i]!]!;
      this.#audience.raise(scores, this.#audienceLinks[i + 1]!, score);
    }
    return scores;
  }
}

/** The matrix times the vector. Four rows at once, so that no sum waits for itself and the vector is read once. */
function products(matrix: Float32Array, vector: Float64Array): Float64Array {
  const { length } = vector;
  const result = new Float64Array(matrix.length / length);
  for (let row = 0; row < result.length; row += 4) {
    // The last rows are done again when their number is no multiple of 4.
    const first = Math.min(row, result.length - 4);
    const start = first * length;
    let a = 0;
    let b = 0;
    let c = 0;
    let d = 0;
    for (let i = 0, at = start; i < length; i++, at++) {
      const x = vector[i]!;
      a += matrix[at]! * x;
      b += matrix[at + length]! * x;
      c += matrix[at + 2 * length]! * x;
      d += matrix[at + 3 * length]! * x;
    }
    result[first] = a;
    result[first + 1] = b;
    result[first + 2] = c;
    result[first + 3] = d;
  }
  return result;
}

function numberOf(weights: Weights, key: string): number {
  const value = weights.meta[key];
  if (typeof value !== 'number') throw new WeightsError(`Weights of ${weights.model} give no ${key}`);
  return value;
}

/** The known words and pairs of neighbouring words. */
class Features {
  readonly size: number;
  /** Words with a vector come first; after them, words that are known only in pairs. */
  readonly #words: WordTable;
  readonly #wordsWithVector: number;
  /** By the first word, then by the second. */
  readonly #pairs = new Map<number, Map<number, number>>();
  readonly #occurrences: Uint16Array;

  constructor(words: readonly string[], pairs: readonly string[]) {
    this.size = words.length + pairs.length;
    const inPairs = pairs.flatMap((pair) => pair.split(' '));
    this.#words = new WordTable([...new Set([...words, ...inPairs])]);
    this.#wordsWithVector = words.length;
    this.#occurrences = new Uint16Array(this.size);
    for (const [i, pair] of pairs.entries()) {
      const [first = -1, second = -1] = pair.split(' ').map((word) => this.#words.find(word));
      const seconds = this.#pairs.get(first) ?? new Map<number, number>();
      this.#pairs.set(first, seconds.set(second, words.length + i));
    }
  }

  /** Each feature of the text at its first, second, fourth, eighth … occurrence. */
  of(text: string): number[] {
    const found: number[] = [];
    let seconds: ReadonlyMap<number, number> | undefined;
    for (const word of wordsOf(text)) {
      const id = this.#words.find(plain(word.text));
      if (id >= 0 && id < this.#wordsWithVector) this.#count(id, found);
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

class Taxonomy {
  readonly size: number;
  readonly #names: readonly string[];
  readonly #parents: Int16Array;
  readonly #depths: readonly number[];
  /** The category of each concept; -1 where it has none. Empty for a taxonomy that has no concepts of its own. */
  readonly #ofConcept: Int16Array;
  /** What a text about none of the concepts is in; -1 where there is no such category. */
  readonly #uncategorized: number;

  constructor(weights: Weights, label: string) {
    this.#names = weights.lines(`${label}.names`);
    this.size = this.#names.length;
    this.#parents = weights.i16(`${label}.parents`, [this.size]);
    this.#ofConcept = weights.has(`${label}.of_concept`)
      ? weights.i16(`${label}.of_concept`)
      : new Int16Array();
    this.#uncategorized = this.#ofConcept.at(-1) ?? -1;
    this.#depths = this.#names.map((_, node) => this.#ancestors(node).length);
  }

  #ancestors(node: number): number[] {
    const ancestors = [];
    for (let at = this.#parents[node]!; at >= 0; at = this.#parents[at]!) {
      if (ancestors.push(at) > this.size) throw new WeightsError('A taxonomy goes round in a circle');
    }
    return ancestors;
  }

  /** Each category's own concepts and those below it. */
  sums(probabilities: Float64Array): Float64Array {
    const scores = new Float64Array(this.size);
    for (let concept = 0; concept < probabilities.length; concept++) {
      for (let node = this.#ofConcept[concept]!; node >= 0; node = this.#parents[node]!) {
        scores[node]! += probabilities[concept]!;
      }
    }
    return scores;
  }

  /** Makes `score` the least of a node and of all above it. */
  raise(scores: Float64Array, node: number, score: number): void {
    for (let at = node; at >= 0; at = this.#parents[at]!) scores[at] = Math.max(scores[at]!, score);
  }

  /** As `listed`, or the best root alone. That a text is uncategorized is said only when there is nothing else to say. */
  best(scores: Float64Array): ScoredName[] {
    const listed = this.listed(scores);
    if (listed.length > 0) return listed;
    let top = 0;
    for (let node = 0; node < this.size; node++) {
      if (this.#parents[node]! < 0 && scores[node]! > scores[top]!) top = node;
    }
    return [this.#scored(top, scores)];
  }

  /** What scores enough to be told, best first; may be nothing. */
  listed(scores: Float64Array): ScoredName[] {
    const listed: number[] = [];
    for (let node = 0; node < this.size; node++) {
      if (scores[node]! >= LEAST_SCORE && node !== this.#uncategorized) listed.push(node);
    }
    listed.sort((a, b) => scores[b]! - scores[a]! || this.#depths[a]! - this.#depths[b]! || a - b);
    return listed.slice(0, LONGEST_LIST).map((node) => this.#scored(node, scores));
  }

  #scored(node: number, scores: Float64Array): ScoredName {
    return { name: this.#names[node]!, score: roundTo(scores[node]!, DECIMALS) };
  }
}
