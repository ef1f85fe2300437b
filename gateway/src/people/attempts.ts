import { isIPv6 } from 'node:net';
import { ApiError } from '@zerogpu/protocol';

const WINDOW_MS = 60_000;
/** An office behind one address, and a person who has forgotten which password it was; both a minute. */
const BY_ADDRESS = 60;
const BY_ACCOUNT = 10;
/** Of a megabyte or two. Whoever has more addresses than this is held back by the accounts' limit, and by scrypt. */
const MAX_KEYS = 10_000;

/**
 * Attempts a minute by the generic cell rate algorithm (ITU-T I.371): one number a key, the time at which its
 * allowance would be whole again. Bounded: the key that was refreshed longest ago is forgotten first.
 */
export class AttemptLimit {
  readonly #wholeAt = new Map<string, number>();
  readonly #perMinute: number;
  readonly #maxKeys: number;

  constructor(perMinute: number, maxKeys = MAX_KEYS) {
    this.#perMinute = perMinute;
    this.#maxKeys = maxKeys;
  }

  /** @returns 0 when it may go on, else the milliseconds until the next may */
  take(key: string, now: number): number {
    const after = Math.max(this.#wholeAt.get(key) ?? 0, now) + WINDOW_MS / this.#perMinute;
    // The 1e-6 takes back what rounding added.
    if (after - now > WINDOW_MS + 1e-6) return after - now - WINDOW_MS;
    this.#wholeAt.delete(key);
    const oldest = this.#wholeAt.keys().next();
    if (this.#wholeAt.size >= this.#maxKeys && !oldest.done) this.#wholeAt.delete(oldest.value);
    this.#wholeAt.set(key, after);
    return 0;
  }
}

export interface Attempts {
  readonly byAddress: AttemptLimit;
  readonly byAccount: AttemptLimit;
}

export function makeAttempts(): Attempts {
  return { byAddress: new AttemptLimit(BY_ADDRESS), byAccount: new AttemptLimit(BY_ACCOUNT) };
}

/** Who tries: an address, perhaps at an account. */
export interface Attempt {
  readonly ip: string;
  readonly now: number;
  /** In lower case. */
  readonly email?: string;
}

/**
 * Counts one attempt at what a stranger could guess or use up. Each gateway counts for itself: with several, somebody
 * may try that many times as often.
 * @throws ApiError rate_limit_exceeded
 */
export function takeAttempt({ byAddress, byAccount }: Attempts, { ip, now, email }: Attempt): void {
  const wait = byAddress.take(networkOf(ip), now) || (email === undefined ? 0 : byAccount.take(email, now));
  if (wait === 0) return;
  throw new ApiError('rate_limit_exceeded', {
    message: 'Too many attempts; try again later',
    retryAfterSeconds: Math.ceil(wait / 1000),
  });
}

/** One caller of IPv6 has 2^64 addresses: the first four groups tell callers apart. */
export function networkOf(ip: string): string {
  if (!isIPv6(ip) || ip.startsWith('::ffff:')) return ip;
  const [head = '', tail = ''] = ip.split('::');
  const before = head.split(':').filter((group) => group !== '');
  const behind = tail.split(':').filter((group) => group !== '');
  const zeros = ip.includes('::') ? Math.max(0, 8 - before.length - behind.length) : 0;
  return [...before, ...Array.from({ length: zeros }, () => '0'), ...behind].slice(0, 4).join(':');
}
