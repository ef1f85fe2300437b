/**
 * When a second run is worth it: after as long as 19 of 20 runs like it take, and never more than one for sixty. Pure:
 * times come in.
 */
export interface RunKind {
  readonly model: string;
  readonly stream: boolean;
  /** Of the input. */
  readonly tokens: number;
}

/** Runs of a kind that are remembered: enough that the twentieth slowest is no accident. */
const REMEMBERED = 128;
/** With fewer nothing is known of the slowest twentieth. */
const ENOUGH = 40;
/** The estimate is made again after this many: sorting 128 numbers takes 5 µs. */
const ESTIMATE_EVERY = 16;
const QUANTILE = 0.95;
/** Below it nobody feels the difference, and a busy event loop alone would set it off. */
const SHORTEST_MS = 10;
/**
 * Hedges of all runs. They may add 2 % to the work; long runs are late more often, so that a hedge is a little more work
 * than the mean run.
 */
const SHARE = 1 / 60;
/** Hedges saved up for a bad moment. */
const MOST_SAVED = 10;
/** A run that is late for the first time is hedged only when this many are saved: the rest is for those that stay away. */
const SAVED_FOR_LATER = 5;
/** Kinds: each model of the catalogue, streamed or not, in ten classes of length. More is a mistake, and the oldest goes. */
const MOST_KINDS = 2048;

class Times {
  readonly #times: number[] = [];
  #at = 0;
  #since = 0;
  #estimate: number | null = null;

  add(ms: number): void {
    this.#times[this.#at] = ms;
    this.#at = (this.#at + 1) % REMEMBERED;
    if (++this.#since < ESTIMATE_EVERY || this.#times.length < ENOUGH) return;
    this.#since = 0;
    const sorted = this.#times.toSorted((a, b) => a - b);
    this.#estimate = sorted[Math.floor(QUANTILE * (sorted.length - 1))] ?? null;
  }

  get late(): number | null {
    return this.#estimate;
  }
}

export class Hedging {
  readonly #times = new Map<string, Times>();
  /** Hedges that a model has saved up. */
  readonly #saved = new Map<string, number>();

  /** An interactive run begins: what may be hedged grows with what runs. */
  begun(model: string): void {
    this.#saved.set(model, Math.min(MOST_SAVED, this.saved(model) + SHARE));
  }

  /** Milliseconds after which a run of this kind is late; null while too little is known. */
  lateAfter(kind: RunKind): number | null {
    const late = this.#times.get(nameOf(kind))?.late ?? null;
    return late === null ? null : Math.max(SHORTEST_MS, late);
  }

  /**
   * Takes a hedge from what is saved, if there is one.
   * @param times that this run has been late before: each time it has waited twice as long
   */
  take(model: string, times: number): boolean {
    const saved = this.saved(model);
    if (saved < (times === 0 ? SAVED_FOR_LATER : 1)) return false;
    this.#saved.set(model, saved - 1);
    return true;
  }

  saved(model: string): number {
    return this.#saved.get(model) ?? 0;
  }

  /** Learns what an interactive run took, until its first sign. */
  took(kind: RunKind, ms: number): void {
    const name = nameOf(kind);
    let times = this.#times.get(name);
    if (times === undefined) {
      if (this.#times.size >= MOST_KINDS) this.#forgetOldest();
      times = new Times();
      this.#times.set(name, times);
    }
    times.add(ms);
  }

  #forgetOldest(): void {
    for (const name of this.#times.keys()) {
      this.#times.delete(name);
      return;
    }
  }
}

/** Texts of about the same length: each class is four times the one before. */
function nameOf({ model, stream, tokens }: RunKind): string {
  const length = Math.ceil(Math.log2(Math.max(1, tokens)) / 2);
  return `${stream ? 's' : 'w'}${length}:${model}`;
}
