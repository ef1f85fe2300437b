/** Boosted regression trees. Leaves hold integers, so that the sum does not depend on any rounding. */
import { type Weights, WeightsError } from './weights.ts';

export class Trees {
  readonly #roots: Int32Array;
  readonly #features: Int16Array;
  readonly #thresholds: Float32Array;
  /** For an inner node its left child (the right one follows it); for a leaf its value. */
  readonly #links: Int32Array;
  readonly #scale: number;
  readonly #base: number;

  /**
   * Reads the tensors `roots`, `features` (−1 at a leaf), `thresholds` and `links`, and the meta's `leafScale`
   * and `base`.
   * @param width number of features that `score` will be given
   */
  constructor(weights: Weights, width: number) {
    const nodes = weights.shapeOf('features')[0] ?? 0;
    this.#roots = weights.i32('roots', [-1]);
    this.#features = weights.i16('features', [nodes]);
    this.#thresholds = weights.f32('thresholds', [nodes]);
    this.#links = weights.i32('links', [nodes]);
    this.#scale = Number(weights.meta['leafScale']);
    this.#base = Number(weights.meta['base']);
    this.#check(nodes, width);
  }

  /** Children lie behind their parent: so every walk ends. */
  #check(nodes: number, width: number): void {
    for (const root of this.#roots)
      if (root < 0 || root >= nodes) throw new WeightsError('Trees: no such root');
    for (let node = 0; node < nodes; node++) {
      const feature = this.#features[node]!;
      const link = this.#links[node]!;
      if (feature >= width) throw new WeightsError(`Trees: no feature ${feature}`);
      if (feature >= 0 && (link <= node || link + 1 >= nodes)) throw new WeightsError('Trees: no such child');
    }
    if (!(this.#scale > 0) || Number.isNaN(this.#base)) throw new WeightsError('Trees: no leafScale or base');
  }

  score(features: Float32Array): number {
    let sum = this.#base;
    for (const root of this.#roots) {
      let node = root;
      for (let feature = this.#features[node]!; feature >= 0; feature = this.#features[node]!) {
        node = this.#links[node]! + (features[feature]! <= this.#thresholds[node]! ? 0 : 1);
      }
      sum += this.#links[node]!;
    }
    return sum / this.#scale;
  }
}
