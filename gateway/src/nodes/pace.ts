/** Of what is known, what one more run leaves: the last twenty weigh most. */
const KEPT = 0.95;
/**
 * How far the first guess is believed: its error is put at half of it, and the time of one run scatters by about its mean, as
 * built-in models' times do. In terms of runs beside: 4 = 1 ÷ ½².
 */
const BELIEF = 4;

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

  /**
   * @param ms that a run took on the node
   * @param runs there meanwhile, itself included; 1 or more
   */
  observe(ms: number, runs: number): void {
    this.#weight = this.#weight * KEPT + 1;
    this.#runs = this.#runs * KEPT + runs;
    this.#ms = this.#ms * KEPT + ms;
    this.#runsSquared = this.#runsSquared * KEPT + runs * runs;
    this.#runsByMs = this.#runsByMs * KEPT + runs * ms;
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
