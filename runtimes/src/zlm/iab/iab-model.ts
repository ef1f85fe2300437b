/**
 * IAB content categories and audience segments of a text. Every known word and pair of neighbours adds its vector;
 * a linear layer turns the sum into a distribution over concepts, each of which has its place in both content
 * taxonomies; a category scores what the concepts in it and below it sum to, so no parent scores below its child.
 */
import { byteRows, sumOfRows } from '../byte-rows.ts';
import { roundTo, softmax } from '../numeric.ts';
import { type Weights, WeightsError } from '../weights.ts';
import { Features } from './iab-features.ts';
import { type ListBounds, Taxonomy } from './taxonomy.ts';

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
const BOUNDS: ListBounds = { least: LEAST_SCORE, most: LONGEST_LIST };
export const DECIMALS = 4;

export class IabModel {
  readonly residentBytes: number;
  readonly #features: Features;
  /** Four bytes a number. */
  readonly #vectors: Int32Array;
  readonly #concepts: Float32Array;
  readonly #bias: Float32Array;
  readonly #dimensions: number;
  readonly #damping: number;
  readonly content10: Taxonomy;
  readonly content22: Taxonomy;
  readonly audience: Taxonomy;
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
    this.content10 = new Taxonomy(weights, 'content_1_0');
    this.content22 = new Taxonomy(weights, 'content_2_2');
    this.audience = new Taxonomy(weights, 'audience_1_1');
    this.#audienceLinks = weights.i16('audience_1_1.links', [-1, 2]);
    this.residentBytes = this.#features.size * 120;
  }

  /** How many probabilities a text has; the last is that it is about no concept. */
  get conceptCount(): number {
    return this.#bias.length;
  }

  get wordCount(): number {
    return this.#features.wordCount;
  }

  /** See `Features.wordPlace`. */
  wordPlace(word: string): number {
    return this.#features.wordPlace(word);
  }

  classify(text: string): IabProfile {
    return this.profileOf(this.probabilities(text));
  }

  /** @param probabilities of the concepts */
  profileOf(probabilities: Float64Array): IabProfile {
    const scores10 = this.content10.sums(probabilities);
    const scores22 = this.content22.sums(probabilities);
    const segments = this.audienceScores(scores22);
    return {
      audience: scored(this.audience, this.audience.listed(segments, BOUNDS), segments),
      content: {
        iab_1_0: scored(this.content10, this.content10.best(scores10, BOUNDS), scores10),
        iab_2_2: scored(this.content22, this.content22.best(scores22, BOUNDS), scores22),
      },
    };
  }

  /** Probabilities of the concepts, in their order; the last one is that the text is about none. */
  probabilities(text: string): Float64Array {
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

  /** @param content scores of the nodes of Content 2.2 */
  audienceScores(content: Float64Array): Float64Array {
    const scores = new Float64Array(this.audience.size);
    for (let i = 0; i < this.#audienceLinks.length; i += 2) {
      const score = content[this.#audienceLinks[i]!]!;
      this.audience.raise(scores, this.#audienceLinks[i + 1]!, score);
    }
    return scores;
  }
}

function scored(taxonomy: Taxonomy, nodes: readonly number[], scores: Float64Array): ScoredName[] {
  return nodes.map((node) => ({ name: taxonomy.names[node]!, score: roundTo(scores[node]!, DECIMALS) }));
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
