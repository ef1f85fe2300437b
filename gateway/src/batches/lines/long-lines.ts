import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';

/** Shorter ones take less than half a millisecond, however they are written. */
const LONG_BYTES = 4 * 1024;
/** Bounds what a busy process adds to it. */
const LONGEST_REST_MS = 500;

/**
 * Long lines are read one after the other, and everybody else has as much time between two of them as one took. What is
 * done in one go, parsing a megabyte of keys or counting its tokens, takes a sixth of a second; thirty-two lines that had
 * waited for the same look at their key held everybody up for five.
 */
export class LongLines {
  #before: Promise<void> = Promise.resolve();

  /** @returns when a line may be read; what is then done at once is its time */
  async turn(bytes: number): Promise<void> {
    if (bytes < LONG_BYTES) return;
    const before = this.#before;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#before = promise;
    await before;
    const since = performance.now();
    void nextTurn()
      .then(() => sleep(Math.min(LONGEST_REST_MS, performance.now() - since)))
      .then(resolve);
  }
}
