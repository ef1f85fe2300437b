/** How the browser treats a page's timers: pure, fed by a timer of the worker. */

/** The timer that tells the pace rings this often. */
export const PACE_MS = 1_000;
/** Of the last rings: one late ring is a busy moment, most of five are a habit. */
const RINGS = 5;
/** Behind by so much a ring is late: more than a busy device does to a tab that it lets run. */
const LATE_MS = 2_000;
/** Behind by so much it did not run at all meanwhile: the browser froze the page, or the device slept. */
const SLEPT_MS = 10_000;

export type Pace = 'steady' | 'late' | 'slept';

/** Tells from the times at which a timer rang whether it is let to ring in time. */
export class PaceMeter {
  readonly #late: boolean[] = [];
  #lastAt: number;

  /** @param now milliseconds, of a clock that goes on while the page is frozen */
  constructor(now: number) {
    this.#lastAt = now;
  }

  /** To be called every PACE_MS; `slept` is told once, right after it. */
  rang(now: number): Pace {
    const behind = now - this.#lastAt - PACE_MS;
    this.#lastAt = now;
    if (behind > SLEPT_MS) {
      this.#late.length = 0;
      return 'slept';
    }
    this.#late.push(behind > LATE_MS);
    if (this.#late.length > RINGS) this.#late.shift();
    return this.#late.filter(Boolean).length > RINGS / 2 ? 'late' : 'steady';
  }
}

/** What the tab says of itself. */
export type TabState = 'visible' | 'hidden' | 'frozen';

/** How much of itself a node offers, and why it is less than all. */
export interface Offer {
  readonly slots: number;
  readonly because: 'frozen' | 'late' | 'hidden' | null;
}

/** Of the slots of a tab that somebody sees, what a hidden one keeps: it may be slowed down at any time. */
const HIDDEN_SHARE = 1 / 4;

/** @param slots of each model when nothing slows the page, 1 or more */
export function offerOf(slots: number, tab: TabState, pace: Pace): Offer {
  if (tab === 'frozen') return { slots: 0, because: 'frozen' };
  const fewer = Math.max(1, Math.floor(slots * HIDDEN_SHARE));
  if (pace === 'late') return { slots: fewer, because: 'late' };
  return tab === 'hidden' ? { slots: fewer, because: 'hidden' } : { slots, because: null };
}
