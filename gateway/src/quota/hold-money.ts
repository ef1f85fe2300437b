import type { Pool } from 'pg';
import { blamesItem, retryTransient } from '../store/database-errors.ts';
import { Grouped } from '../store/grouped.ts';
import { type Asking, admitRequests, type Grant } from './admit-requests.ts';

/** Requests of one statement: at this size the statement costs more than its commit. */
const MAX_GROUP = 256;

/** Takes rate limits and holds money for requests before they run, many in one statement. */
export class HoldBook {
  readonly #queue: Grouped<Asking, Grant>;

  /**
   * @param concurrency statements at the same time
   * @param now milliseconds since 1970: says which month's budgets
   */
  constructor(pool: Pool, concurrency = 1, now: () => number = Date.now) {
    this.#queue = new Grouped({
      // Safe to try twice: the same request holds once, and while it holds its limits are not taken again.
      flush: (asking) => retryTransient(() => admitRequests(pool, asking, now())),
      maxGroup: MAX_GROUP,
      concurrency,
      blamesItem,
    });
  }

  /** @throws when the database does not answer or too many wait; then nothing is held, or it expires by itself */
  take(asking: Asking): Promise<Grant> {
    return this.#queue.add(asking);
  }

  /** Refuses new requests and answers those that wait. */
  close(): Promise<void> {
    return this.#queue.close();
  }
}
