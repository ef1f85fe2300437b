import type { ApiError } from '@zerogpu/protocol';

/**
 * A gateway that has just started has no nodes yet, and one whose only node starts again has none for a while: lines
 * wait so long for somebody who has their model, before it counts as an attempt that there was nobody.
 */
const PATIENCE_MS = 5 * 60_000;

/** Models that nobody had when a line asked for them, and since when. Only those of the catalogue come so far. */
export class AbsentModels {
  readonly #since = new Map<string, number>();
  readonly #now: () => number;

  /** @param now milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** A line was answered: whoever is missed next is missed anew. */
  answered(model: string): void {
    this.#since.delete(model);
  }

  /** @returns whether a line that failed so is to wait for somebody who has its model */
  waitsFor(model: string, error: ApiError): boolean {
    // With a cause somebody had it and was lost: the line may be why, and that counts.
    if (error.code !== 'model_unavailable' || error.cause !== undefined) return false;
    const since = this.#since.get(model) ?? this.#now();
    this.#since.set(model, since);
    return this.#now() - since < PATIENCE_MS;
  }
}
