import { type Rounds, startRounds } from '../rounds.ts';
import type { Log } from '../store/log.ts';

export interface LooksOptions {
  /** Between two looks. */
  readonly everyMs: number;
  look(): Promise<void>;
  readonly log: Log;
  /** What the log says of a look that failed. */
  readonly failed: string;
  /** Nobody follows any more. */
  deserted?(): void;
}

/** Who follows what, by the key of what is followed; and the looks for all of them, while there is anybody. */
export class Followers<Key, Follower> {
  readonly #options: LooksOptions;
  readonly #byKey = new Map<Key, Set<Follower>>();
  #looks: Rounds | null = null;
  #count = 0;

  constructor(options: LooksOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#count;
  }

  keys(): IterableIterator<Key> {
    return this.#byKey.keys();
  }

  of(key: Key): ReadonlySet<Follower> {
    return this.#byKey.get(key) ?? new Set();
  }

  *all(): Generator<Follower> {
    for (const followers of this.#byKey.values()) yield* followers;
  }

  add(key: Key, follower: Follower): void {
    const others = this.#byKey.get(key) ?? new Set();
    this.#byKey.set(key, others.add(follower));
    this.#count++;
  }

  /** Looks again and again from now on, while anybody follows. */
  begin(): void {
    if (this.#count === 0) return;
    const { everyMs, look, log, failed } = this.#options;
    this.#looks ??= startRounds({ everyMs, round: look, log, failed });
  }

  /** However often. */
  leave(key: Key, follower: Follower): void {
    const others = this.#byKey.get(key);
    if (!others?.delete(follower)) return;
    this.#count--;
    if (others.size === 0) this.#byKey.delete(key);
    if (this.#count > 0) return;
    void this.#looks?.stop();
    this.#looks = null;
    this.#options.deserted?.();
  }

  /** One look at once; nothing when nobody follows. */
  async look(): Promise<void> {
    await this.#looks?.run();
  }
}
