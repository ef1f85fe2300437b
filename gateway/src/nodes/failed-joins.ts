const WINDOW_MS = 60_000;
/** Somebody who mistypes a token, or forty browsers behind one address with an old link, or a new one, need less. */
const MOST_OF_ADDRESS = 120;
/** Addresses that are remembered: those that failed first go first. */
const MAX_ADDRESSES = 10_000;

/**
 * Counts join tokens that were wrong, by address. They cannot be guessed (256 bits): what is kept small is the work of
 * looking for them. Strangers' nodes that are new count, too.
 */
export class FailedJoins {
  readonly #byAddress = new Map<string, { count: number; readonly until: number }>();

  note(address: string, now: number): void {
    const known = this.#current(address, now);
    if (known) known.count++;
    else this.#byAddress.set(address, { count: 1, until: now + WINDOW_MS });
    for (const oldest of this.#byAddress.keys()) {
      if (this.#byAddress.size <= MAX_ADDRESSES) break;
      this.#byAddress.delete(oldest);
    }
  }

  tooMany(address: string, now: number): boolean {
    return (this.#current(address, now)?.count ?? 0) >= MOST_OF_ADDRESS;
  }

  #current(address: string, now: number) {
    const known = this.#byAddress.get(address);
    if (known && known.until > now) return known;
    this.#byAddress.delete(address);
    return undefined;
  }
}
