import { type Target, TargetFailure } from '../flow.ts';
import { type Claim, claimOf, lengthOf, outcomeOf } from './claim.ts';
import type { Case, Court } from './court.ts';
import { type Bench, chooseJudge } from './judges.ts';

export interface RecheckServices {
  readonly bench: Bench;
  readonly court: Court;
  /** An answer could not be rechecked for so long that it is let go. */
  gaveUp(one: Case): void;
  now(): number;
}

interface Waiting {
  readonly one: Case;
  readonly given: Claim;
  readonly since: number;
  /** Tried so often, and not to be tried again before. */
  readonly tries: number;
  readonly notBefore: number;
}

/** At once: they run where batch runs do, on slots that nobody wants. */
const AT_ONCE = 4;
/** More that wait, or more of their text, are more than the judges keep up with. */
const MANY_WAITING = 256;
const MUCH_WAITING = 16 * 1024 * 1024;
/** Runs that were under way when too many waited still come in; of more than so many none is kept. */
const MOST_WAITING = 4 * MANY_WAITING;
const LATE_MS = 30_000;
/** Texts of callers are not kept in memory for longer. */
const GIVE_UP_MS = 600_000;
/** For a judge to have room again. */
const LOOK_AGAIN_MS = 250;
/** For one recheck. */
const RECHECK_MS = 60_000;

/** Answers that have left and are computed once more, on spare slots of nodes that are vouched for. */
export class Rechecks {
  readonly #services: RecheckServices;
  #waiting: Waiting[] = [];
  #size = 0;
  #running = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #over = new AbortController();

  constructor(services: RecheckServices) {
    this.#services = services;
  }

  get waiting(): number {
    return this.#waiting.length + this.#running;
  }

  /** True when answers of this model leave faster than they can be rechecked: then they must be checked before. */
  behind(model: string): boolean {
    if (this.#waiting.length === 0) return false;
    if (this.#waiting.length >= MANY_WAITING || this.#size >= MUCH_WAITING) return true;
    const oldest = this.#waiting.find(({ one }) => one.manifest.id === model);
    return oldest !== undefined && oldest.since < this.#services.now() - LATE_MS;
  }

  add(one: Case, given: Claim): void {
    if (this.#waiting.length >= MOST_WAITING) {
      this.#services.gaveUp(one);
      return;
    }
    const since = this.#services.now();
    this.#keep({ one, given, since, tries: 0, notBefore: since });
    this.#work();
  }

  /** Resolves when nothing waits that a judge has room for; for tests. */
  async settled(): Promise<void> {
    while (this.#running > 0) await new Promise((resolve) => setImmediate(resolve));
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#over.abort(new TargetFailure('lost', 'The gateway is shutting down'));
    this.#waiting = [];
  }

  #keep(waiting: Waiting): void {
    this.#waiting.push(waiting);
    this.#size += sizeOf(waiting);
  }

  #drop(waiting: Waiting): void {
    this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
    this.#size -= sizeOf(waiting);
  }

  #work(): void {
    if (this.#over.signal.aborted) return;
    this.#letGo();
    while (this.#running < AT_ONCE) {
      const begun = this.#begin();
      if (!begun) break;
    }
    if (this.#waiting.length > 0 && this.#timer === undefined) this.#lookAgain();
  }

  #lookAgain(): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#work();
    }, LOOK_AGAIN_MS);
    this.#timer.unref();
  }

  /** Begins the first for which there is room. */
  #begin(): boolean {
    const none = new Set<string>();
    for (const waiting of this.#waiting) {
      const model = waiting.one.manifest.id;
      if (none.has(model) || waiting.notBefore > this.#services.now()) continue;
      const judge = chooseJudge(this.#services.bench, model, 'batch');
      if (!judge) {
        none.add(model);
        continue;
      }
      this.#drop(waiting);
      this.#running++;
      void this.#recheck(waiting, judge).finally(() => {
        this.#running--;
        this.#work();
      });
      return true;
    }
    return false;
  }

  async #recheck(waiting: Waiting, judge: Target): Promise<void> {
    const { one, given } = waiting;
    const deadline = this.#services.now() + RECHECK_MS;
    // Not streamed, whatever it was: the same bytes.
    const run = {
      inference: one.inference,
      deadline,
      sink: null,
      signal: this.#over.signal,
      tier: 'batch',
    } as const;
    try {
      const expected = claimOf(await outcomeOf(judge, run));
      await this.#services.court.compare(one, given, expected, judge.id);
    } catch {
      // The judge was busy, is gone or cannot do it: another one, or the same later; each time twice as late.
      if (this.#over.signal.aborted) return;
      const tries = waiting.tries + 1;
      this.#keep({ ...waiting, tries, notBefore: this.#services.now() + LOOK_AGAIN_MS * 2 ** tries });
    }
  }

  #letGo(): void {
    const before = this.#services.now() - GIVE_UP_MS;
    for (const waiting of this.#waiting.filter(({ since }) => since < before)) {
      this.#drop(waiting);
      this.#services.gaveUp(waiting.one);
    }
  }
}

const sizeOf = ({ one, given }: Waiting) =>
  lengthOf(given) + one.inference.text.length + (one.inference.texts?.join('').length ?? 0);
