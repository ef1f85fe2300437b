import type { ModelManifest } from '@zerogpu/protocol';
import { type MeasuredSpeed, SPEED_LASTS_MS, type Speed, type SpeedCache, speedKey } from './speed.ts';

/** More than there are models, versions of a week included. */
const MAX_SPEEDS = 256;

/** The speeds of a device, measured when there are none or they are old. */
export class Speeds {
  readonly #cache: SpeedCache;
  readonly #wallClock: () => number;
  #known = new Map<string, MeasuredSpeed>();

  /** @param wallClock milliseconds since 1970 */
  constructor(cache: SpeedCache, wallClock: () => number) {
    this.#cache = cache;
    this.#wallClock = wallClock;
  }

  async read(): Promise<void> {
    const fresh = [...(await this.#cache.read())].filter(([, { at }]) => this.#isFresh(at));
    this.#known = new Map(fresh.slice(0, MAX_SPEEDS));
  }

  of(manifest: ModelManifest): Speed | null {
    const speed = this.#known.get(speedKey(manifest));
    return speed ? { baseMs: speed.baseMs, perThousandMs: speed.perThousandMs } : null;
  }

  async learn(manifest: ModelManifest, speed: Speed): Promise<void> {
    this.#known.set(speedKey(manifest), { ...speed, at: this.#wallClock() });
    await this.#cache.write(this.#known);
  }

  /** A time to come is one of a clock that was set back. */
  #isFresh(at: number): boolean {
    const age = this.#wallClock() - at;
    return age >= 0 && age < SPEED_LASTS_MS;
  }
}
