/**
 * Many nodes of one place in the order of their cost: in buckets on a logarithmic scale, so that a node whose cost changes
 * moves in a few steps however many there are, and the cheapest bucket is found by two bits.
 */

/** Two nodes of one bucket are this near each other: well within the 5 % that a choice may be off. */
const STEP = 1.03;
const LOG_STEP = Math.log(STEP);
/** Below this nodes are alike: it is less than a round trip within one rack. */
const LEAST_MS = 0.05;
/** Up to 187 s, which is past every deadline; what costs more shares the last. */
const BUCKETS = 512;
const WORDS = BUCKETS / 32;
export const NO_BUCKET = -1;

const EDGES = Float32Array.from({ length: BUCKETS }, (_, i) =>
  i === 0 ? 0 : LEAST_MS * STEP ** i * 0.999999,
);

export function bucketOf(costMs: number): number {
  if (costMs <= LEAST_MS) return 0;
  return Math.min(BUCKETS - 1, Math.floor(Math.log(costMs / LEAST_MS) / LOG_STEP));
}

/** The least cost in a bucket. */
export function edgeOf(bucket: number): number {
  return EDGES[bucket]!;
}

export class CostBuckets {
  readonly #bits = new Int32Array(WORDS);
  readonly #members = new Map<number, number[]>();

  /** @returns its position in the bucket, to be given back to `remove` */
  add(entry: number, bucket: number): number {
    const members = this.#members.get(bucket);
    if (members) return members.push(entry) - 1;
    this.#members.set(bucket, [entry]);
    this.#bits[bucket >> 5]! |= 1 << (bucket & 31);
    return 0;
  }

  /** @returns the entry that has taken the position, or -1 */
  remove(bucket: number, position: number): number {
    const members = this.#members.get(bucket)!;
    const last = members.pop()!;
    if (members.length === 0) {
      this.#members.delete(bucket);
      this.#bits[bucket >> 5]! &= ~(1 << (bucket & 31));
    }
    if (position === members.length) return -1;
    members[position] = last;
    return last;
  }

  /** The cheapest bucket that is not empty, from this one on. */
  next(from: number): number {
    if (from >= BUCKETS) return NO_BUCKET;
    let word = from >> 5;
    let bits = this.#bits[word]! & (-1 << (from & 31));
    while (bits === 0) {
      if (++word >= WORDS) return NO_BUCKET;
      bits = this.#bits[word]!;
    }
    return (word << 5) + 31 - Math.clz32(bits & -bits);
  }

  members(bucket: number): readonly number[] {
    return this.#members.get(bucket) ?? [];
  }

  /** The least cost of all, as far as buckets tell; infinite when there is none. */
  get least(): number {
    const bucket = this.next(0);
    return bucket === NO_BUCKET ? Infinity : edgeOf(bucket);
  }
}
