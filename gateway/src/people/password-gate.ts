import { ApiError } from '@zerogpu/protocol';
import { checkPassword, hashPassword } from '../store/passwords.ts';

/**
 * scrypt takes 32 MB and some 80 ms of a core: two at once leave cores and memory to the requests of the API.
 * Whoever waits behind 32 others waits for more than a second, and is told to come again.
 */
const AT_ONCE = 2;
const MAX_WAITING = 32;

/** Passwords, hashed and checked a few at a time. */
export class PasswordGate {
  readonly #waiting: (() => void)[] = [];
  #working = 0;

  /** @throws ApiError no_capacity */
  hash(password: string): Promise<string> {
    return this.#inTurn(() => hashPassword(password));
  }

  /**
   * @param kept null when there is no such account
   * @throws ApiError no_capacity
   */
  check(password: string, kept: string | null): Promise<boolean> {
    return this.#inTurn(() => checkPassword(password, kept));
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#working >= AT_ONCE) await this.#turn();
    else this.#working++;
    try {
      return await work();
    } finally {
      // The next takes over this one's place; the count stays.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#working--;
    }
  }

  #turn(): Promise<void> {
    if (this.#waiting.length >= MAX_WAITING) {
      const message = 'Too many people are signing in at the moment';
      throw new ApiError('no_capacity', { message, retryAfterSeconds: 1 });
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
