/**
 * What a node may send before its socket is closed: a gateway reads what thousands of devices say, and none of them may
 * take more of its time and memory than its work needs.
 */

/** What ended a socket, in words for its node. */
export type Misconduct = 'too many invalid frames' | 'too many frames' | 'too much data';

/** A hello with 256 models of the longest names takes half of it. */
const GREETING_BYTES = 256 * 1024;
/** Of a node without runs: some announcements of all its models at once. */
const IDLE_BYTES = 1024 * 1024;
const BYTES_PER_SECOND = 64 * 1024;
/** A run's answer is at most a frame of 4 MiB; its pieces say it once more, each with some sixty bytes around it. */
const BYTES_PER_RUN = 12 * 1024 * 1024;
/** Frames and pings that no run asked for: a heartbeat takes three in five seconds, a node that loads its models thirty. */
const FRAMES_AT_ONCE = 200;
const FRAMES_PER_SECOND = 50;
/** Frames that are none, and answers to what was never asked; an honest node has neither. */
const OFFENCES_AT_ONCE = 20;
const OFFENCES_PER_SECOND = 0.1;
/** In a row: a node that speaks another language is told so at once. */
const INVALID_IN_A_ROW = 10;

/** So much at once, and so much a second after that. */
class Allowance {
  #left: number;
  #at: number;
  readonly #most: number;
  readonly #perSecond: number;

  constructor(most: number, perSecond: number, now: number) {
    this.#left = most;
    this.#most = most;
    this.#perSecond = perSecond;
    this.#at = now;
  }

  /** @param extra that it may hold beyond the most. @returns false when there is not as much left */
  take(amount: number, now: number, extra = 0): boolean {
    const grown = this.#left + (Math.max(0, now - this.#at) / 1000) * this.#perSecond;
    this.#at = now;
    this.#left = Math.min(grown, this.#most + extra) - amount;
    return this.#left >= 0;
  }

  add(amount: number): void {
    this.#left += amount;
  }
}

export class Conduct {
  #bytes: Allowance;
  readonly #frames: Allowance;
  readonly #offences: Allowance;
  #invalidInARow = 0;

  constructor(now: number) {
    this.#bytes = new Allowance(GREETING_BYTES, 0, now);
    this.#frames = new Allowance(FRAMES_AT_ONCE, FRAMES_PER_SECOND, now);
    this.#offences = new Allowance(OFFENCES_AT_ONCE, OFFENCES_PER_SECOND, now);
  }

  welcomed(now: number): void {
    this.#bytes = new Allowance(IDLE_BYTES, BYTES_PER_SECOND, now);
  }

  /** A run was sent: its answer will come. */
  runBegan(): void {
    this.#bytes.add(BYTES_PER_RUN);
  }

  /** As they come from the wire, whatever becomes of them. @param runs that are under way */
  bytes(count: number, runs: number, now: number): Misconduct | null {
    return this.#bytes.take(count, now, runs * BYTES_PER_RUN) ? null : 'too much data';
  }

  /** A frame or ping that belongs to no run. */
  ownFrame(now: number): Misconduct | null {
    return this.#frames.take(1, now) ? null : 'too many frames';
  }

  valid(): void {
    this.#invalidInARow = 0;
  }

  invalid(now: number): Misconduct | null {
    return ++this.#invalidInARow >= INVALID_IN_A_ROW ? 'too many invalid frames' : this.stray(now);
  }

  /** It speaks of a run that it was not given, or that is over. */
  stray(now: number): Misconduct | null {
    return this.#offences.take(1, now) ? null : 'too many invalid frames';
  }
}
