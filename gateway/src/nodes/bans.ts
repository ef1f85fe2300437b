import type { Admittance } from './node-directory.ts';

/** For so long a node is not forgiven. */
const MEMORY_MS = 24 * 3_600_000;
/** Sockets of one node that may end by misconduct before it is kept away: a bad network cuts frames, too. */
const FORGIVEN = 2;
const FIRST_BAN_MS = 60_000;
const LONGEST_BAN_MS = 24 * 3_600_000;
/** Of about a megabyte; who offended longest ago is forgotten first. */
const MAX_OFFENDERS = 10_000;

interface Offender {
  readonly offences: number;
  readonly lastAt: number;
  readonly bannedUntil: number;
}

/** Strangers' nodes that misbehave again and again are kept away: for a minute, then twice as long each time. */
export class Bans {
  readonly #offenders = new Map<string, Offender>();

  /** Its socket was closed because of what it sent. */
  note(nodeId: string, now: number): void {
    const before = this.#offenders.get(nodeId);
    const offences = (before && before.lastAt > now - MEMORY_MS ? before.offences : 0) + 1;
    const banMs = FIRST_BAN_MS * 2 ** (offences - FORGIVEN - 1);
    const bannedUntil = offences > FORGIVEN ? now + Math.min(LONGEST_BAN_MS, banMs) : 0;
    this.#offenders.delete(nodeId);
    this.#offenders.set(nodeId, { offences, lastAt: now, bannedUntil });
    const oldest = this.#offenders.keys().next();
    if (this.#offenders.size > MAX_OFFENDERS && !oldest.done) this.#offenders.delete(oldest.value);
  }

  /** Milliseconds until it may come again; 0 when it may. */
  leftMs(nodeId: string, now: number): number {
    return Math.max(0, (this.#offenders.get(nodeId)?.bannedUntil ?? 0) - now);
  }
}

export function bannedFor(ms: number): Admittance {
  const message = `This node misbehaved again and again: it may come back in ${Math.ceil(ms / 60_000)} minutes`;
  return { kind: 'refused', code: 'banned', message };
}
