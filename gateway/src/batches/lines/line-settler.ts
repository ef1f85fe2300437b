import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import type { Settlement } from '../../flow.ts';
import { blamesItem, isDatabaseTrouble, isRepeat, retryTransient } from '../../store/database-errors.ts';
import { Grouped } from '../../store/grouped.ts';
import type { Verdict } from './line-outcome.ts';
import type { ClaimedLine } from './line-store.ts';

/** What is written of one run of a line. */
export interface LineWriting {
  readonly line: ClaimedLine;
  /** Null where nothing was asked. */
  readonly requestId: string | null;
  readonly verdict: Verdict;
  /** Null for a request whose caller never became known, and where nothing was asked. */
  readonly settlement: Settlement | null;
}

/**
 * `settled`: all of it is written. `already_settled`: it was before. `hold_lost`: the money went back before the request
 * finished; nothing is written, and the line is still this worker's. `line_lost`: another worker has the line; nothing is
 * written or charged.
 */
export type LineWord = 'settled' | 'already_settled' | 'hold_lost' | 'line_lost';

export interface LineSettlerOptions {
  readonly pool: Pool;
  readonly workerId: string;
  /** The settlement as the database takes it (metering/settle.ts). */
  readonly settlementRow: (settlement: Settlement, now: number) => object;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Called with batches of which no line is left to be handed out or answered. */
  readonly over: (batchIds: readonly string[]) => void;
}

/**
 * Lines of one transaction. It holds the wallet's row, for which the same organization's interactive requests wait: about
 * 5 ms at this size.
 */
const MAX_GROUP = 48;
/** Characters of their results: two hundred usual ones. Lists of vectors may have megabytes each. */
const MAX_RESULTS = 512 * 1024;
/**
 * Between two groups: lines gather, and interactive settlements find the wallet's row free. A line alone takes 2 ms of the
 * database's time, one of eight 0.3, one of twenty-four 0.18.
 */
const REST_MS = 12;
const NEVER = new AbortController().signal;
/** Between tries while the database is away, after those of a group itself. */
const AWAY_MS = 1_000;

/**
 * Not waiting for the disk: results and charges are lost or kept together, and a batch's files are made known by a later
 * commit that does wait, before which all of these are on the disk.
 */
const SETTLE = {
  name: 'lines.settle',
  text: `SELECT s.words, s.over, set_config('synchronous_commit', 'off', true)
FROM settle_lines($1, $2::json, $3::json, $4, $5) s`,
};

interface Waiting {
  readonly writing: LineWriting;
  /** It was tried before, and nobody knows what became of that. */
  readonly again: boolean;
}

/** Writes what became of lines, together with the settlements of their requests, in groups. */
export class LineSettler {
  readonly #options: LineSettlerOptions;
  readonly #queue: Grouped<Waiting, LineWord>;

  constructor(options: LineSettlerOptions) {
    this.#options = options;
    this.#queue = new Grouped({
      flush: (group) => this.#flush(group),
      maxGroup: MAX_GROUP,
      maxWeight: MAX_RESULTS,
      weigh: ({ writing: { verdict } }) => (verdict.outcome === 'done' ? verdict.body.length : 0),
      restMs: REST_MS,
      blamesItem,
    });
  }

  /**
   * Waits for a database that is away.
   * @param signal aborts when that is to be given up: the line then comes back when this worker's time is over
   * @throws when it cannot be written; then nothing was
   */
  async write(writing: LineWriting, signal: AbortSignal = NEVER): Promise<LineWord> {
    for (let again = false; ; again = true) {
      try {
        return await this.#queue.add({ writing, again });
      } catch (error) {
        if (!isDatabaseTrouble(error) || signal.aborted) throw error;
        await sleep(AWAY_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  /** Refuses what comes, and finishes what is there. */
  close(): Promise<void> {
    return this.#queue.close();
  }

  #flush(group: readonly Waiting[]): Promise<LineWord[]> {
    const { settlementRow, now } = this.#options;
    const at = now();
    const items = JSON.stringify(group.map(({ writing }) => itemOf(writing)));
    const settlements = group.map(({ writing }) =>
      writing.settlement !== null && isLogged(writing) ? settlementRow(writing.settlement, at) : null,
    );
    const values = [this.#options.workerId, items, JSON.stringify(settlements), new Date(at)];
    const again = group.some((waiting) => waiting.again);
    return retryTransient(async (failures) => {
      try {
        return await this.#call(values, again || failures > 0);
      } catch (error) {
        if (!isRepeat(error)) throw error;
        return this.#call(values, true);
      }
    });
  }

  /** @param repeats some may be there already: looks first, which costs every line a little */
  async #call(values: readonly unknown[], repeats: boolean): Promise<LineWord[]> {
    const { pool, over } = this.#options;
    const settling = { ...SETTLE, values: [...values, repeats] };
    const { rows } = await pool.query<{ words: LineWord[]; over: string[] }>(settling);
    const { words, over: ended } = rows[0]!;
    if (ended.length > 0) over(ended);
    return words;
  }
}

/** What found no room is no request in the log. */
const isLogged = ({ settlement, verdict }: LineWriting) => settlement !== null && verdict.outcome !== 'back';

/** The composite type `line_outcome` of the database, as JSON. */
function itemOf(writing: LineWriting): object {
  const { line, requestId, verdict, settlement } = writing;
  return {
    batch_id: line.batchId,
    number: line.number,
    attempt: line.attempt,
    outcome: verdict.outcome,
    logged: isLogged(writing),
    project_id: line.projectId,
    id: requestId,
    held: settlement?.held ?? false,
    ...(verdict.outcome === 'done'
      ? { succeeded: verdict.succeeded, body: storable(verdict.body) }
      : { wait_ms: verdict.waitMs }),
  };
}

/** An answer may hold what PostgreSQL's text cannot: NUL and halves of surrogate pairs. */
function storable(body: string): string {
  return body.toWellFormed().replaceAll('\0', '\\u0000');
}
