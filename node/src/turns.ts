/**
 * Hands the one thread to runs one after the other, letting timers and sockets have it between two turns.
 * Models compute in stretches of milliseconds: without this, a burst of runs would hold back heartbeats, cancels
 * and finished answers until the last of them is through.
 */
export class Turns {
  readonly #pause: () => Promise<void>;
  readonly #waiting: (() => void)[] = [];
  /** Whoever works on a batch: they have their turns while nobody else wants one. */
  readonly #waitingBehind: (() => void)[] = [];
  #handingOut = false;

  /** @param pause resolves after the event loop has served what was waiting */
  constructor(pause: () => Promise<void>) {
    this.#pause = pause;
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
    while (this.#waiting.length + this.#waitingBehind.length > 0) {
      await this.#pause();
      (this.#waiting.shift() ?? this.#waitingBehind.shift())?.();
    }
    this.#handingOut = false;
  }
}

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
