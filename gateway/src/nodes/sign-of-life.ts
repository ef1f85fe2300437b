import { TargetFailure } from '../flow.ts';

/** Why a run is taken from a node that says nothing of it, long after it should have. */
export const SILENT = new TargetFailure('lost', 'The node gives no sign of life');

export interface LifeServices {
  /** Sends the question. */
  ask(): void;
  /** It gave no sign within the time. */
  lost(): void;
  /** It gave one after all. */
  back(): void;
}

/** Whether the other end of a socket still lives: asked when one of its runs is far behind, one question at a time. */
export class SignOfLife {
  readonly #services: LifeServices;
  #question: { readonly answer: Promise<boolean>; sign(alive: boolean): void } | null = null;
  #silent = false;

  constructor(services: LifeServices) {
    this.#services = services;
  }

  /** It gave no sign when it was asked, and none since. */
  get silent(): boolean {
    return this.#silent;
  }

  /** Whoever asks while somebody else does shares the answer. */
  asked(withinMs: number): Promise<boolean> {
    if (this.#question === null) this.#ask(withinMs);
    return this.#question?.answer ?? Promise.resolve(false);
  }

  /** Anything that it says is a sign. */
  heard(): void {
    this.#question?.sign(true);
    if (!this.#silent) return;
    this.#silent = false;
    this.#services.back();
  }

  /** Its socket is closed: there will be no sign, and nothing to lose any more. */
  end(): void {
    this.#question?.sign(false);
  }

  #ask(withinMs: number): void {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const sign = (alive: boolean) => {
      clearTimeout(timer);
      this.#question = null;
      resolve(alive);
    };
    const question = { answer: promise, sign };
    // When we ourselves stood still, the answer may lie in the socket unread: it is read before an immediate runs.
    const late = () => setImmediate(() => this.#question === question && this.#fallSilent());
    const timer = setTimeout(late, withinMs);
    this.#question = question;
    this.#services.ask();
  }

  #fallSilent(): void {
    this.#question?.sign(false);
    if (this.#silent) return;
    this.#silent = true;
    this.#services.lost();
  }
}
