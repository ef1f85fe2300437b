/** Lines of batches in the database: its functions are in migrations/0013_batch_lines.sql. */
import type { Pool, PoolClient } from 'pg';

import { OPEN_STATES } from '../../store/batch-states.ts';
import { WAITS_MS, WORKERS_DIED } from './line-outcome.ts';

/** A line that a worker has. */
export interface ClaimedLine {
  readonly batchId: string;
  /** In the input file, from 1. */
  readonly number: number;
  /** Which one this is, from 1. */
  readonly attempt: number;
  /** Bytes in the input file. */
  readonly start: number;
  readonly length: number;
  readonly projectId: string;
  readonly keyId: string;
  /** Such as `/v1/chat/completions`. */
  readonly endpoint: string;
  readonly inputFileId: string;
}

export interface TakenBack {
  readonly lines: number;
  /** Batches of which no line is left to be handed out or answered, or which hand out none any more. */
  readonly over: readonly string[];
  /** Batches that have not ended, of all workers together. */
  readonly open: number;
}

export interface LineStoreOptions {
  readonly pool: Pool;
  readonly workerId: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Of what dead workers had, after the first, second, … time: default those of every line. */
  readonly waitsMs?: readonly number[];
}

/**
 * None of these waits for the disk: what a crash of the database forgets is as if it had not been handed out, and who
 * works on it is told so when it settles.
 */
const CLAIM = {
  name: 'lines.claim',
  text: `SELECT l.*, set_config('synchronous_commit', 'off', true) FROM claim_lines($1, $2, $3, $4) l`,
};
const TAKE_BACK = {
  name: 'lines.take-back',
  text: `SELECT t.taken, t.over,
    (SELECT count(*)::int FROM batches WHERE status IN ${OPEN_STATES}) AS open
    FROM take_back_lines($1, $2, $3, $4, $5) t`,
};
const GIVE_BACK = {
  name: 'lines.give-back',
  text: 'SELECT give_back_unknown_lines($1, $2, $3, $4) AS lines',
};

/** Of dead workers, in one go: many times what one has at once. The rest comes with the next round. */
const MOST_TAKEN_BACK = 1_000;

interface Row {
  readonly batch_id: string;
  readonly number: number;
  readonly attempt: number;
  /** Text, because the driver gives bigints so, or a bigint where money's types are read. */
  readonly start: string | bigint;
  readonly length: number;
  readonly project_id: string;
  readonly key_id: string;
  readonly endpoint: string;
  readonly input_file_id: string;
}

type Db = Pick<Pool | PoolClient, 'query'>;

/** What a worker asks of the database, but for the settlements. */
export class LineStore {
  readonly #db: Db;
  readonly #workerId: string;
  readonly #now: () => number;
  readonly #waitsMs: readonly number[];

  constructor({ pool, workerId, now, waitsMs = WAITS_MS }: LineStoreOptions) {
    this.#db = pool;
    this.#workerId = workerId;
    this.#now = now;
    this.#waitsMs = waitsMs;
  }

  /**
   * At most so many lines; none when there are none, or this worker is not known to live.
   * @param othersThan batches of which none are wanted now
   */
  async claim(most: number, othersThan: readonly string[] = []): Promise<ClaimedLine[]> {
    const values = [this.#workerId, most, new Date(this.#now()), othersThan];
    const { rows } = await this.#db.query<Row>({ ...CLAIM, values });
    return rows.map(lineOf);
  }

  /** Whether the database answers. */
  async look(): Promise<void> {
    await this.#db.query('SELECT 1');
  }

  /** Takes back what dead workers have, whoever they are but this one. */
  async takeBack(): Promise<TakenBack> {
    const values = [this.#workerId, MOST_TAKEN_BACK, this.#waitsMs, WORKERS_DIED, new Date(this.#now())];
    const { rows } = await this.#db.query<{ taken: number; over: string[]; open: number }>({
      ...TAKE_BACK,
      values,
    });
    const { taken, over, open } = rows[0]!;
    return { lines: taken, over, open };
  }

  /** Gives back, uncounted, what the database says is this worker's and is not among these. @returns how many */
  async giveBackUnknown(known: readonly ClaimedLine[]): Promise<number> {
    const batchIds = known.map((line) => line.batchId);
    const numbers = known.map((line) => line.number);
    const values = [this.#workerId, batchIds, numbers, new Date(this.#now())];
    const { rows } = await this.#db.query<{ lines: number }>({ ...GIVE_BACK, values });
    return rows[0]!.lines;
  }
}

function lineOf(row: Row): ClaimedLine {
  return {
    batchId: row.batch_id,
    number: row.number,
    attempt: row.attempt,
    start: Number(row.start),
    length: row.length,
    projectId: row.project_id,
    keyId: row.key_id,
    endpoint: row.endpoint,
    inputFileId: row.input_file_id,
  };
}
