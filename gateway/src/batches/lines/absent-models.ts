import type { ApiError } from '@zerogpu/protocol';
import { TargetFailure } from '../../flow.ts';

/**
 * A gateway that has just started has no nodes yet, and one whose only node starts again has none for a while: lines
 * wait so long for somebody who has their model, before it counts as an attempt that there was nobody.
 */
const PATIENCE_MS = 5 * 60_000;
/** While a line waits its model is asked for every few seconds: after so long without that it is missed anew. */
const FORGOTTEN_MS = 60_000;

/** Models that nobody had when a line asked for them: since when, and when last. Only those of the catalogue come so far. */
export class AbsentModels {
  readonly #missed = new Map<string, { readonly since: number; readonly last: number }>();
  readonly #now: () => number;

  /** @param now milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** A line was answered: whoever is missed next is missed anew. */
  answered(model: string): void {
    this.#missed.delete(model);
  }

  /** @returns whether a line that failed so is to wait for somebody who has its model */
  waitsFor(model: string, error: ApiError): boolean {
    if (error.code !== 'model_unavailable' || mayBeWhy(error.cause)) return false;
    const now = this.#now();
    const missed = this.#missed.get(model);
    const since = missed !== undefined && now - missed.last < FORGOTTEN_MS ? missed.since : now;
    this.#missed.set(model, { since, last: now });
    return now - since < PATIENCE_MS;
  }
}

/** Who had it was lost with the line, which counts; who went away before it was sent there was not. */
function mayBeWhy(cause: unknown): boolean {
  return cause !== undefined && !(cause instanceof TargetFailure && cause.kind === 'unavailable');
}
