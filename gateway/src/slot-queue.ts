import type { Tier } from '@zerogpu/protocol';
import { TargetFailure } from './flow.ts';

/** More than this waiting on one target is overload, and is said at once instead of by a timeout. */
const MAX_WAITING = 2000;
/** As many lines as a gateway may have under way (ZEROGPU_BATCH_CONCURRENCY); what more workers send waits with them. */
const MAX_WAITING_BATCH = 1024;
/** While a batch run waits it holds money and a place of its worker; six times a minute is often enough to ask again. */
const MAX_PATIENCE_MS = 10_000;
/** Four targets are tried at most: each may take this part of what is left, and the last run still has its time. */
const PATIENCE_SHARE = 0.25;

interface Waiter {
  enter(): void;
  refuse(reason: unknown): void;
}

/**
 * Places for runs, and those who wait for one: interactive runs first, each kind in the order in which it came. A batch
 * run begins only where a reserve stays free behind it, so that the next interactive run finds a place at once.
 */
export class SlotQueue {
  #slots: number;
  #reserve: number;
  #running = 0;
  /** Made when the first one waits: ten thousand idle nodes with ten models each would hold 40 MB of empty sets. */
  #waiting: Set<Waiter> | null = null;
  #waitingBatch: Set<Waiter> | null = null;
  readonly #changed: () => void;

  /** @param changed called whenever somebody came or went, or the slots are others; it must not call back */
  constructor(slots: number, reserve: number, changed: () => void = () => {}) {
    this.#slots = slots;
    this.#reserve = reserve;
    this.#changed = changed;
  }

  get slots(): number {
    return this.#slots;
  }

  /** Running, of either kind, and interactive runs that wait: a batch run that waits is in nobody's way. */
  get inFlight(): number {
    return this.#running + (this.#waiting?.size ?? 0);
  }

  /** Batch runs that would begin at once; negative when so many wait already. */
  get batchRoom(): number {
    return this.#slots - this.#reserve - this.#running - (this.#waitingBatch?.size ?? 0);
  }

  /**
   * Waits for a place. Whoever got one calls `leave` once.
   * @param leftMs until the deadline; a batch run gives up long before it
   * @throws TargetFailure busy, or the signal's reason
   */
  enter(tier: Tier, leftMs: number, signal: AbortSignal): Promise<void> | undefined {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#running < this.#slotsOf(tier)) {
      this.#running++;
      this.#changed();
      return undefined;
    }
    const waiting = this.#waitingOf(tier);
    const most = tier === 'batch' ? MAX_WAITING_BATCH : MAX_WAITING;
    if (waiting.size >= most) return Promise.reject(busy());
    const patienceMs = tier === 'interactive' ? null : Math.min(MAX_PATIENCE_MS, leftMs * PATIENCE_SHARE);
    return wait(waiting, signal, patienceMs, this.#changed);
  }

  leave(): void {
    this.#running--;
    this.#admitWaiting();
    this.#changed();
  }

  resize(slots: number, reserve: number): void {
    this.#slots = slots;
    this.#reserve = reserve;
    this.#admitWaiting();
    this.#changed();
  }

  /** Sends everybody who waits elsewhere. */
  close(reason: TargetFailure): void {
    for (const waiter of [...(this.#waiting ?? []), ...(this.#waitingBatch ?? [])]) waiter.refuse(reason);
  }

  #waitingOf(tier: Tier): Set<Waiter> {
    this.#waiting ??= new Set();
    this.#waitingBatch ??= new Set();
    return tier === 'batch' ? this.#waitingBatch : this.#waiting;
  }

  #slotsOf(tier: Tier): number {
    return tier === 'batch' ? this.#slots - this.#reserve : this.#slots;
  }

  #admitWaiting(): void {
    this.#admit(this.#waiting, this.#slots);
    this.#admit(this.#waitingBatch, this.#slots - this.#reserve);
  }

  #admit(waiting: Set<Waiter> | null, slots: number): void {
    for (const waiter of waiting ?? []) {
      if (this.#running >= slots) return;
      this.#running++;
      waiter.enter();
    }
  }
}

/** @param patienceMs null waits as long as the signal allows */
function wait(
  waiting: Set<Waiter>,
  signal: AbortSignal,
  patienceMs: number | null,
  changed: () => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const aborted = () => waiter.refuse(signal.reason);
    const timer = patienceMs === null ? undefined : setTimeout(() => waiter.refuse(busy()), patienceMs);
    const done = () => {
      waiting.delete(waiter);
      clearTimeout(timer);
      signal.removeEventListener('abort', aborted);
      changed();
    };
    const waiter: Waiter = {
      enter: () => {
        done();
        resolve();
      },
      refuse: (reason) => {
        done();
        reject(reason);
      },
    };
    waiting.add(waiter);
    changed();
    signal.addEventListener('abort', aborted, { once: true });
  });
}

const busy = () => new TargetFailure('busy', 'The target is overloaded');
