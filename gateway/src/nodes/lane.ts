import { TargetFailure } from '../flow.ts';

/** More than this waiting on one node for one model is overload, and is said at once instead of by a timeout. */
const MAX_WAITING = 2000;

/** A failure is held against a node for this long; then it gets another chance. */
const FAILURE_MEMORY_MS = 30_000;

interface Waiter {
  enter(): void;
  refuse(reason: unknown): void;
}

/** The slots of one model on one node, and those who wait for one, first come first served. */
export class Lane {
  slots: number;
  resident: boolean;
  #running = 0;
  #serviceMs: number | null = null;
  #failures = 0;
  #failedAt = 0;
  readonly #waiting = new Set<Waiter>();

  constructor(slots: number, resident: boolean) {
    this.slots = slots;
    this.resident = resident;
  }

  /** Running and waiting. */
  get inFlight(): number {
    return this.#running + this.#waiting.size;
  }

  /** Mean milliseconds of a run, the last ten or so weighing most; null until there was one. */
  get serviceMs(): number | null {
    return this.#serviceMs;
  }

  /**
   * Waits for a slot. Whoever got one calls `leave` once.
   * @throws TargetFailure busy, or the signal's reason
   */
  enter(signal: AbortSignal): Promise<void> | undefined {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (this.#running < this.slots) {
      this.#running++;
      return undefined;
    }
    if (this.#waiting.size >= MAX_WAITING)
      return Promise.reject(new TargetFailure('busy', 'The node is overloaded'));
    return this.#wait(signal);
  }

  leave(): void {
    this.#running--;
    this.#admitWaiting();
  }

  /** Takes over what the node announces. */
  announce(slots: number, resident: boolean): void {
    this.slots = slots;
    this.resident = resident;
    this.#admitWaiting();
  }

  /** Runs that failed lately, since the last that did not. */
  failures(now: number): number {
    return now - this.#failedAt > FAILURE_MEMORY_MS ? 0 : this.#failures;
  }

  /** Learns from a run that failed. */
  fail(now: number): void {
    this.#failures = this.failures(now) + 1;
    this.#failedAt = now;
  }

  /** Learns from a run that was finished. */
  observe(serviceMs: number): void {
    this.#failures = 0;
    this.#serviceMs = this.#serviceMs === null ? serviceMs : this.#serviceMs * 0.9 + serviceMs * 0.1;
  }

  /** Sends everybody who waits elsewhere. */
  close(reason: TargetFailure): void {
    for (const waiter of [...this.#waiting]) waiter.refuse(reason);
  }

  #admitWaiting(): void {
    for (const waiter of this.#waiting) {
      if (this.#running >= this.slots) return;
      this.#running++;
      waiter.enter();
    }
  }

  #wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const aborted = () => waiter.refuse(signal.reason);
      const done = () => {
        this.#waiting.delete(waiter);
        signal.removeEventListener('abort', aborted);
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
      this.#waiting.add(waiter);
      signal.addEventListener('abort', aborted, { once: true });
    });
  }
}
