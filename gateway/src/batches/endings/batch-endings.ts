/** Ends batches: what every gateway and worker does by itself, beside the lines. */
import { type Rounds, startRounds } from '../../rounds.ts';
import { deleteLeftLines, deleteLines } from './delete-lines.ts';
import { type EndServices, endBatch } from './end-batch.ts';
import { LaterBatches } from './later-batches.ts';
import { failAbandoned, findStrayLines, forgetDeadWorkers, forgetOldBatches } from './sweep-batches.ts';
import { findBatches, takeBatch } from './take-batch.ts';
import { BatchLost, type TakenBatch } from './taken-batch.ts';
import { TellFailures } from './tell-failures.ts';
import { type OutputServices, writeOutput } from './write-output.ts';

export interface BatchEndingsOptions extends EndServices, Omit<OutputServices, 'signal'> {
  /** For so many days a batch that has ended stays in lists. */
  readonly batchDays: number;
  /** Between two looks for batches that are to end. Default 2 s: that is an indexed look at the open ones. */
  readonly everyMs?: number;
  /** Between two looks for what dead workers left. Default 5 s. */
  readonly sweepEveryMs?: number;
  /** Between two looks for what is old. Default 10 minutes. */
  readonly tidyEveryMs?: number;
}

export interface BatchEndings {
  /** A look now: the last line of a batch may be done. */
  wake(): void;
  /** Breaks off what is under way: the next worker begins it anew. */
  stop(): Promise<void>;
}

/** At a time, so that a batch of a minute's work keeps no small one waiting. Each holds a page and a part of an upload. */
const LANES = 2;

export function startBatchEndings(options: BatchEndingsOptions): BatchEndings {
  const { log, everyMs = 2_000, sweepEveryMs = 5_000, tidyEveryMs = 600_000 } = options;
  const stopping = new AbortController();
  const ender = new BatchEnder(options, stopping.signal);
  const every = (ms: number, round: () => Promise<unknown>, failed: string) =>
    startRounds({ everyMs: ms, round, log, failed });
  const lanes = Array.from({ length: LANES }, () =>
    every(everyMs, () => ender.round(), 'A look for batches that are to end failed'),
  );
  const tidying = every(tidyEveryMs, () => tidy(options), 'What is old of batches could not be deleted');
  const sweeping = every(
    sweepEveryMs,
    () => sweep(options, stopping.signal),
    'What dead workers left of batches could not be cleared away',
  );
  tidying.run();
  return {
    wake() {
      for (const lane of lanes) lane.run();
    },
    stop: () => stop(stopping, [...lanes, tidying, sweeping]),
  };
}

async function stop(stopping: AbortController, rounds: readonly Rounds[]): Promise<void> {
  stopping.abort(new Stopped());
  await Promise.all(rounds.map((each) => each.stop()));
}

/** What the signal says; told to nobody. */
class Stopped extends Error {
  override readonly name = 'Stopped';
}

async function sweep({ pool, notify, now }: BatchEndingsOptions, signal: AbortSignal): Promise<void> {
  await failAbandoned(pool, notify, now());
  await deleteLeftLines(pool, signal).catch(unlessStopped);
}

async function tidy({ pool, now, batchDays, fileDays }: BatchEndingsOptions): Promise<void> {
  await forgetDeadWorkers(pool);
  await findStrayLines(pool);
  // A batch leads to its files: it stays as long as they do.
  await forgetOldBatches(pool, now(), Math.max(batchDays, fileDays));
}

function unlessStopped(error: unknown): void {
  if (!(error instanceof Stopped)) throw error;
}

/** Takes one batch after the other, as long as there are some. Several rounds of it may run at once. */
export class BatchEnder {
  readonly #options: BatchEndingsOptions;
  readonly #signal: AbortSignal;
  /** Here and now: what this worker has is otherwise its to take again. */
  readonly #busy = new Set<string>();
  readonly #later = new LaterBatches();
  readonly #failures: TellFailures;

  constructor(options: BatchEndingsOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    this.#failures = new TellFailures(options.log);
  }

  /** Ends at the first failure: what stands in the way of one batch mostly stands in the way of all. */
  async round(): Promise<void> {
    for (let going = true; going && !this.#signal.aborted; ) {
      going = false;
      for (const id of await this.#find()) {
        if (this.#busy.has(id)) continue;
        const outcome = await this.#attempt(id);
        if (outcome === 'failed') return;
        going ||= outcome === 'ended';
      }
    }
  }

  async #find(): Promise<readonly string[]> {
    const except = [...this.#busy, ...this.#later.waiting(this.#options.now())];
    try {
      return await findBatches(this.#options, except);
    } catch (error) {
      this.#failures.tell(null, error, this.#options.now());
      return [];
    }
  }

  async #attempt(id: string): Promise<'ended' | 'failed' | 'none'> {
    this.#busy.add(id);
    try {
      const batch = await takeBatch(this.#options, id);
      if (batch === null) return 'none';
      await this.#end(batch);
      this.#later.forget(id);
      return 'ended';
    } catch (error) {
      if (error instanceof Stopped || error instanceof BatchLost) return 'none';
      const now = this.#options.now();
      this.#later.failed(id, now);
      this.#failures.tell(id, error, now);
      return 'failed';
    } finally {
      this.#busy.delete(id);
    }
  }

  async #end(batch: TakenBatch): Promise<void> {
    const { options, signal } = { options: this.#options, signal: this.#signal };
    const files = await writeOutput({ ...options, signal }, batch);
    await endBatch(options, batch, files);
    this.#failures.wentOn();
    // It has ended: what fails from here on is swept.
    await deleteLines(options.pool, batch.id, signal).catch(() => undefined);
  }
}
