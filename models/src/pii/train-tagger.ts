/** Trains the conditional random field of the PII tagger: AdaGrad, one line at a time. */
import { LinearChain, PII_TAGS } from '@zerogpu/runtimes';

export interface Example {
  readonly features: readonly Int32Array[];
  /** Bits of the tags that each token may have. */
  readonly allowed: Int32Array;
}

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
}

const LARGEST = 127;

export function trainTagger(
  examples: Example[],
  settings: TaggerSettings,
  random: () => number,
): TaggerWeights {
  const trainer = new Trainer(settings);
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
  readonly #transitions = new Float32Array(PII_TAGS * PII_TAGS);
  readonly #transitionSquares = new Float32Array(PII_TAGS * PII_TAGS).fill(1);

  constructor(settings: TaggerSettings) {
    this.#settings = settings;
    this.#weights = new Float32Array(settings.buckets * PII_TAGS);
    this.#squares = new Float32Array(settings.buckets * PII_TAGS).fill(1);
  }

  learn({ features, allowed }: Example): void {
    const chain = new LinearChain(PII_TAGS, this.#transitions);
    const emissions = this.#emissions(features);
    const wanted = chain.posterior(emissions, allowed);
    const found = chain.posterior(emissions);
    for (const [i, hashes] of features.entries()) {
      for (let t = 0; t < PII_TAGS; t++) {
        const gradient = wanted.tags[i * PII_TAGS + t]! - found.tags[i * PII_TAGS + t]!;
        if (Math.abs(gradient) > 1e-4) this.#move(hashes, t, gradient);
      }
    }
    for (let pair = 0; pair < wanted.pairs.length; pair++) {
      step(
        this.#transitions,
        this.#transitionSquares,
        pair,
        wanted.pairs[pair]! - found.pairs[pair]!,
        this.#settings.rate,
        0,
      );
    }
  }

  #emissions(features: readonly Int32Array[]): Float64Array {
    const emissions = new Float64Array(features.length * PII_TAGS);
    const mask = this.#settings.buckets - 1;
    for (const [i, hashes] of features.entries()) {
      for (const hash of hashes) {
        const from = (hash & mask) * PII_TAGS;
        for (let t = 0; t < PII_TAGS; t++) emissions[i * PII_TAGS + t]! += this.#weights[from + t]!;
      }
    }
    return emissions;
  }

  #move(hashes: Int32Array, tag: number, gradient: number): void {
    const { buckets, rate, decay } = this.#settings;
    for (const hash of hashes)
      step(this.#weights, this.#squares, (hash & (buckets - 1)) * PII_TAGS + tag, gradient, rate, decay);
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
