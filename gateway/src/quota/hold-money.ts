import { type HoldRequest, type HoldResult, takeHolds } from '@zerogpu/ledger';
import type { Pool } from 'pg';
import { blamesItem, retryTransient } from '../store/database-errors.ts';
import { Grouped } from '../store/grouped.ts';

/** Holds of one statement: at this size the statement costs more than its commit. */
const MAX_GROUP = 256;

/** Holds money for requests before they run, many in one statement. */
export class HoldBook {
  readonly #queue: Grouped<HoldRequest, HoldResult>;

  /** @param concurrency statements at the same time */
  constructor(pool: Pool, concurrency = 1) {
    this.#queue = new Grouped({
      // Safe to try twice: the same request holds once.
      flush: (requests) => retryTransient(() => takeHolds(pool, requests, 'quick')),
      maxGroup: MAX_GROUP,
      concurrency,
      blamesItem,
    });
  }

  /**
   * @returns `insufficient` when the wallet does not cover it
   * @throws when the database does not answer or too many wait; then nothing is held, or it expires by itself
   */
  take(request: HoldRequest): Promise<HoldResult> {
    return this.#queue.add(request);
  }

  /** Refuses new requests and answers those that wait. */
  close(): Promise<void> {
    return this.#queue.close();
  }
}
