import type { Speed } from '../flow.ts';

/** Of what is known, what one more run leaves: the last twenty weigh most. */
const KEPT = 0.95;
/**
 * How far the announced share of the length is believed, in squares of tokens: as much as four runs that differ by 200 tokens
 * from the mean. Inputs that are all of one length teach nothing of others, and leave it as it was.
 */
const BELIEF = 4 * 200 ** 2;

/** Learns how much of what a run takes on a node is for the length of its input. */
export class LengthPace {
  #weight = 0;
  #tokens = 0;
  #ms = 0;
  #squares = 0;
  #products = 0;

  /** @param ms that a run took, as if it had had the node to itself */
  observe(ms: number, tokens: number): void {
    this.#weight = this.#weight * KEPT + 1;
    this.#tokens = this.#tokens * KEPT + tokens;
    this.#ms = this.#ms * KEPT + ms;
    this.#squares = this.#squares * KEPT + tokens * tokens;
    this.#products = this.#products * KEPT + tokens * ms;
  }

  /**
   * As seen; where that does not tell, in the shape that was announced, but as quick as it was seen.
   * @param announced null when the node announced nothing: then all lengths are taken to be alike
   * @param aloneMs of an input of mean length, where that is known better than as the mean
   * @returns null until there was a run
   */
  speed(announced: Speed | null, aloneMs = this.#ms / this.#weight): Speed | null {
    if (this.#weight === 0) return null;
    const tokens = this.#tokens / this.#weight;
    const mean = this.#ms / this.#weight;
    const { baseMs, perThousandMs } = this.#fit(announced, tokens, mean);
    const scale = mean > 0 ? aloneMs / mean : 1;
    return { baseMs: baseMs * scale, perThousandMs: perThousandMs * scale };
  }

  #fit(announced: Speed | null, tokens: number, ms: number): Speed {
    const spread = Math.max(0, this.#squares - this.#weight * tokens * tokens);
    const together = this.#products - this.#weight * tokens * ms;
    const slope = (together + BELIEF * announcedSlope(announced, tokens, ms)) / (spread + BELIEF);
    // Nothing takes less than no time, nor less for being longer.
    const perToken = Math.max(0, tokens === 0 ? slope : Math.min(slope, ms / tokens));
    return { baseMs: Math.max(0, ms - perToken * tokens), perThousandMs: perToken * 1000 };
  }
}

/** Milliseconds for a token, on a node that takes `ms` for so many. */
function announcedSlope(announced: Speed | null, tokens: number, ms: number): number {
  if (announced === null) return 0;
  const { baseMs, perThousandMs } = announced;
  const expected = baseMs + (perThousandMs * tokens) / 1000;
  return expected > 0 ? ((perThousandMs / 1000) * ms) / expected : 0;
}
