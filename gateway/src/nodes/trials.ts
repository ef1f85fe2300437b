/**
 * Second looks at nodes that were found slow: nobody asks such a one while quicker ones are idle, and so nobody would ever
 * learn that it was only its first runs, or a busy moment. Pure.
 */
import type { Speed } from '../flow.ts';

/** Of a model's runs at most so many are trials: half of the one in a hundred that may be a little slower for it. */
const SHARE = 1 / 200;
/** For a moment in which many nodes were slow together. */
const MOST_SAVED = 5;
/** Of what is known of a model, what one more run leaves: the last twenty weigh most. */
const KEPT = 0.95;
/** What is hoped of a node is a little more than what others do: else those would have the run. */
const HOPE = 0.9;

interface Model {
  /** Trials that may begin. */
  saved: number;
  /** Mean milliseconds of a run that has its node to itself, over all nodes by how often they run. */
  usualMs: number;
  /** The same, by what the node had announced: nodes that are warm are quicker than they said when they began. */
  usualShare: number;
}

/** How many trials a model may have, and how quick its runs usually are. */
export class Trials {
  /** Those of the catalogue that ran here. */
  readonly #models = new Map<string, Model>();

  /**
   * @param aloneMs what an interactive run takes on the node that has just finished one
   * @param announcedMs what the node had said of it; null when it said nothing
   */
  ran(model: string, aloneMs: number, announcedMs: number | null): void {
    const share = announcedMs === null || announcedMs <= 0 ? 1 : Math.min(1, aloneMs / announcedMs);
    const known = this.#models.get(model) ?? { saved: 0, usualMs: aloneMs, usualShare: share };
    this.#models.set(model, known);
    known.saved = Math.min(MOST_SAVED, known.saved + SHARE);
    known.usualMs = known.usualMs * KEPT + aloneMs * (1 - KEPT);
    known.usualShare = known.usualShare * KEPT + share * (1 - KEPT);
  }

  /** As what a node is tried; null until the model ran. */
  hope(model: string, announced: Speed | null): Speed | null {
    const known = this.#models.get(model);
    if (!known) return null;
    if (announced === null) return { baseMs: HOPE * known.usualMs, perThousandMs: 0 };
    const share = HOPE * known.usualShare;
    return { baseMs: share * announced.baseMs, perThousandMs: share * announced.perThousandMs };
  }

  /** Takes a trial from what is saved, if there is one. */
  take(model: string): boolean {
    const known = this.#models.get(model);
    if (!known || known.saved < 1) return false;
    known.saved--;
    return true;
  }
}

/** A node that was found slow is tried no sooner. */
const FIRST_WAIT_MS = 30_000;
/** What a trial may cost its caller is at most this share of the time since the node's last run: 27 ms once in half a minute. */
const PRICE_SHARE = 1 / 1000;
/** Each trial that finds it as slow as before doubles the time until the next: half an hour at least in the end. */
const MOST_DOUBLINGS = 6;
/** Nobody feels less, and estimates differ by that. */
const LEAST_PRICE_MS = 1;
const LEAST_PRICE_SHARE = 0.25;
/** A run is quick when it took less than this much of what was believed. */
const QUICK = 0.5;

/** Of one node and model: whether it is tried again, and what trials showed. */
export class Trial {
  /** As what it is tried; null while it is believed what was seen. */
  speed: Speed | null = null;
  #askedAt = 0;
  #doublings = 0;

  /** A run begins. */
  asked(now: number): void {
    this.#askedAt = now;
  }

  /**
   * @param aloneMs as seen
   * @param wouldBeMs what it would take as quick as it is to be tried
   */
  isDue(aloneMs: number, wouldBeMs: number, now: number): boolean {
    const priceMs = aloneMs - wouldBeMs;
    if (this.speed !== null || priceMs < Math.max(LEAST_PRICE_MS, aloneMs * LEAST_PRICE_SHARE)) return false;
    const waitMs = Math.max(FIRST_WAIT_MS, priceMs / PRICE_SHARE) * 2 ** this.#doublings;
    return now - this.#askedAt >= waitMs;
  }

  /** Whether it is worth a closer look. */
  mayBeDue(now: number): boolean {
    return this.speed === null && now - this.#askedAt >= FIRST_WAIT_MS;
  }

  /**
   * A run on trial was finished, or failed, which is as slow as can be.
   * @returns whether it was so quick that what was believed is no longer true
   */
  ended(ms: number, believedMs: number): boolean {
    this.speed = null;
    const quick = ms < believedMs * QUICK;
    this.#doublings = quick ? 0 : Math.min(MOST_DOUBLINGS, this.#doublings + 1);
    return quick;
  }
}
