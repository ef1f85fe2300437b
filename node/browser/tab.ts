/** What the browser does with the tab, and what keeps the screen on. */
import type { TabState } from '../src/browser-platform/pace.ts';

/** Tells the state of the tab whenever it changes, and at once. */
export function watchTab(tell: (state: TabState) => void): void {
  const look = () => tell(document.hidden ? 'hidden' : 'visible');
  document.addEventListener('visibilitychange', look);
  // Chromium tells before it freezes a page and after; others only let time pass, which the worker's clock shows.
  document.addEventListener('freeze', () => tell('frozen'));
  document.addEventListener('resume', look);
  look();
}

/** Keeps the screen on as long as it is wanted, where the browser allows that. */
export class KeepAwake {
  #wanted = false;
  #lock: WakeLockSentinel | null = null;

  constructor() {
    // The browser lets go whenever the tab is hidden.
    document.addEventListener('visibilitychange', () => void this.#hold());
  }

  get possible(): boolean {
    return 'wakeLock' in navigator;
  }

  async want(wanted: boolean): Promise<void> {
    this.#wanted = wanted;
    if (wanted) return this.#hold();
    await this.#lock?.release();
    this.#lock = null;
  }

  async #hold(): Promise<void> {
    const isHeld = this.#lock !== null && !this.#lock.released;
    if (!this.#wanted || !this.possible || isHeld || document.hidden) return;
    // A device that saves its battery refuses; it is asked again when the tab is seen the next time.
    this.#lock = await navigator.wakeLock.request('screen').catch(() => null);
  }
}

/** Held by the one tab of this browser that serves: two with one key would take the node from each other for ever. */
export class OneTab {
  readonly #channel = new BroadcastChannel('zerogpu-node');
  #serving = false;

  /** @param taken called when another tab took over */
  constructor(taken: () => void) {
    this.#channel.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (data !== 'taken' || !this.#serving) return;
      this.#serving = false;
      taken();
    };
  }

  take(): void {
    this.#serving = true;
    this.#channel.postMessage('taken');
  }

  leave(): void {
    this.#serving = false;
  }
}
