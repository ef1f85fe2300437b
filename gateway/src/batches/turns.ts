import { ApiError } from '@zerogpu/protocol';

export interface TurnLimits {
  /** At once. */
  readonly most: number;
  /** At once of one project, so that none keeps the others out. */
  readonly mostOfProject: number;
  readonly mostWaiting: number;
  readonly mostWaitingOfProject: number;
}

interface Waiting {
  readonly projectId: string;
  begin(): void;
}

const FULL = 'As many batches are being created as this gateway takes; try again in a moment';

/** Bounds how much of something goes on at once; who comes later waits, first come first served among projects. */
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
  async take(projectId: string, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted();
    if (this.#isFree(projectId)) return this.#begin(projectId);
    if (!this.#mayWait(projectId)) throw new ApiError('no_capacity', { message: FULL, retryAfterSeconds: 5 });
    const { promise, resolve, reject } = Promise.withResolvers<() => void>();
    const waiting = { projectId, begin: () => resolve(this.#begin(projectId)) };
    const leave = () => {
      this.#waiting = this.#waiting.filter((other) => other !== waiting);
      reject(signal.reason);
    };
    this.#waiting.push(waiting);
    signal.addEventListener('abort', leave, { once: true });
    return promise.finally(() => signal.removeEventListener('abort', leave));
  }

  #isFree(projectId: string): boolean {
    const { most, mostOfProject } = this.#limits;
    return this.#total < most && (this.#running.get(projectId) ?? 0) < mostOfProject;
  }

  #mayWait(projectId: string): boolean {
    const { mostWaiting, mostWaitingOfProject } = this.#limits;
    const ofProject = this.#waiting.filter((waiting) => waiting.projectId === projectId);
    return this.#waiting.length < mostWaiting && ofProject.length < mostWaitingOfProject;
  }

  #begin(projectId: string): () => void {
    this.#count(projectId, 1);
    return () => {
      this.#count(projectId, -1);
      const next = this.#waiting.find((waiting) => this.#isFree(waiting.projectId));
      this.#waiting = this.#waiting.filter((waiting) => waiting !== next);
      next?.begin();
    };
  }

  #count(projectId: string, change: number): void {
    const running = (this.#running.get(projectId) ?? 0) + change;
    if (running === 0) this.#running.delete(projectId);
    else this.#running.set(projectId, running);
    this.#total += change;
  }
}
