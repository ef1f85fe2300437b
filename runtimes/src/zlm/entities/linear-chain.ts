/**
 * A linear-chain conditional random field over BIO tags: tag 0 is "outside", then a beginning and an inside tag for
 * each type. Probabilities by forward and backward sums, in a fixed order of exact operations.
 */
import { exp } from '../numeric.ts';

export const OUTSIDE = 0;

export function beginning(type: number): number {
  return 1 + 2 * type;
}

/** The type of a tag; −1 for "outside". */
export function typeOf(tag: number): number {
  return tag === OUTSIDE ? -1 : (tag - 1) >> 1;
}

export function isInside(tag: number): boolean {
  return tag > 0 && (tag & 1) === 0;
}

/** An inside tag follows the beginning or the inside of its own type, and nothing else does before it. */
export function mayFollow(from: number, to: number): boolean {
  return !isInside(to) || (from > 0 && typeOf(from) === typeOf(to));
}

export interface Posterior {
  /** Probability of each tag at each token: row-major, tokens × tags. */
  readonly tags: Float64Array;
  /** Sum over places of the probability of each pair of neighbouring tags: tags × tags. */
  readonly pairs: Float64Array;
}

export class LinearChain {
  readonly tags: number;
  /** e to the transition's weight; 0 where it is not allowed. Row-major: from × to. */
  readonly #factors: Float64Array;

  /** @param transitions weights, from × to; at the start of a line the transition is from "outside" */
  constructor(tags: number, transitions: ArrayLike<number>) {
    this.tags = tags;
    this.#factors = new Float64Array(tags * tags);
    for (let from = 0; from < tags; from++) {
      for (let to = 0; to < tags; to++) {
        const at = from * tags + to;
        this.#factors[at] = mayFollow(from, to) ? exp(transitions[at]!) : 0;
      }
    }
  }

  /**
   * @param emissions weight of each tag at each token: tokens × tags
   * @param allowed bits of the tags that each token may have; every tag when absent
   */
  posterior(emissions: Float64Array, allowed?: ArrayLike<number>): Posterior {
    const { tags } = this;
    const length = emissions.length / tags;
    const local = this.#local(emissions, allowed);
    const forward = this.#forward(local, length);
    const backward = this.#backward(local, length);
    const pairs = new Float64Array(tags * tags);
    for (let i = 0; i < length; i++) this.#addPairs(pairs, forward, backward, local, i);
    for (let at = 0; at < forward.length; at += tags) normalizedProduct(forward, backward, at, tags);
    return { tags: forward, pairs };
  }

  #local(emissions: Float64Array, allowed?: ArrayLike<number>): Float64Array {
    const { tags } = this;
    const local = new Float64Array(emissions.length);
    for (let at = 0, token = 0; at < emissions.length; at += tags, token++) {
      const bits = allowed ? allowed[token]! : -1;
      let largest = Number.NEGATIVE_INFINITY;
      for (let t = 0; t < tags; t++) {
        if ((bits >> t) & 1 && emissions[at + t]! > largest) largest = emissions[at + t]!;
      }
      for (let t = 0; t < tags; t++) {
        local[at + t] = (bits >> t) & 1 ? exp(emissions[at + t]! - largest) + 1e-30 : 0;
      }
    }
    return local;
  }

  #forward(local: Float64Array, length: number): Float64Array {
    const { tags } = this;
    const factors = this.#factors;
    const forward = new Float64Array(length * tags);
    for (let i = 0; i < length; i++) {
      const at = i * tags;
      for (let to = 0; to < tags; to++) {
        let sum = 0;
        if (i === 0) sum = factors[to]!;
        else
          for (let from = 0; from < tags; from++)
            sum += forward[at - tags + from]! * factors[from * tags + to]!;
        forward[at + to] = sum * local[at + to]!;
      }
      normalize(forward, at, tags);
    }
    return forward;
  }

  #backward(local: Float64Array, length: number): Float64Array {
    const { tags } = this;
    const factors = this.#factors;
    const backward = new Float64Array(length * tags);
    backward.fill(1 / tags, Math.max(0, length - 1) * tags);
    for (let i = length - 2; i >= 0; i--) {
      const at = i * tags;
      for (let from = 0; from < tags; from++) {
        let sum = 0;
        for (let to = 0; to < tags; to++) {
          sum += factors[from * tags + to]! * local[at + tags + to]! * backward[at + tags + to]!;
        }
        backward[at + from] = sum;
      }
      normalize(backward, at, tags);
    }
    return backward;
  }

  /** Adds the probabilities of the pairs that end at token i. */
  #addPairs(
    pairs: Float64Array,
    forward: Float64Array,
    backward: Float64Array,
    local: Float64Array,
    i: number,
  ): void {
    const { tags } = this;
    const factors = this.#factors;
    const at = i * tags;
    const before = (from: number) => (i === 0 ? (from === OUTSIDE ? 1 : 0) : forward[at - tags + from]!);
    let sum = 0;
    for (let from = 0; from < tags; from++) {
      for (let to = 0; to < tags; to++) {
        sum += before(from) * factors[from * tags + to]! * local[at + to]! * backward[at + to]!;
      }
    }
    if (!(sum > 0)) return;
    for (let from = 0; from < tags; from++) {
      const weight = before(from) / sum;
      if (weight === 0) continue;
      for (let to = 0; to < tags; to++) {
        const pair = from * tags + to;
        pairs[pair] = pairs[pair]! + weight * factors[pair]! * local[at + to]! * backward[at + to]!;
      }
    }
  }

  /** The most probable sequence of tags when each token's probabilities are as given. */
  decode(probabilities: Float64Array): Uint8Array {
    const { tags } = this;
    const length = probabilities.length / tags;
    const best = new Float64Array(length * tags);
    const from = new Uint8Array(length * tags);
    for (let i = 0; i < length; i++) {
      for (let to = 0; to < tags; to++) {
        const { score, tag } = bestBefore(best, i * tags - tags, to, tags);
        best[i * tags + to] = score + probabilities[i * tags + to]!;
        from[i * tags + to] = tag;
      }
    }
    return walkBack(best, from, length, tags);
  }
}

/** The best tag before `to`, in the row at `row`; "outside" before the first row. */
function bestBefore(
  best: Float64Array,
  row: number,
  to: number,
  tags: number,
): { score: number; tag: number } {
  if (row < 0) return { score: mayFollow(OUTSIDE, to) ? 0 : -1e9, tag: OUTSIDE };
  let score = Number.NEGATIVE_INFINITY;
  let tag = OUTSIDE;
  for (let before = 0; before < tags; before++) {
    const value = best[row + before]!;
    if (value > score && mayFollow(before, to)) {
      score = value;
      tag = before;
    }
  }
  return { score, tag };
}

function walkBack(best: Float64Array, from: Uint8Array, length: number, tags: number): Uint8Array {
  const path = new Uint8Array(length);
  let tag = 0;
  for (let t = 1, row = (length - 1) * tags; t < tags; t++) if (best[row + t]! > best[row + tag]!) tag = t;
  for (let i = length - 1; i >= 0; i--) {
    path[i] = tag;
    tag = from[i * tags + tag]!;
  }
  return path;
}

function normalize(values: Float64Array, at: number, count: number): void {
  let sum = 0;
  for (let i = at; i < at + count; i++) sum += values[i]!;
  if (!(sum > 0)) return;
  for (let i = at; i < at + count; i++) values[i] = values[i]! / sum;
}

function normalizedProduct(target: Float64Array, other: Float64Array, at: number, count: number): void {
  for (let i = at; i < at + count; i++) target[i] = target[i]! * other[i]!;
  normalize(target, at, count);
}
