import { setImmediate as turn } from 'node:timers/promises';
import { ApiError } from '@zerogpu/protocol';
import { StorageError } from '../../storage/object-storage.ts';
import { type Log, reasonOf } from '../../store/log.ts';
import type { InputTexts } from './input-texts.ts';
import { failedForGood, type Verdict } from './line-outcome.ts';
import type { ClaimedLine, LineStore } from './line-store.ts';

/** A line that is under way, with its text. */
export interface LineRun {
  readonly line: ClaimedLine;
  readonly text: Buffer;
  /** Aborts when the worker ends: the line goes back as if it had not been handed out. */
  readonly signal: AbortSignal;
}

export interface LineWorkerOptions {
  /** Lines under way at once. */
  readonly concurrency: number;
  readonly store: Pick<LineStore, 'claim' | 'giveBackUnknown'>;
  readonly texts: InputTexts;
  /** Takes a line its whole way, and writes what became of it. Never throws. */
  readonly ask: (run: LineRun) => Promise<void>;
  /** Writes what became of a line that was not asked; gives up a database that is away when `signal` aborts. */
  readonly write: (line: ClaimedLine, verdict: Verdict, signal: AbortSignal) => Promise<unknown>;
  /**
   * Whether anybody can be asked from here. Otherwise lines are left to other workers: who took them would give each back,
   * and its batch would pause for all.
   */
  readonly able: () => boolean;
  /** Batches whose lines nobody here can answer at the moment: others may. */
  readonly left: () => readonly string[];
  readonly log: Log;
  /** Between two looks for lines when there were none. Default 2 s. */
  readonly lookMs?: number;
  /** All places are taken for so long: lines of other batches get some more. Default 250 ms. */
  readonly stallMs?: number;
  /** Between two comparisons of what this worker knows of with what the database says it has. Default 3 s. */
  readonly compareMs?: number;
}

export interface LineWorker {
  /** Begins to look for lines. */
  start(): void;
  /** There may be lines now. */
  wake(): void;
  readonly underWay: number;
  /**
   * Takes no more lines, finishes those under way within so long, and gives the others back, uncounted.
   * @param graceMs milliseconds
   */
  stop(graceMs: number): Promise<void>;
}

/** An idle look is one statement; whoever makes a batch here wakes it. */
const LOOK_MS = 2_000;
const COMPARE_MS = 3_000;
/** Built-in models take some milliseconds: what takes this long has a slow model, or waits for a node. */
const STALL_MS = 250;
/** Each time, of all other batches together. */
const MOST_OTHERS = 8;
/** How long a batch waits whose input the storage does not give at the moment. */
const STORAGE_WAIT_MS = 5_000;
/**
 * Handed out at once: a call takes a millisecond of the database's time whatever it hands out, 20 µs a line at this size.
 * Few enough that a worker that dies makes few lines wait.
 */
const MOST_CLAIMED = 64;

export function makeLineWorker(options: LineWorkerOptions): LineWorker {
  return new Loop(options);
}

/** One loop: claims, begins lines one by one over turns of the event loop, and sleeps while there is nothing to do. */
class Loop implements LineWorker {
  readonly #options: LineWorkerOptions;
  /** Handed out to us and not begun. */
  #waiting: ClaimedLine[] = [];
  readonly #running = new Map<ClaimedLine, AbortController>();
  #stopping = false;
  /** What the database says is ours may be more than we know of: a claim failed, or time has passed. */
  #unsure = false;
  #goOn: () => void = () => undefined;
  /** Somebody woke it while the loop was busy. */
  #woken = false;
  #looping: Promise<void> = Promise.resolve();
  #comparing: NodeJS.Timeout | null = null;
  /** Failures that were told, and of which the like has not succeeded since. */
  readonly #told = new Set<'database' | 'storage'>();

  constructor(options: LineWorkerOptions) {
    this.#options = options;
  }

  get underWay(): number {
    return this.#running.size;
  }

  start(): void {
    if (this.#comparing !== null) return;
    this.#comparing = setInterval(() => {
      // An idle worker has nothing, unless a claim failed, and then it knows.
      this.#unsure ||= this.#waiting.length + this.#running.size > 0;
    }, this.#options.compareMs ?? COMPARE_MS);
    this.#comparing.unref();
    this.#looping = this.#loop();
  }

  wake(): void {
    this.#woken = true;
    this.#goOn();
  }

  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    this.#goOn();
    if (this.#comparing !== null) clearInterval(this.#comparing);
    await this.#looping;
    await this.#finish(graceMs);
    this.#waiting = [];
    // Where the database is away they come back when this worker's time is over.
    await this.#options.store.giveBackUnknown([]).catch(() => undefined);
  }

  async #finish(graceMs: number): Promise<void> {
    const late = setTimeout(() => {
      for (const running of this.#running.values()) running.abort(new ApiError('client_closed_request'));
    }, graceMs);
    while (this.#running.size > 0) await this.#slept(null);
    clearTimeout(late);
  }

  async #loop(): Promise<void> {
    const { concurrency, lookMs = LOOK_MS } = this.#options;
    while (!this.#stopping) {
      if (this.#unsure) await this.#compare();
      this.#woken = false;
      if (this.#waiting.length === 0) await this.#claim();
      if (this.#waiting.length === 0) await this.#slept(this.#woken ? 0 : lookMs);
      else if (this.#running.size < concurrency) await this.#beginNext(this.#waiting);
      else if (await this.#stalls()) await this.#beginOthers();
    }
  }

  /** Until a line ends, somebody wakes it, or so long. @returns whether it was so long */
  async #slept(ms: number | null): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = ms === null ? null : setTimeout(() => resolve(true), ms);
    this.#goOn = () => resolve(false);
    const late = await promise;
    if (timer !== null) clearTimeout(timer);
    return late;
  }

  /** All places are taken: true when none becomes free for a while, and others may have some more. */
  async #stalls(): Promise<boolean> {
    const { concurrency, stallMs = STALL_MS } = this.#options;
    return await this.#slept(this.#running.size < 2 * concurrency ? stallMs : null);
  }

  /** Lines of batches that have none here: what is slow, or waits for a node, does not keep all others waiting. */
  async #beginOthers(): Promise<void> {
    const { store, concurrency, left } = this.#options;
    const here = new Set([...this.#waiting, ...this.#running.keys()].map((line) => line.batchId));
    const room = Math.min(MOST_OTHERS, 2 * concurrency - this.#running.size);
    const others = await store.claim(room, [...here, ...left()]).catch(() => {
      this.#unsure = true;
      return [];
    });
    while (others.length > 0) await this.#beginNext(others);
  }

  async #claim(): Promise<void> {
    const { store, concurrency, able, left, log } = this.#options;
    if (!able()) return;
    try {
      this.#waiting = await store.claim(Math.min(2 * concurrency, MOST_CLAIMED), left());
      this.#told.delete('database');
    } catch (error) {
      this.#unsure = true;
      if (this.#told.has('database')) return;
      this.#told.add('database');
      log.warn({ reason: reasonOf(error) }, 'Cannot look for lines of batches at the moment');
    }
  }

  async #compare(): Promise<void> {
    const { store, log } = this.#options;
    try {
      this.#unsure = false;
      const lines = await store.giveBackUnknown([...this.#waiting, ...this.#running.keys()]);
      if (lines > 0) log.warn({ lines }, 'Gave back lines that were handed out and never arrived');
    } catch {
      this.#unsure = true;
    }
  }

  /** Parsing and counting a line takes up to some milliseconds: what else waits comes between two of them. */
  async #beginNext(lines: ClaimedLine[]): Promise<void> {
    const line = lines.shift();
    if (line === undefined) return;
    const ending = new AbortController();
    this.#running.set(line, ending);
    void this.#run(line, ending.signal).finally(() => {
      this.#running.delete(line);
      this.#goOn();
    });
    await turn();
  }

  async #run(line: ClaimedLine, signal: AbortSignal): Promise<void> {
    const { texts, ask, write, log } = this.#options;
    try {
      const text = await texts.read(line).catch((error: unknown) => this.#unread(line, error));
      if (Buffer.isBuffer(text)) {
        this.#told.delete('storage');
        await ask({ line, text, signal });
      } else await write(line, text, signal);
    } catch (error) {
      // Nobody knows of it any more but the database.
      this.#unsure = true;
      log.warn({ batch: line.batchId, reason: reasonOf(error) }, 'Could not write what became of a line');
    }
  }

  /** What becomes of a line whose text cannot be read. */
  #unread(line: ClaimedLine, error: unknown): Verdict {
    const gone = error instanceof StorageError && (error.kind === 'missing' || error.kind === 'damaged');
    if (!this.#told.has('storage')) {
      this.#told.add('storage');
      const what = gone
        ? 'A line of a batch is not what was stored'
        : 'Cannot read lines of batches at the moment';
      this.#options.log.error({ batch: line.batchId, reason: reasonOf(error) }, what);
    }
    if (gone) return failedForGood('The input file could not be read');
    return { outcome: 'back', waitMs: STORAGE_WAIT_MS };
  }
}
