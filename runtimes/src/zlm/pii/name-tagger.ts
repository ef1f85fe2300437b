/** Persons, organizations, places and streets in six languages: a conditional random field over hashed features. */
import { isInside, LinearChain, OUTSIDE, typeOf } from '../entities/linear-chain.ts';
import { type Weights, WeightsError } from '../weights.ts';
import { featuresOf, NAME_TYPES, TAGS } from './features.ts';
import type { KeyedToken } from './gazetteer.ts';

export interface NameSpan {
  readonly type: (typeof NAME_TYPES)[number];
  /** Places of tokens in their line. */
  readonly first: number;
  readonly last: number;
  readonly score: number;
}

export class PiiTagger {
  readonly #chain: LinearChain;
  readonly #weights: Int8Array;
  readonly #mask: number;
  readonly #scale: number;

  /** @throws WeightsError when tensors are missing or do not fit each other */
  constructor(weights: Weights) {
    this.#chain = new LinearChain(TAGS, weights.f32('transitions', [TAGS, TAGS]));
    this.#weights = weights.i8('emissions', [-1, TAGS]);
    const buckets = this.#weights.length / TAGS;
    this.#scale = Number(weights.meta['taggerScale']);
    if ((buckets & (buckets - 1)) !== 0 || !(this.#scale > 0))
      throw new WeightsError('PII tagger: odd buckets or no scale');
    this.#mask = buckets - 1;
  }

  /** Names in a line, in order, without overlaps. */
  tag(line: readonly KeyedToken[]): NameSpan[] {
    const probabilities = this.#chain.posterior(this.#emissions(line)).tags;
    for (let at = 0; at < probabilities.length; at += TAGS) lessOutside(probabilities, at);
    return spansOf(this.#chain.decode(probabilities), probabilities);
  }

  #emissions(line: readonly KeyedToken[]): Float64Array {
    const emissions = new Float64Array(line.length * TAGS);
    const sums = new Int32Array(TAGS);
    const weights = this.#weights;
    const mask = this.#mask;
    const scale = this.#scale;
    for (const [i, hashes] of featuresOf(line).entries()) {
      sums.fill(0);
      for (let h = 0; h < hashes.length; h++) {
        const from = (hashes[h]! & mask) * TAGS;
        for (let t = 0; t < TAGS; t++) sums[t] = sums[t]! + weights[from + t]!;
      }
      for (let t = 0; t < TAGS; t++) emissions[i * TAGS + t] = sums[t]! * scale;
    }
    return emissions;
  }
}

/** A missed name costs more than a false one: being none counts for less, so that a score of one half is the place to cut. */
const OUTSIDE_WEIGHT = 0.4;

function lessOutside(probabilities: Float64Array, at: number): void {
  const outside = probabilities[at]! * OUTSIDE_WEIGHT;
  const sum = outside + (1 - probabilities[at]!);
  probabilities[at] = outside / sum;
  for (let t = 1; t < TAGS; t++) probabilities[at + t] = probabilities[at + t]! / sum;
}

function spansOf(path: Uint8Array, probabilities: Float64Array): NameSpan[] {
  const spans: NameSpan[] = [];
  for (let i = 0; i < path.length; ) {
    if (path[i] === OUTSIDE) {
      i++;
      continue;
    }
    const first = i++;
    while (i < path.length && isInside(path[i]!)) i++;
    const type = typeOf(path[first]!);
    spans.push({ type: NAME_TYPES[type]!, first, last: i - 1, score: meanOf(probabilities, first, i, type) });
  }
  return spans;
}

function meanOf(probabilities: Float64Array, first: number, last: number, type: number): number {
  let sum = 0;
  for (let i = first; i < last; i++) {
    const at = i * TAGS + 1 + 2 * type;
    sum += probabilities[at]! + probabilities[at + 1]!;
  }
  return sum / (last - first);
}
