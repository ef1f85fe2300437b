import { ApiError } from '@zerogpu/protocol';

export interface TurnLimits {
  /** At once. */
  readonly most: number;
  /** At once of one organization, however many projects it has, so that none keeps the others out. */
  readonly mostOfOrganization: number;
  readonly mostWaiting: number;
  readonly mostWaitingOfOrganization: number;
}

interface Waiting {
  readonly organizationId: string;
  begin(): void;
}

const FULL = 'As many batches are being created as this gateway takes; try again in a moment';

/** Bounds how much of something goes on at once; who comes later waits, first come first served among organizations. */
export class Turns {
  readonly #limits: TurnLimits;
  readonly #running = new Map<string, number>();
  #waiting: Waiting[] = [];
  #total = 0;

  constructor(limits: TurnLimits) {
    this.#limits = limits;
  }

  /**
   * @returns what ends the turn; once
   * @throws ApiError no_capacity; the signal's reason while it waits
   */
  async take(organizationId: string, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#isFree(organizationId)) return this.#begin(organizationId);
    if (!this.#mayWait(organizationId))
      throw new ApiError('no_capacity', { message: FULL, retryAfterSeconds: 5 });
    const { promise, resolve, reject } = Promise.withResolvers<() => void>();
    const waiting = { organizationId, begin: () => resolve(this.#begin(organizationId)) };
    const leave = () => {
      this.#waiting = this.#waiting.filter((other) => other !== waiting);
      reject(signal.reason);
    };
    this.#waiting.push(waiting);
    signal.addEventListener('abort', leave, { once: true });
    return promise.finally(() => signal.removeEventListener('abort', leave));
  }

  #isFree(organizationId: string): boolean {
    const { most, mostOfOrganization } = this.#limits;
    return this.#total < most && (this.#running.get(organizationId) ?? 0) < mostOfOrganization;
  }

  #mayWait(organizationId: string): boolean {
    const { mostWaiting, mostWaitingOfOrganization } = this.#limits;
    const ofOrganization = this.#waiting.filter((waiting) => waiting.organizationId === organizationId);
    return this.#waiting.length < mostWaiting && ofOrganization.length < mostWaitingOfOrganization;
  }

  #begin(organizationId: string): () => void {
    this.#count(organizationId, 1);
    return () => {
      this.#count(organizationId, -1);
      const next = this.#waiting.find((waiting) => this.#isFree(waiting.organizationId));
      this.#waiting = this.#waiting.filter((waiting) => waiting !== next);
      next?.begin();
    };
  }

  #count(organizationId: string, change: number): void {
    const running = (this.#running.get(organizationId) ?? 0) + change;
    if (running === 0) this.#running.delete(organizationId);
    else this.#running.set(organizationId, running);
    this.#total += change;
  }
}
