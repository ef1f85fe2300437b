import { ApiError } from '@zerogpu/protocol';

/** The last places are for who has few: else two organizations with their whole share leave none to all others. */
const LAST = { part: 0.25, share: 0.125 };

/** Bounds how many streams of a kind run at once on this gateway, and how many of them are of one organization. */
export class Places {
  readonly #most: number;
  readonly #share: number;
  readonly #what: string;
  readonly #taken = new Map<string, number>();
  #count = 0;

  /** @param share of one organization, so that none takes the places of the others */
  constructor(most: number, share: number, what: string) {
    this.#most = most;
    this.#share = share;
    this.#what = what;
  }

  /** @throws ApiError rate_limit_exceeded, at once and not in the middle of the stream */
  during<T>(organizationId: string, stream: AsyncGenerator<T>): AsyncIterable<T> {
    const own = this.#taken.get(organizationId) ?? 0;
    if (own >= this.#shareNow) throw refusal(`Your organization has ${own} ${this.#what} open already`);
    if (this.#count >= this.#most) throw refusal(`This server has ${this.#most} ${this.#what} open already`);
    return this.#counted(organizationId, stream);
  }

  get #shareNow(): number {
    if (this.#count < this.#most * (1 - LAST.part)) return this.#share;
    return Math.max(1, Math.floor(this.#share * LAST.share));
  }

  async *#counted<T>(organizationId: string, stream: AsyncGenerator<T>): AsyncGenerator<T> {
    this.#take(organizationId, 1);
    try {
      yield* stream;
    } finally {
      this.#take(organizationId, -1);
    }
  }

  #take(organizationId: string, places: number): void {
    const own = (this.#taken.get(organizationId) ?? 0) + places;
    if (own > 0) this.#taken.set(organizationId, own);
    else this.#taken.delete(organizationId);
    this.#count += places;
  }
}

function refusal(what: string): ApiError {
  return new ApiError('rate_limit_exceeded', { message: `${what}; try again later`, retryAfterSeconds: 10 });
}
