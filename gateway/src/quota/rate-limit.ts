/**
 * Rate limits by the generic cell rate algorithm (ITU-T I.371): one number a key, the time at which its
 * allowance would be whole again. Nothing to reset, no burst at the turn of a minute.
 */

import type { LimitState } from '../flow.ts';

const WINDOW_MS = 60_000;

export interface Taken extends LimitState {
  readonly ok: boolean;
  /** When refused: milliseconds until the same amount would be granted; Infinity when it never will be. */
  readonly retryMs: number;
}

/** `limit` units a minute for each of many keys. Keeps at most `maxKeys`; whole allowances are forgotten first. */
export class RateLimit {
  readonly #wholeAt = new Map<string, number>();
  readonly #limit: number;
  readonly #maxKeys: number;

  constructor(limit: number, maxKeys = 100_000) {
    this.#limit = limit;
    this.#maxKeys = maxKeys;
  }

  /**
   * Takes `amount` units of `key`'s allowance, all or nothing. A limit of 60 a minute gives 60 at once and then
   * one a second.
   * @param now milliseconds, from any monotonic clock
   */
  take(key: string, amount: number, now: number): Taken {
    const whole = Math.max(this.#wholeAt.get(key) ?? 0, now);
    const after = whole + (amount * WINDOW_MS) / this.#limit;
    const ok = after - now <= WINDOW_MS;
    if (ok) this.#remember(key, after, now);
    const state = this.#state(ok ? after : whole, now);
    return { ...state, ok, retryMs: ok ? 0 : amount > this.#limit ? Infinity : after - now - WINDOW_MS };
  }

  #state(whole: number, now: number): LimitState {
    const used = ((whole - now) * this.#limit) / WINDOW_MS;
    // The 1e-6 takes back what rounding added: 60 − 1 must say 59.
    return {
      limit: this.#limit,
      remaining: Math.max(0, Math.floor(this.#limit - used + 1e-6)),
      resetMs: whole - now,
    };
  }

  #remember(key: string, whole: number, now: number): void {
    if (this.#wholeAt.size >= this.#maxKeys && !this.#wholeAt.has(key)) this.#forgetWhole(now);
    this.#wholeAt.set(key, whole);
  }

  #forgetWhole(now: number): void {
    for (const [key, whole] of this.#wholeAt) if (whole <= now) this.#wholeAt.delete(key);
    const oldest = this.#wholeAt.keys().next();
    if (this.#wholeAt.size >= this.#maxKeys && !oldest.done) this.#wholeAt.delete(oldest.value);
  }
}
