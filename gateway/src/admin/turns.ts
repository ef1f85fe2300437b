import { ApiError } from '@zerogpu/protocol';

/** A third of a gateway's 12 connections. */
const AT_ONCE = 4;
/** Each is an open call of some kilobytes. Reads that take as long as a page may (50 ms) are through in 3 seconds. */
const MAX_WAITING = 200;

interface Line {
  working: number;
  readonly waiting: (() => void)[];
}

/**
 * What each tenant does at once, a few at a time, the rest in line: so that no tenant's calls, however many, keep other
 * tenants and the requests of the API from the database. 200 searches at once of one viewer took everybody else's
 * sign-in 6 seconds.
 */
export class Turns {
  /** Only tenants with something under way. */
  readonly #lines = new Map<string, Line>();

  /**
   * @param work must not wait for another turn of the same tenant: four such would wait for each other
   * @throws ApiError no_capacity, and what `work` throws
   */
  async during<T>(tenant: string, work: () => Promise<T>): Promise<T> {
    const line = this.#lines.get(tenant) ?? { working: 0, waiting: [] };
    this.#lines.set(tenant, line);
    if (line.working >= AT_ONCE) await turnIn(line);
    else line.working++;
    try {
      return await work();
    } finally {
      // The next takes over this one's place; the count stays.
      const next = line.waiting.shift();
      if (next) next();
      else if (--line.working === 0) this.#lines.delete(tenant);
    }
  }
}

function turnIn({ waiting }: Line): Promise<void> {
  if (waiting.length >= MAX_WAITING) {
    const message =
      'As many calls of this organization are under way as this gateway takes; try again in a moment';
    throw new ApiError('no_capacity', { message, retryAfterSeconds: 1 });
  }
  return new Promise((resolve) => waiting.push(resolve));
}
