/**
 * Hands the one thread to runs one after the other, letting timers and sockets have it between two turns.
 * Models compute in stretches of milliseconds: without this, a burst of runs would hold back heartbeats, cancels
 * and finished answers until the last of them is through.
 */
export class Turns {
  readonly #pause: () => Promise<void>;
  #last: Promise<void> = Promise.resolve();

  /** @param pause resolves after the event loop has served what was waiting */
  constructor(pause: () => Promise<void>) {
    this.#pause = pause;
  }

  /** Resolves when it is this caller's turn; turns come in the order of the calls, one per round of the event loop. */
  next(): Promise<void> {
    this.#last = this.#last.then(this.#pause);
    return this.#last;
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
