/** A second, two, four … a minute: a disk is freed by hand, a database is back in seconds. */
const FIRST_MS = 1_000;
const LONGEST_MS = 60_000;
/** Beyond, the oldest is tried sooner than it would be. */
const MOST = 1_000;

interface Later {
  readonly failures: number;
  readonly notBefore: number;
}

/** Batches that could not be ended, and when each is tried again. Times are milliseconds since 1970. */
export class LaterBatches {
  readonly #later = new Map<string, Later>();

  failed(id: string, now: number): void {
    const failures = (this.#later.get(id)?.failures ?? 0) + 1;
    const wait = Math.min(LONGEST_MS, FIRST_MS * 2 ** (failures - 1));
    this.#later.delete(id);
    this.#later.set(id, { failures, notBefore: now + wait });
    if (this.#later.size > MOST)
      for (const oldest of [...this.#later.keys()].slice(0, 1)) this.forget(oldest);
  }

  forget(id: string): void {
    this.#later.delete(id);
  }

  /** Those whose time has not come. */
  waiting(now: number): string[] {
    return [...this.#later].filter(([, { notBefore }]) => notBefore > now).map(([id]) => id);
  }
}
