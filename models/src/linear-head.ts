/** Multinomial logistic regression on vectors, trained by Adagrad on batches in a fixed order: for evaluations. */

export interface Example {
  readonly vector: Float64Array;
  readonly label: string;
}

/** Vectors of unit length are stretched by this, so that the usual rates fit. */
const STRETCH = 8;
const RATE = 0.15;
const BATCH = 32;
/** Pulls weights to zero, per batch. */
const DECAY = 2e-5;

export class LinearHead {
  readonly labels: readonly string[];
  readonly #dimensions: number;
  readonly #weights: Float64Array;
  readonly #squares: Float64Array;

  /** @param examples of unit length; every label once at least */
  constructor(examples: readonly Example[], epochs: number) {
    this.labels = [...new Set(examples.map(({ label }) => label))].sort();
    this.#dimensions = examples[0]!.vector.length;
    // The last weight of a label is its bias.
    this.#weights = new Float64Array(this.labels.length * (this.#dimensions + 1));
    this.#squares = new Float64Array(this.#weights.length).fill(1e-6);
    const places = new Map(this.labels.map((label, place) => [label, place]));
    const order = examples.map((_, i) => i);
    const random = seeded(1);
    for (let epoch = 0; epoch < epochs; epoch++) {
      shuffle(order, random);
      for (let at = 0; at < order.length; at += BATCH) {
        this.#step(
          order.slice(at, at + BATCH).map((i) => examples[i]!),
          places,
        );
      }
    }
  }

  predict(vector: Float64Array): string {
    const scores = this.#scores(vector);
    let best = 0;
    for (let i = 1; i < scores.length; i++) if (scores[i]! > scores[best]!) best = i;
    return this.labels[best]!;
  }

  #scores(vector: Float64Array): Float64Array {
    const width = this.#dimensions + 1;
    return Float64Array.from(this.labels, (_, label) => {
      let sum = 0;
      for (let i = 0; i < this.#dimensions; i++) sum += this.#weights[label * width + i]! * vector[i]!;
      return STRETCH * sum + this.#weights[label * width + this.#dimensions]!;
    });
  }

  #step(batch: readonly Example[], places: ReadonlyMap<string, number>): void {
    const width = this.#dimensions + 1;
    const slope = new Float64Array(this.#weights.length);
    for (const { vector, label } of batch) {
      const errors = probabilities(this.#scores(vector));
      errors[places.get(label)!]! -= 1;
      for (const [place, error] of errors.entries()) {
        if (Math.abs(error) < 1e-5) continue;
        for (let i = 0; i < this.#dimensions; i++) slope[place * width + i]! += error * STRETCH * vector[i]!;
        slope[place * width + this.#dimensions]! += error;
      }
    }
    for (let i = 0; i < slope.length; i++) {
      const change = slope[i]! / batch.length + DECAY * this.#weights[i]!;
      this.#squares[i]! += change * change;
      this.#weights[i]! -= (RATE * change) / Math.sqrt(this.#squares[i]!);
    }
  }
}

function probabilities(scores: Float64Array): Float64Array {
  const largest = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - largest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

function shuffle(order: number[], random: () => number): void {
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
}

/** Mulberry32: numbers from 0 to 1 in an order that the seed decides. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
