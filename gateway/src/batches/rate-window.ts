/** Long enough that a pause between two chunks of lines is not a halt, short enough to show one. */
const WINDOW_MS = 30_000;
/** One a second is more than the window holds; whoever adds more often loses the older ones. */
const MOST_SAMPLES = 64;
/** Less than this is chance. */
const LEAST_MS = 1_000;

interface Sample {
  readonly at: number;
  readonly done: number;
}

/** How fast a count grows of late. The clock is passed in. */
export class RateWindow {
  #samples: Sample[] = [];

  /** @param at milliseconds, never going back */
  add(at: number, done: number): void {
    const inside = this.#samples.filter((sample) => at - sample.at <= WINDOW_MS);
    this.#samples = [...inside, { at, done }].slice(-MOST_SAMPLES);
  }

  /** Null until there are two samples a second apart. */
  perSecond(): number | null {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.at - first.at < LEAST_MS) return null;
    return ((last.done - first.done) * 1000) / (last.at - first.at);
  }
}
