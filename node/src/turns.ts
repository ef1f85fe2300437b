/**
 * Hands the one thread to runs one after the other, letting timers and sockets have it between two turns.
 * Models compute in stretches of milliseconds: without this, a burst of runs would hold back heartbeats, cancels
 * and finished answers until the last of them is through.
 *
 * With a share of less than one it rests after each turn, so that runs take that share of one core's time: after
 * 10 ms at a share of 0.25 it rests 30 ms, after 10 ms at 0.5 another 10 ms.
 */
export class Turns {
  readonly #pause: () => Promise<void>;
  readonly #now: () => number;
  readonly #waiting: (() => void)[] = [];
  /** Whoever works on a batch: they have their turns while nobody else wants one. */
  readonly #waitingBehind: (() => void)[] = [];
  #handingOut = false;
  #share = 1;
  /** No turn begins before. */
  #restUntil = Number.NEGATIVE_INFINITY;
  #endRest: (() => void) | null = null;
  #restedMs = 0;

  /**
   * @param pause resolves after the event loop has served what was waiting
   * @param now milliseconds, never going back
   */
  constructor(pause: () => Promise<void>, now: () => number) {
    this.#pause = pause;
    this.#now = now;
  }

  /** Of one core's time, more than 0 and at most 1. */
  get share(): number {
    return this.#share;
  }

  /** Milliseconds that turns waited for rests to end. */
  get restedMs(): number {
    return this.#restedMs;
  }

  setShare(share: number): void {
    this.#share = share;
    if (share === 1) this.skipRest();
  }

  /** Ends the rest that is on, if any. */
  skipRest(): void {
    this.#restUntil = Number.NEGATIVE_INFINITY;
    this.#endRest?.();
  }

  /**
   * Resolves when it is this caller's turn; turns come in the order of the calls, one per round of the event loop.
   * @param behind waits until no other caller does
   */
  next(behind = false): Promise<void> {
    const turn = new Promise<void>((resolve) => {
      (behind ? this.#waitingBehind : this.#waiting).push(resolve);
    });
    if (!this.#handingOut) void this.#handOut();
    return turn;
  }

  async #handOut(): Promise<void> {
    this.#handingOut = true;
    await this.#pause();
    while (this.#waiting.length + this.#waitingBehind.length > 0) {
      await this.#rest();
      (this.#waiting.shift() ?? this.#waitingBehind.shift())?.();
      const begun = this.#now();
      await this.#pause();
      this.#worked(this.#now() - begun);
    }
    this.#handingOut = false;
  }

  #worked(ms: number): void {
    if (this.#share >= 1) return;
    const restMs = Math.min(LONGEST_REST_MS, (ms * (1 - this.#share)) / this.#share);
    this.#restUntil = this.#now() + restMs;
  }

  async #rest(): Promise<void> {
    const begun = this.#now();
    const ms = this.#restUntil - begun;
    // Timers are no finer than a millisecond: what is left over is rested with the next turn's.
    if (ms < 1) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#endRest = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#endRest = null;
    this.#restedMs += Math.max(0, this.#now() - begun);
  }
}

/** A turn that took seconds would have runs rest past their deadlines. */
const LONGEST_REST_MS = 10_000;

/** The promise's outcome, or the signal's reason as soon as it aborts. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    const settled = () => signal.removeEventListener('abort', abort);
    promise.then(resolve, reject).then(settled);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}
