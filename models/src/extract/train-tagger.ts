/** Trains the conditional random field of the name tagger: AdaGrad on lines whose tags may be known in part. */
import { featuresOf, type Lexicons, LinearChain, NAME_TYPES } from '@zerogpu/runtimes';
import type { TrainingLine } from './gold.ts';

export const TAGS = 1 + 2 * NAME_TYPES.length;
const MASK_LIMIT = 127;

export interface TaggerWeights {
  readonly emissions: Int8Array;
  readonly transitions: Float32Array;
  /** An emission's weight is its integer times this. */
  readonly scale: number;
}

export interface TaggerSettings {
  readonly buckets: number;
  readonly epochs: number;
  readonly rate: number;
  /** Pull of each weight towards zero at each use. */
  readonly decay: number;
  readonly seed: number;
}

interface Example {
  readonly features: readonly Int32Array[];
  readonly allowed: Int32Array;
}

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

export function trainTagger(
  lines: readonly TrainingLine[],
  lexicons: Lexicons,
  settings: TaggerSettings,
): TaggerWeights {
  const examples = lines.map(({ line, allowed }) => ({ features: featuresOf(line, lexicons), allowed }));
  const trainer = new Trainer(settings);
  const random = randomOf(settings.seed);
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
  readonly #settings: TaggerSettings;
  readonly #weights: Float32Array;
  readonly #squares: Float32Array;
  readonly #transitions = new Float32Array(TAGS * TAGS);
  readonly #transitionSquares = new Float32Array(TAGS * TAGS).fill(1);

  constructor(settings: TaggerSettings) {
    this.#settings = settings;
    this.#weights = new Float32Array(settings.buckets * TAGS);
    this.#squares = new Float32Array(settings.buckets * TAGS).fill(1);
  }

  learn({ features, allowed }: Example): void {
    const chain = new LinearChain(TAGS, this.#transitions);
    const emissions = this.#emissions(features);
    const wanted = chain.posterior(emissions, allowed);
    const found = chain.posterior(emissions);
    features.forEach((hashes, i) => {
      for (let t = 0; t < TAGS; t++) {
        const gradient = wanted.tags[i * TAGS + t]! - found.tags[i * TAGS + t]!;
        if (Math.abs(gradient) > 1e-4) this.#move(hashes, t, gradient);
      }
    });
    for (let pair = 0; pair < wanted.pairs.length; pair++) {
      const gradient = wanted.pairs[pair]! - found.pairs[pair]!;
      step(this.#transitions, this.#transitionSquares, pair, gradient, this.#settings.rate, 0);
    }
  }

  #emissions(features: readonly Int32Array[]): Float64Array {
    const emissions = new Float64Array(features.length * TAGS);
    const mask = this.#settings.buckets - 1;
    features.forEach((hashes, i) => {
      for (const hash of hashes) {
        const from = (hash & mask) * TAGS;
        for (let t = 0; t < TAGS; t++) emissions[i * TAGS + t]! += this.#weights[from + t]!;
      }
    });
    return emissions;
  }

  #move(hashes: Int32Array, tag: number, gradient: number): void {
    const { buckets, rate, decay } = this.#settings;
    for (const hash of hashes) {
      step(this.#weights, this.#squares, (hash & (buckets - 1)) * TAGS + tag, gradient, rate, decay);
    }
  }

  quantized(): TaggerWeights {
    const sizes = this.#weights
      .filter((w) => w !== 0)
      .map(Math.abs)
      .sort();
    // The few largest weights are cut, so that the many small ones keep their differences.
    const largest = sizes[Math.floor(sizes.length * 0.9998)] ?? 1;
    const scale = largest / MASK_LIMIT;
    const emissions = Int8Array.from(this.#weights, (w) =>
      Math.max(-MASK_LIMIT, Math.min(MASK_LIMIT, Math.round(w / scale))),
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
