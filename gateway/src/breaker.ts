/** In a row; a node that is merely unlucky works again before that. */
const FAILURES_TO_OPEN = 5;
/** Until one run tries it again: the first pause, which doubles with each that fails, and the longest. */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

/**
 * Keeps runs from what failed several times in a row, until a single one has tried it again. Whoever chooses looks at
 * `closedUntil`; once that is over the first run to begin pushes it on, so that it goes alone.
 */
export class Breaker {
  #inRow = 0;
  #pauseMs = FIRST_PAUSE_MS;
  #closedUntil = 0;
  /** A failure before it is of a run that began before the rest. */
  #trialFrom = 0;

  /** Milliseconds since 1970 until which runs go elsewhere while there is an elsewhere; 0 while it works. */
  get closedUntil(): number {
    return this.#closedUntil;
  }

  resting(now: number): boolean {
    return now < this.#closedUntil;
  }

  /** A run begins: when it has had its rest, this is the one that tries. */
  begin(now: number): void {
    if (this.#closedUntil > 0 && now >= this.#closedUntil) this.#closedUntil = now + this.#pauseMs;
  }

  worked(): void {
    this.#inRow = 0;
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#closedUntil = 0;
  }

  failed(now: number): void {
    this.#inRow++;
    if (this.#inRow < FAILURES_TO_OPEN) return;
    // Those that were under way when it opened fail together, and say nothing new.
    if (this.#inRow > FAILURES_TO_OPEN && now < this.#trialFrom) return;
    if (this.#inRow > FAILURES_TO_OPEN) this.#pauseMs = Math.min(LONGEST_PAUSE_MS, this.#pauseMs * 2);
    this.#closedUntil = now + this.#pauseMs;
    this.#trialFrom = this.#closedUntil;
  }
}
