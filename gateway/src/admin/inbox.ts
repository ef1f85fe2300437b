/** What came for the reader of a stream and was not read yet; of each thing the latest, so that a slow one holds little. */
export class Inbox<News> {
  readonly #waiting = new Map<string, News>();
  #wake: (() => void) | null = null;
  #closed = false;

  get size(): number {
    return this.#waiting.size;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** @param id what it is news of; after `close` it is for nobody */
  put(id: string, news: News): void {
    if (this.#closed) return;
    this.#waiting.set(id, news);
    this.#wake?.();
  }

  /** @returns what came, perhaps nothing after `ms`; null when it is closed and empty */
  async next(ms: number): Promise<readonly News[] | null> {
    if (this.#waiting.size === 0 && !this.#closed) await this.#sleep(ms);
    const came = [...this.#waiting.values()];
    this.#waiting.clear();
    return came.length === 0 && this.#closed ? null : came;
  }

  close(): void {
    this.#closed = true;
    this.#wake?.();
  }

  async #sleep(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const timer = setTimeout(resolve, ms);
    await promise;
    clearTimeout(timer);
    this.#wake = null;
  }
}
