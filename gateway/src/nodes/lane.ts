import type { Tier } from '@zerogpu/protocol';
import { Breaker } from '../breaker.ts';
import { type Speed, TargetFailure } from '../flow.ts';
import { SlotQueue } from '../slot-queue.ts';
import { LengthPace } from './length-pace.ts';
import { Pace } from './pace.ts';
import { Trial } from './trials.ts';

/** A failure is held against a node for this long; then it gets another chance. */
const FAILURE_MEMORY_MS = 30_000;

/** The slots of one model on one node, and those who wait for one. */
export class Lane {
  resident: boolean;
  readonly #queue: SlotQueue;
  #serviceMs: number | null = null;
  #failures = 0;
  #failedAt = 0;
  readonly #breaker = new Breaker();
  readonly #pace = new Pace();
  readonly #lengths = new LengthPace();
  readonly #trial = new Trial();
  #loadMs: number | null = null;

  readonly #changed: () => void;

  /** @param changed called whenever what the router goes by is another */
  constructor(slots: number, resident: boolean, changed: () => void = () => {}) {
    this.#queue = new SlotQueue(slots, reserveOf(slots), changed);
    this.resident = resident;
    this.#changed = changed;
  }

  get slots(): number {
    return this.#queue.slots;
  }

  /** Running, and waiting interactive runs. */
  get inFlight(): number {
    return this.#queue.inFlight;
  }

  /** Batch runs that would begin at once; negative when so many wait already. */
  get batchRoom(): number {
    return this.#queue.batchRoom;
  }

  /** Mean milliseconds of an interactive run, the last ten or so weighing most; null until there was one. */
  get serviceMs(): number | null {
    return this.#serviceMs;
  }

  /** Milliseconds that a run takes on the node when it is alone there, and what each further one adds. */
  get pace(): Pace {
    return this.#pace;
  }

  /**
   * How long a run takes that has the node to itself, by its length: as seen, but for a trial.
   * @param announced what the node said of it: believed until there was a run
   */
  speed(announced: Speed | null): Speed | null {
    if (this.#trial.speed !== null) return this.#trial.speed;
    const { aloneMs } = this.#pace;
    if (aloneMs === null) return announced;
    return this.#lengths.speed(announced, aloneMs) ?? { baseMs: aloneMs, perThousandMs: 0 };
  }

  /**
   * Found slow, and idle since: one run may see whether it still is. What a further run beside it would add stays as it was seen, so
   * that one at a time tries it.
   * @param as what is hoped of it
   * @param may asked only when it is time
   */
  tryAgain(as: () => Speed | null, now: number, may: () => boolean): void {
    const { aloneMs } = this.#pace;
    if (aloneMs === null || this.inFlight > 0 || !this.#trial.mayBeDue(now)) return;
    const speed = as();
    if (speed === null || !this.#trial.isDue(aloneMs, usualMsOf(speed), now) || !may()) return;
    this.#trial.speed = speed;
    this.#changed();
  }

  /** Milliseconds until the model was in memory, the last times weighing most; null until it was loaded once. */
  get loadMs(): number | null {
    return this.#loadMs;
  }

  /** Learns from a run that found the model not in memory. */
  loaded(ms: number): void {
    this.#loadMs = this.#loadMs === null ? ms : (this.#loadMs + ms) / 2;
  }

  /**
   * Waits for a slot. Whoever got one calls `leave` once.
   * @throws TargetFailure busy, or the signal's reason
   */
  enter(tier: Tier, leftMs: number, signal: AbortSignal): Promise<void> | undefined {
    return this.#queue.enter(tier, leftMs, signal)?.catch((error: unknown) => {
      throw this.#withRoom(error);
    });
  }

  /** Milliseconds since 1970 until which it is given a rest, because it failed several times in a row. */
  get closedUntil(): number {
    return this.#breaker.closedUntil;
  }

  /** A run is sent. */
  begin(now: number, tier: Tier = 'interactive'): void {
    if (tier === 'interactive') this.#trial.asked(now);
    const before = this.#breaker.closedUntil;
    this.#breaker.begin(now);
    if (this.#breaker.closedUntil !== before) this.#changed();
  }

  leave(): void {
    this.#queue.leave();
  }

  /** Takes over what the node announces. */
  announce(slots: number, resident: boolean): void {
    this.resident = resident;
    this.#queue.resize(slots, reserveOf(slots));
  }

  /** Runs that failed lately, since the last that did not. */
  failures(now: number): number {
    return now - this.#failedAt > FAILURE_MEMORY_MS ? 0 : this.#failures;
  }

  /** When its failures will be forgotten, in milliseconds since 1970; null when there are none. */
  forgivenAt(now: number): number | null {
    return this.failures(now) === 0 ? null : this.#failedAt + FAILURE_MEMORY_MS + 1;
  }

  /** Learns from a run that failed. */
  fail(now: number): void {
    this.#failures = this.failures(now) + 1;
    this.#failedAt = now;
    this.#breaker.failed(now);
    if (this.#trial.speed !== null) this.#trial.ended(Number.POSITIVE_INFINITY, 0);
    this.#changed();
  }

  /**
   * Learns from a run that was finished. What a batch run took tells how long it stood back for others.
   * @param rttMs of `serviceMs`, what the way there and back takes
   * @param beside runs that shared the node with it
   * @param tokens of its input; null when nobody counted them
   */
  observe(serviceMs: number, tier: Tier, rttMs = 0, beside = 0, tokens: number | null = null): void {
    this.#failures = 0;
    this.#breaker.worked();
    if (tier === 'interactive') this.#learn(serviceMs, rttMs, beside, tokens);
    this.#changed();
  }

  #learn(serviceMs: number, rttMs: number, beside: number, tokens: number | null): void {
    const ms = Math.max(0, serviceMs - rttMs);
    if (this.#trial.speed !== null) this.#endTrial(ms, beside);
    this.#pace.observe(ms, 1 + beside);
    const alone = Math.max(0, ms - (this.#pace.crowdMs ?? 0) * beside);
    if (tokens !== null) this.#lengths.observe(alone, tokens);
    this.#serviceMs = this.#serviceMs === null ? serviceMs : this.#serviceMs * 0.9 + serviceMs * 0.1;
  }

  #endTrial(ms: number, beside: number): void {
    const { aloneMs, crowdMs } = this.#pace;
    if (this.#trial.ended(ms, (aloneMs ?? 0) + (crowdMs ?? 0) * beside)) this.#pace.forget();
  }

  /** Who is sent away for want of room is told when those before them are done. */
  #withRoom(error: unknown): unknown {
    if (!(error instanceof TargetFailure) || error.kind !== 'busy') return error;
    const roomInMs = (this.inFlight / this.slots) * (this.#serviceMs ?? 0);
    return new TargetFailure('busy', error.message, null, roomInMs);
  }

  /** Sends everybody who waits elsewhere. */
  close(reason: TargetFailure): void {
    this.#queue.close(reason);
  }
}

/** Thousands of tokens of an input as they usually come: what bench/results/models.md measures models by. */
export const USUAL_THOUSANDS = 0.4;

/** Milliseconds of a run with an input as they usually come. */
export function usualMsOf({ baseMs, perThousandMs }: Speed): number {
  return baseMs + perThousandMs * USUAL_THOUSANDS;
}

/**
 * Slots that batch runs leave free: a quarter, which is what a burst of interactive runs finds at once while batches
 * have all the rest. With one slot there is nothing to leave: a batch run takes it when nobody else wants it.
 */
function reserveOf(slots: number): number {
  return slots === 1 ? 0 : Math.ceil(slots / 4);
}
