/** Trains linear-chain conditional random fields over hashed features: AdaGrad, one line at a time. */
import { LinearChain } from '@zerogpu/runtimes';

export interface TaggerExample {
  readonly features: readonly Int32Array[];
  /** Bits of the tags that each token may have: what is not known is left open. */
  readonly allowed: Int32Array;
}

export interface TaggerWeights {
  readonly emissions: Int8Array;
  readonly transitions: Float32Array;
  /** An emission's weight is its integer times this. */
  readonly scale: number;
}

export interface TaggerSettings {
  /** A power of two. */
  readonly buckets: number;
  readonly epochs: number;
  readonly rate: number;
  /** Pull of each weight towards zero at each use. */
  readonly decay: number;
}

const LARGEST = 127;

/** A generator of uniform numbers from a seed: mulberry32. */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** The order of the examples is changed. */
export function trainTagger(
  tags: number,
  examples: TaggerExample[],
  settings: TaggerSettings,
  random: () => number,
): TaggerWeights {
  const trainer = new Trainer(tags, settings);
  for (let epoch = 0; epoch < settings.epochs; epoch++) {
    for (let i = examples.length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [examples[i], examples[j]] = [examples[j]!, examples[i]!];
    }
    for (const example of examples) trainer.learn(example);
  }
  return trainer.quantized();
}

class Trainer {
  readonly #tags: number;
  readonly #settings: TaggerSettings;
  readonly #weights: Float32Array;
  readonly #squares: Float32Array;
  readonly #transitions: Float32Array;
  readonly #transitionSquares: Float32Array;

  constructor(tags: number, settings: TaggerSettings) {
    this.#tags = tags;
    this.#settings = settings;
    this.#weights = new Float32Array(settings.buckets * tags);
    this.#squares = new Float32Array(settings.buckets * tags).fill(1);
    this.#transitions = new Float32Array(tags * tags);
    this.#transitionSquares = new Float32Array(tags * tags).fill(1);
  }

  learn({ features, allowed }: TaggerExample): void {
    const tags = this.#tags;
    const chain = new LinearChain(tags, this.#transitions);
    const emissions = this.#emissions(features);
    const wanted = chain.posterior(emissions, allowed);
    const found = chain.posterior(emissions);
    for (const [i, hashes] of features.entries()) {
      for (let t = 0; t < tags; t++) {
        const gradient = wanted.tags[i * tags + t]! - found.tags[i * tags + t]!;
        if (Math.abs(gradient) > 1e-4) this.#move(hashes, t, gradient);
      }
    }
    for (let pair = 0; pair < wanted.pairs.length; pair++) {
      const gradient = wanted.pairs[pair]! - found.pairs[pair]!;
      step(this.#transitions, this.#transitionSquares, pair, gradient, this.#settings.rate, 0);
    }
  }

  #emissions(features: readonly Int32Array[]): Float64Array {
    const tags = this.#tags;
    const emissions = new Float64Array(features.length * tags);
    const mask = this.#settings.buckets - 1;
    for (const [i, hashes] of features.entries()) {
      for (const hash of hashes) {
        const from = (hash & mask) * tags;
        for (let t = 0; t < tags; t++) emissions[i * tags + t]! += this.#weights[from + t]!;
      }
    }
    return emissions;
  }

  #move(hashes: Int32Array, tag: number, gradient: number): void {
    const { buckets, rate, decay } = this.#settings;
    for (const hash of hashes)
      step(this.#weights, this.#squares, (hash & (buckets - 1)) * this.#tags + tag, gradient, rate, decay);
  }

  quantized(): TaggerWeights {
    const sizes = this.#weights
      .filter((weight) => weight !== 0)
      .map(Math.abs)
      .sort();
    // The few largest weights are cut, so that the many small ones keep their differences.
    const scale = (sizes[Math.floor(sizes.length * 0.9998)] ?? 1) / LARGEST;
    const emissions = Int8Array.from(this.#weights, (weight) =>
      Math.max(-LARGEST, Math.min(LARGEST, Math.round(weight / scale))),
    );
    return { emissions, transitions: this.#transitions, scale };
  }
}

function step(
  weights: Float32Array,
  squares: Float32Array,
  at: number,
  gradient: number,
  rate: number,
  decay: number,
): void {
  const slope = gradient - decay * weights[at]!;
  squares[at] = squares[at]! + slope * slope;
  weights[at] = weights[at]! + (rate * slope) / Math.sqrt(squares[at]!);
}
