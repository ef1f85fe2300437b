import { randomUUID } from 'node:crypto';

/** A round trip that differs by less says nothing to the router: ten thousand nodes with eleven models are told of at each ping. */
const NEWS_SHARE = 0.1;
const LEAST_NEWS_MS = 1;
/** A clock of whole milliseconds says 0 of what takes up to one, and 0 means that nothing was measured. */
const LEAST_RTT_MS = 0.5;
/** Round trips that the mean is about. */
const RTTS_REMEMBERED = 5;

/** The way to a node and back, as its answers to pings measure it. */
export class RoundTrip {
  /** Mean of the last ones; 0 until one was measured. */
  ms = 0;
  #asked: { readonly nonce: string; readonly at: number } | null = null;
  /** Round trips that were measured. */
  #measured = 0;
  /** What the router was told. */
  #toldMs = Number.NEGATIVE_INFINITY;

  /** @returns what the node is to say back */
  ask(now: number): string {
    // Nobody guesses it. Drawn many at a time, while random bytes one by one are 1 % of a core with 10,000 nodes.
    const nonce = randomUUID();
    this.#asked = { nonce, at: now };
    return nonce;
  }

  /** Takes an answer. @returns false for one that nobody asked for, which measures nothing */
  answered(nonce: string, now: number): boolean {
    const asked = this.#asked;
    if (asked?.nonce !== nonce) return false;
    this.#asked = null;
    this.#measure(Math.max(LEAST_RTT_MS, now - asked.at));
    return true;
  }

  /** Whether it changed enough to matter since the last time that this was said. */
  isNews(): boolean {
    const isNews = Math.abs(this.ms - this.#toldMs) > Math.max(LEAST_NEWS_MS, this.ms * NEWS_SHARE);
    if (isNews) this.#toldMs = this.ms;
    return isNews;
  }

  /** The first ones are as good as each other: the one at the greeting, when both ends are busy, is soon no more than one of five. */
  #measure(ms: number): void {
    this.#measured = Math.min(RTTS_REMEMBERED, this.#measured + 1);
    this.ms += (ms - this.ms) / this.#measured;
  }
}
