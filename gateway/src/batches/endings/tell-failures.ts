import { StorageError } from '../../storage/object-storage.ts';
import { isTransient } from '../../store/database-errors.ts';
import { type Log, reasonOf } from '../../store/log.ts';

/** The operator reads it once, while it may be tried every second. */
const EVERY_MS = 300_000;

type Kind = 'full' | 'storage' | 'database' | 'unknown';

const WORDS: Readonly<Record<Kind, string>> = {
  full: 'Batches wait for their files: the storage is full. Make room; they go on by themselves',
  storage:
    'Batches wait for their files: the storage does not take them. They go on by themselves when it does',
  database: 'Batches wait for their files: the database is away. They go on by themselves when it is back',
  unknown: 'A batch could not be ended; it is tried again',
};

/** Tells the operator why batches do not end, each reason once in some minutes, and that they go on. */
export class TellFailures {
  readonly #log: Log;
  readonly #told = new Map<Kind, number>();
  #waiting = false;

  constructor(log: Log) {
    this.#log = log;
  }

  /** @param now milliseconds since 1970 */
  tell(batch: string | null, error: unknown, now: number): void {
    const kind = kindOf(error);
    if (now - (this.#told.get(kind) ?? Number.NEGATIVE_INFINITY) < EVERY_MS) return;
    this.#told.set(kind, now);
    this.#waiting = true;
    this.#log.warn({ batch, reason: reasonOf(error) }, WORDS[kind]);
  }

  /** A batch has ended. What was told stays told: one batch may fail again and again while others end. */
  wentOn(): void {
    if (this.#waiting) this.#log.info({}, 'Batches end again');
    this.#waiting = false;
  }
}

function kindOf(error: unknown): Kind {
  if (error instanceof StorageError) return error.kind === 'full' ? 'full' : 'storage';
  return isTransient(error) ? 'database' : 'unknown';
}
