/** At most so many are left alone at once, the longest first to be taken up again: each is named in every claim. */
const MOST_LEFT = 256;
/** Soon enough after a node has come, and few enough claims in vain while none does. */
const LEFT_MS = 2_000;

/**
 * Batches whose lines nobody here can answer at the moment. This worker takes none of them for some seconds, and others,
 * who may reach whoever can, take them at once.
 */
export class LeftBatches {
  /** When each is taken up again, the soonest first. */
  readonly #until = new Map<string, number>();
  readonly #now: () => number;

  /** @param now milliseconds that only go forward */
  constructor(now: () => number) {
    this.#now = now;
  }

  leave(batchId: string): void {
    this.#until.delete(batchId);
    this.#until.set(batchId, this.#now() + LEFT_MS);
    const [first] = this.#until.keys();
    if (this.#until.size > MOST_LEFT && first !== undefined) this.#until.delete(first);
  }

  /** Those that are left alone now. */
  ids(): string[] {
    for (const [id, until] of this.#until) {
      if (until > this.#now()) break;
      this.#until.delete(id);
    }
    return [...this.#until.keys()];
  }
}
