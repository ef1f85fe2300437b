/** A taxonomy as a tree of nodes, and which of them a text's scores make worth telling. */
import { type Weights, WeightsError } from '../weights.ts';

/** How long a list of nodes may be, and from which score a node stands in it. */
export interface ListBounds {
  readonly least: number;
  readonly most: number;
}

export class Taxonomy {
  readonly size: number;
  readonly names: readonly string[];
  /** The official ids, by node. */
  readonly keys: readonly string[];
  /** By node: the node above it, or -1. */
  readonly parents: Int16Array;
  readonly #depths: readonly number[];
  /** The node of each concept; -1 where it has none. Empty for a taxonomy that has no concepts of its own. */
  readonly #ofConcept: Int16Array;
  /** What a text about none of the concepts is in; -1 where there is no such node. */
  readonly #uncategorized: number;

  /** Reads the tensors `<label>.names`, `.keys`, `.parents` and, where there is one, `.of_concept`. */
  constructor(weights: Weights, label: string) {
    this.names = weights.lines(`${label}.names`);
    this.size = this.names.length;
    this.keys = weights.lines(`${label}.keys`);
    if (this.keys.length !== this.size) throw new WeightsError(`${label} has not as many ids as names`);
    this.parents = weights.i16(`${label}.parents`, [this.size]);
    this.#ofConcept = weights.has(`${label}.of_concept`)
      ? weights.i16(`${label}.of_concept`)
      : new Int16Array();
    this.#uncategorized = this.#ofConcept.at(-1) ?? -1;
    this.#depths = this.names.map((_, node) => this.path(node).length - 1);
  }

  /** The nodes from the root down to `node`. */
  path(node: number): number[] {
    const path: number[] = [];
    for (let at = node; at >= 0; at = this.parents[at]!) {
      if (path.push(at) > this.size) throw new WeightsError('A taxonomy goes round in a circle');
    }
    return path.reverse();
  }

  /** 0 for a root. */
  depth(node: number): number {
    return this.#depths[node]!;
  }

  /** Where a concept stands, or -1. */
  ofConcept(concept: number): number {
    return this.#ofConcept[concept]!;
  }

  /** Each node's own concepts and those below it. */
  sums(probabilities: Float64Array): Float64Array {
    const scores = new Float64Array(this.size);
    for (let concept = 0; concept < probabilities.length; concept++) {
      for (let node = this.#ofConcept[concept]!; node >= 0; node = this.parents[node]!) {
        scores[node]! += probabilities[concept]!;
      }
    }
    return scores;
  }

  /** Makes `score` the least of a node and of all above it. */
  raise(scores: Float64Array, node: number, score: number): void {
    for (let at = node; at >= 0; at = this.parents[at]!) scores[at] = Math.max(scores[at]!, score);
  }

  /** As `listed`, or the best root alone. That a text is uncategorized is said only when there is nothing else to say. */
  best(scores: Float64Array, bounds: ListBounds): number[] {
    const listed = this.listed(scores, bounds);
    if (listed.length > 0) return listed;
    let top = 0;
    for (let node = 0; node < this.size; node++) {
      if (this.parents[node]! < 0 && scores[node]! > scores[top]!) top = node;
    }
    return [top];
  }

  /** The nodes that score enough to be told, best first, a parent before its children; may be none. */
  listed(scores: Float64Array, { least, most }: ListBounds): number[] {
    const listed: number[] = [];
    for (let node = 0; node < this.size; node++) {
      if (scores[node]! >= least && node !== this.#uncategorized) listed.push(node);
    }
    // Sums of the same numbers in another order may differ in the last bit.
    for (const node of listed) this.raise(scores, node, scores[node]!);
    listed.sort((a, b) => scores[b]! - scores[a]! || this.#depths[a]! - this.#depths[b]! || a - b);
    return listed.slice(0, most);
  }
}
