/**
 * IAB content categories and audience segments of a text. Every known word and pair of neighbours adds its vector;
 * a linear layer turns the sum into a distribution over concepts, each of which has its place in both content
 * taxonomies; a category scores what the concepts in it and below it sum to, so no parent scores below its child.
 */
import { tokenizerOf } from '@zerogpu/catalogue';
import type { Piece, RunEnd } from '../runtime.ts';
import { roundTo, softmax } from './numeric.ts';
import type { LoadedProgram, Program, ProgramInference } from './programs.ts';
import { type Weights, WeightsError } from './weights.ts';
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
      async *run(inference: ProgramInference, signal: AbortSignal): AsyncGenerator<Piece, RunEnd, undefined> {
        signal.throwIfAborted();
        const tokenizer = tokenizerOf('zlm');
        const answer = JSON.stringify(model.classify(inference.text));
        const text = tokenizer.truncate(answer, inference.maxOutputTokens);
        if (text !== '') yield { kind: 'text', text };
        return {
          finishReason: text === answer ? 'stop' : 'length',
          inputTokens: tokenizer.count(inference.text),
          outputTokens: tokenizer.count(text),
        };
      },
    };
  },
};

export class IabModel {
  readonly residentBytes: number;
  readonly #features: Features;
  readonly #vectors: Int8Array;
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
    this.#vectors = weights.i8('vectors', [this.#features.size, dimensions]);
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
      audience: this.#audience.best(this.#audienceScores(scores22)),
      content: {
        iab_1_0: this.#content10.best(this.#content10.sums(probabilities)),
        iab_2_2: this.#content22.best(scores22),
      },
    };
  }

  /** Of the concepts, in their order; the last one is that the text is about none. */
  #probabilities(text: string): Float64Array {
    const sum = new Int32Array(this.#dimensions);
    const counted = this.#features.forEach(text, (feature) => {
      const start = feature * sum.length;
      for (let d = 0; d < sum.length; d++) sum[d]! += this.#vectors[start + d]!;
    });
    const scale = 1 / Math.sqrt(counted + this.#damping);
    const scores = new Float64Array(this.#bias.length);
    for (let concept = 0; concept < scores.length; concept++) {
      const start = concept * sum.length;
      let dot = 0;
      for (let d = 0; d < sum.length; d++) dot += sum[d]! * this.#concepts[start + d]!;
      scores[concept] = dot * scale + this.#bias[concept]!;
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

function numberOf(weights: Weights, key: string): number {
  const value = weights.meta[key];
  if (typeof value !== 'number') throw new WeightsError(`Weights of ${weights.model} give no ${key}`);
  return value;
}

/** The known words and pairs of neighbouring words. */
class Features {
  readonly size: number;
  /** Words with a vector come first; after them, words that are known only in pairs. */
  readonly #words: Map<string, number>;
  readonly #wordsWithVector: number;
  readonly #pairs = new Map<number, number>();
  readonly #occurrences: Uint16Array;

  constructor(words: readonly string[], pairs: readonly string[]) {
    this.size = words.length + pairs.length;
    this.#words = new Map(words.map((word, i) => [word, i]));
    this.#wordsWithVector = words.length;
    this.#occurrences = new Uint16Array(this.size);
    for (const [i, pair] of pairs.entries()) {
      const [first = '', second = ''] = pair.split(' ');
      this.#pairs.set(pairKey(this.#idOf(first), this.#idOf(second)), words.length + i);
    }
  }

  #idOf(word: string): number {
    const id = this.#words.get(word) ?? this.#words.size;
    this.#words.set(word, id);
    return id;
  }

  /** Calls `add` at the first, second, fourth, eighth … occurrence of each feature; returns how often it did. */
  forEach(text: string, add: (feature: number) => void): number {
    const seen: number[] = [];
    let added = 0;
    const count = (feature: number) => {
      const occurrences = ++this.#occurrences[feature]!;
      if (occurrences === 1) seen.push(feature);
      if ((occurrences & (occurrences - 1)) !== 0) return;
      add(feature);
      added++;
    };
    let before = -1;
    for (const word of wordsOf(text)) {
      const id = this.#words.get(plain(word.text)) ?? -1;
      if (id >= 0 && id < this.#wordsWithVector) count(id);
      const pair = before >= 0 && id >= 0 ? this.#pairs.get(pairKey(before, id)) : undefined;
      if (pair !== undefined) count(pair);
      before = id;
    }
    for (const feature of seen) this.#occurrences[feature] = 0;
    return added;
  }
}

function pairKey(first: number, second: number): number {
  return first * 0x10_0000 + second;
}

/** As in training: a straight apostrophe, no possessive. */
function plain(word: string): string {
  const straight = word.includes('’') ? word.replaceAll('’', "'") : word;
  return straight.endsWith("'s") ? straight.slice(0, -2) : straight;
}

class Taxonomy {
  readonly size: number;
  readonly #names: readonly string[];
  readonly #parents: Int16Array;
  readonly #depths: readonly number[];
  /** The category of each concept; -1 where it has none. Empty for a taxonomy that has no concepts of its own. */
  readonly #ofConcept: Int16Array;

  constructor(weights: Weights, label: string) {
    this.#names = weights.lines(`${label}.names`);
    this.size = this.#names.length;
    this.#parents = weights.i16(`${label}.parents`, [this.size]);
    this.#ofConcept = weights.has(`${label}.of_concept`)
      ? weights.i16(`${label}.of_concept`)
      : new Int16Array();
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

  best(scores: Float64Array): ScoredName[] {
    let top = 0;
    const listed: number[] = [];
    for (let node = 0; node < this.size; node++) {
      if (scores[node]! >= LEAST_SCORE) listed.push(node);
      if (this.#parents[node]! < 0 && scores[node]! > scores[top]!) top = node;
    }
    if (listed.length === 0) listed.push(top);
    listed.sort((a, b) => scores[b]! - scores[a]! || this.#depths[a]! - this.#depths[b]! || a - b);
    return listed
      .slice(0, LONGEST_LIST)
      .map((node) => ({ name: this.#names[node]!, score: roundTo(scores[node]!, DECIMALS) }));
  }
}
