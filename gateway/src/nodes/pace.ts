/** Of what is known, what one more run leaves: the last twenty weigh most. */
const KEPT = 0.95;
/**
 * How far the first guess is believed: its error is put at half of it, and the time of one run scatters by about its mean, as
 * built-in models' times do. In terms of runs beside: 4 = 1 ÷ ½².
 */
const BELIEF = 4;

/** Nothing shorter is told apart: a first run that rounds to nothing must not hold down all that come after it. */
const LEAST_MS = 1;
/**
 * A run that took so many times longer than was to be expected counts as if it had taken this much: one that stood still for a
 * second says little of the next. A node that was judged by it would get no further run to be judged by, and with a stall in
 * 400 runs anywhere a fleet of 16 came to bear all its load on a few. What is slower for good is learnt in some twenty runs.
 */
const SURPRISE = 4;

/**
 * Learns how long a run takes on a node by how many others it shares the node with. A node announces slots, and not whether
 * it works on them side by side or on one thread: with 16 slots on one thread the sixteenth run takes sixteen times as long,
 * and a gateway that took slots for threads would fill one node while others idle. So a straight line is fitted: what a run
 * takes alone, and what each further one adds. Until runs have met, a node is taken to have one thread, as ours have.
 */
export class Pace {
  #weight = 0;
  #runs = 0;
  #ms = 0;
  #runsSquared = 0;
  #runsByMs = 0;
  #announcedMs = Number.POSITIVE_INFINITY;

  /** What the node found when it tried the model by itself: the first runs are held against it. */
  expect(ms: number): void {
    this.#announcedMs = ms;
  }

  /**
   * @param ms that a run took on the node
   * @param runs there meanwhile, itself included; 1 or more
   */
  observe(ms: number, runs: number): void {
    const counted = Math.min(ms, SURPRISE * this.#expected(runs));
    this.#weight = this.#weight * KEPT + 1;
    this.#runs = this.#runs * KEPT + runs;
    this.#ms = this.#ms * KEPT + counted;
    this.#runsSquared = this.#runsSquared * KEPT + runs * runs;
    this.#runsByMs = this.#runsByMs * KEPT + runs * counted;
  }

  /** What was seen is no longer so: what is seen next counts alone. */
  forget(): void {
    this.#weight = 0;
    this.#runs = 0;
    this.#ms = 0;
    this.#runsSquared = 0;
    this.#runsByMs = 0;
  }

  #expected(runs: number): number {
    const { aloneMs, crowdMs } = this;
    if (aloneMs === null || crowdMs === null) return Math.max(LEAST_MS, this.#announcedMs * runs);
    return Math.max(LEAST_MS, aloneMs + crowdMs * (runs - 1));
  }

  /** Milliseconds that each run which is there already adds; null until there was one. */
  get crowdMs(): number | null {
    if (this.#weight === 0) return null;
    const runs = this.#runs / this.#weight;
    const ms = this.#ms / this.#weight;
    const oneThread = ms / runs;
    const spread = this.#runsSquared - this.#weight * runs * runs;
    const together = this.#runsByMs - this.#weight * runs * ms;
    const belief = BELIEF * runs * runs;
    return Math.min(oneThread, Math.max(0, (together + belief * oneThread) / (spread + belief)));
  }

  /** Milliseconds of a run that has the node to itself; null until there was one. */
  get aloneMs(): number | null {
    const crowd = this.crowdMs;
    return crowd === null ? null : this.#ms / this.#weight - crowd * (this.#runs / this.#weight - 1);
  }
}
