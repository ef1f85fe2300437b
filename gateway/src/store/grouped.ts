/**
 * Group commit: while one flush is under way, what arrives gathers behind it and goes together in the next. Nothing
 * waits for a timer, so an idle queue answers at once and a busy one grows its groups by itself.
 */
export interface GroupedOptions<Item, Result> {
  /** Does the work of a group; one result per item, in order. All of it happens, or it throws and none has. */
  flush(items: readonly Item[]): Promise<readonly Result[]>;
  /** Most items of one group. */
  readonly maxGroup: number;
  /** Most weight of one group, as `weigh` says; an item that is heavier goes alone. Default: nothing weighs anything. */
  readonly maxWeight?: number;
  weigh?(item: Item): number;
  /** Most items that may wait; beyond it `add` rejects with GroupedOverflow. Default 10,000. */
  readonly maxWaiting?: number;
  /** Flushes at the same time. Default 1. */
  readonly concurrency?: number;
  /** After a flush, before the next in its place may begin; its items are answered before. Default 0. */
  readonly restMs?: number;
  /**
   * True (the default) when one item may be to blame for a group's failure: the group is then halved until the
   * culprit stands alone, and the others go through. False, for errors that would hit every item, fails all at once.
   */
  blamesItem?(error: unknown): boolean;
}

export class GroupedOverflow extends Error {
  override readonly name = 'GroupedOverflow';
}

export class GroupedClosed extends Error {
  override readonly name = 'GroupedClosed';
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

export class Grouped<Item, Result> {
  readonly #options: GroupedOptions<Item, Result>;
  readonly #maxWaiting: number;
  readonly #concurrency: number;
  #waiting: Waiting<Item, Result>[] = [];
  #running = 0;
  #scheduled = false;
  #closed = false;
  #idle: (() => void)[] = [];

  constructor(options: GroupedOptions<Item, Result>) {
    this.#options = options;
    this.#maxWaiting = options.maxWaiting ?? 10_000;
    this.#concurrency = options.concurrency ?? 1;
  }

  /** Items that wait for their group to start. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Groups under way. */
  get flushing(): number {
    return this.#running;
  }

  /** @throws GroupedClosed, GroupedOverflow, or what the flush of this item threw */
  add(item: Item): Promise<Result> {
    if (this.#closed) return Promise.reject(new GroupedClosed('The queue is closed'));
    if (this.#waiting.length >= this.#maxWaiting) {
      return Promise.reject(new GroupedOverflow(`More than ${this.#maxWaiting} items wait already`));
    }
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    this.#waiting.push({ item, resolve, reject });
    this.#schedule();
    return promise;
  }

  /** Resolves when everything that was added is answered. */
  drain(): Promise<void> {
    if (this.#isIdle()) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#idle.push(resolve);
    return promise;
  }

  /** Refuses new items and answers those that wait. */
  close(): Promise<void> {
    this.#closed = true;
    return this.drain();
  }

  #isIdle(): boolean {
    return this.#waiting.length === 0 && this.#running === 0;
  }

  /**
   * Starts at the end of this turn of the event loop rather than inside `add`: requests that arrived together are
   * read in one turn, and go as one group instead of one ahead of the rest.
   */
  #schedule(): void {
    if (this.#scheduled || this.#running >= this.#concurrency) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#start();
    });
  }

  #start(): void {
    while (this.#running < this.#concurrency && this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, this.#nextSize());
      this.#running += 1;
      void this.#work(group).then(() => this.#rest());
    }
  }

  #nextSize(): number {
    const { maxGroup, maxWeight = Number.POSITIVE_INFINITY, weigh } = this.#options;
    const most = Math.min(maxGroup, this.#waiting.length);
    if (weigh === undefined) return most;
    let weight = 0;
    for (let size = 0; size < most; size++) {
      weight += weigh(this.#waiting[size]!.item);
      if (weight > maxWeight) return Math.max(1, size);
    }
    return most;
  }

  #rest(): void {
    const { restMs = 0 } = this.#options;
    if (restMs === 0) this.#finished();
    else setTimeout(() => this.#finished(), restMs);
  }

  #finished(): void {
    this.#running -= 1;
    if (this.#waiting.length > 0) this.#schedule();
    if (!this.#isIdle()) return;
    const idle = this.#idle;
    this.#idle = [];
    for (const resolve of idle) resolve();
  }

  /** Never rejects: every item of the group is answered here. */
  async #work(group: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await this.#options.flush(group.map((w) => w.item));
      if (results.length !== group.length) {
        throw new Error(`The flush of ${group.length} items gave ${results.length} results`);
      }
      for (const [i, waiting] of group.entries()) waiting.resolve(results[i]!);
    } catch (error) {
      await this.#fail(group, error);
    }
  }

  /** Halving finds one culprit among n in about 2 log n flushes. */
  async #fail(group: readonly Waiting<Item, Result>[], error: unknown): Promise<void> {
    const split = group.length > 1 && (this.#options.blamesItem?.(error) ?? true);
    if (!split) {
      for (const waiting of group) waiting.reject(error);
      return;
    }
    const middle = group.length >> 1;
    await this.#work(group.slice(0, middle));
    await this.#work(group.slice(middle));
  }
}
