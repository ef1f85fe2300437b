import { ApiError } from '@zerogpu/protocol';

export interface TurnLimits {
  /** At once, of all together; no bound unless told. */
  readonly most?: number;
  /** At once of one organization, however much it asks, so that none keeps the others out. */
  readonly mostOfOrganization: number;
  /** Of all together; no bound unless told. */
  readonly mostWaiting?: number;
  readonly mostWaitingOfOrganization: number;
  /** What is said to who comes when so many wait, and when to come again. */
  readonly full: { readonly message: string; readonly retryAfterSeconds: number };
}

interface Waiting {
  readonly organizationId: string;
  begin(): void;
}

/** Bounds how much of something goes on at once; who comes later waits, first come first served among organizations. */
export class Turns {
  readonly #limits: TurnLimits;
  /** Only organizations with something under way. */
  readonly #running = new Map<string, number>();
  readonly #waiting = new Set<Waiting>();
  #total = 0;

  constructor(limits: TurnLimits) {
    this.#limits = limits;
  }

  /**
   * @param organizationId or a person's id, of whom it is known only who asks
   * @param work must not wait for another turn of the same organization: all of them would wait for each other
   * @param signal ends the waiting, not the work
   * @throws ApiError no_capacity; the signal's reason; what `work` throws
   */
  async during<T>(organizationId: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    if (this.#isFree(organizationId)) this.#count(organizationId, 1);
    else await this.#wait(organizationId, signal);
    try {
      return await work();
    } finally {
      this.#count(organizationId, -1);
      this.#beginNext();
    }
  }

  /** Ends when it is this one's turn, which is counted by then. */
  #wait(organizationId: string, signal?: AbortSignal): Promise<void> {
    if (!this.#mayWait(organizationId)) throw new ApiError('no_capacity', this.#limits.full);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiting = { organizationId, begin: resolve };
    const leave = () => {
      this.#waiting.delete(waiting);
      reject(signal?.reason);
    };
    this.#waiting.add(waiting);
    signal?.addEventListener('abort', leave, { once: true });
    return promise.finally(() => signal?.removeEventListener('abort', leave));
  }

  /** One has ended: there is room for one at most. */
  #beginNext(): void {
    for (const waiting of this.#waiting) {
      if (!this.#isFree(waiting.organizationId)) continue;
      this.#waiting.delete(waiting);
      this.#count(waiting.organizationId, 1);
      waiting.begin();
      return;
    }
  }

  #isFree(organizationId: string): boolean {
    const { most = Number.POSITIVE_INFINITY, mostOfOrganization } = this.#limits;
    return this.#total < most && (this.#running.get(organizationId) ?? 0) < mostOfOrganization;
  }

  #mayWait(organizationId: string): boolean {
    const { mostWaiting = Number.POSITIVE_INFINITY, mostWaitingOfOrganization } = this.#limits;
    const own = [...this.#waiting].filter((waiting) => waiting.organizationId === organizationId);
    return this.#waiting.size < mostWaiting && own.length < mostWaitingOfOrganization;
  }

  #count(organizationId: string, change: number): void {
    const running = (this.#running.get(organizationId) ?? 0) + change;
    if (running === 0) this.#running.delete(organizationId);
    else this.#running.set(organizationId, running);
    this.#total += change;
  }
}
