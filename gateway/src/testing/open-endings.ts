/** Workers that end batches, on a real database and a real folder, with a clock that only a test moves. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { makeNotify } from '../alerts/notify.ts';
import { BatchEnder, type BatchEndingsOptions } from '../batches/endings/batch-endings.ts';
import type { Caller } from '../flow.ts';
import { readVerified } from '../storage/blocks.ts';
import { objectName } from '../storage/file.ts';
import { openFolderStorage } from '../storage/folder-storage.ts';
import type { ObjectStorage } from '../storage/object-storage.ts';
import type { Log } from '../store/log.ts';
import { Secrets } from '../store/secrets.ts';
import { insertBatch, insertWorker, type RowLine } from './batch-rows.ts';
import { makeTenant } from './tenant.ts';

// biome-ignore lint/suspicious/noExplicitAny: rows and lines as they are, whose fields a test goes on to check
export type Loose = any;

export interface Ender {
  readonly options: BatchEndingsOptions;
  round(): Promise<void>;
}

export interface OpenEndings {
  readonly pool: Pool;
  readonly caller: Caller;
  readonly clock: { now: number };
  readonly told: string[];
  readonly storage: ObjectStorage;
  readonly signal: AbortSignal;
  /** A worker that lives. */
  ender(changes?: Partial<BatchEndingsOptions>): Promise<Ender>;
  insert(lines: readonly RowLine[], row?: object): Promise<string>;
  /** A batch's row. */
  batch(id: string): Promise<Loose>;
  /** The text of a file, checked against its row; empty for none. */
  text(fileId: string | null): Promise<string>;
  /** Lines and results that are left in the database, of all batches. */
  left(): Promise<number>;
  /** What lies in the folder. */
  objects(): Promise<string[]>;
  events(): Promise<Loose[]>;
  close(): Promise<void>;
}

export const START = Date.UTC(2030, 0, 1);
const secrets = new Secrets('a secret of the tests, long enough');

export async function openEndings(pool: Pool): Promise<OpenEndings> {
  const { caller } = await makeTenant(pool, secrets);
  const folder = await mkdtemp(join(tmpdir(), 'zerogpu-endings-'));
  const storage = await openFolderStorage(folder);
  const clock = { now: START };
  const now = () => clock.now;
  const told: string[] = [];
  const log = logInto(told);
  const { signal } = new AbortController();
  const rows = async (sql: string, values: unknown[] = []) => (await pool.query<Loose>(sql, values)).rows;
  return {
    pool,
    caller,
    clock,
    told,
    storage,
    signal,
    async ender(changes = {}) {
      const workerId = await insertWorker(pool);
      const notify = makeNotify(now);
      const options = {
        pool,
        log,
        storage,
        workerId,
        notify,
        now,
        fileDays: 30,
        batchDays: 396,
        ...changes,
      };
      const ender = new BatchEnder(options, signal);
      return { options, round: () => ender.round() };
    },
    insert: (lines, row = {}) => insertBatch(pool, caller, lines, { ...row }, START),
    batch: async (id) => (await rows('SELECT * FROM batches WHERE id = $1', [id]))[0],
    async text(fileId) {
      if (fileId === null) return '';
      const [file] = await rows('SELECT * FROM files WHERE id = $1', [fileId]);
      const stored = { bytes: Number(file.bytes), blockHashes: file.block_hashes };
      const chunks: Buffer[] = [];
      const range = { start: 0, end: stored.bytes };
      for await (const chunk of readVerified(storage, objectName(file.project_id, fileId), stored, range))
        chunks.push(chunk);
      return Buffer.concat(chunks).toString();
    },
    async left() {
      const counts =
        'SELECT (SELECT count(*) FROM batch_lines) + (SELECT count(*) FROM batch_results) AS left';
      return Number((await rows(counts))[0].left);
    },
    objects: async () =>
      (await readdir(folder, { recursive: true })).filter((name) => /\/file-/.test(name)).sort(),
    events: () => rows('SELECT * FROM events ORDER BY id'),
    close: () => rm(folder, { recursive: true, force: true }),
  };
}

function logInto(told: string[]): Log {
  const say = (level: string) => (fields: object, message: string) =>
    void told.push(`${level}: ${message} ${JSON.stringify(fields)}`);
  return { info: say('info'), warn: say('warn'), error: say('error') };
}

/** The lines of a file, parsed. */
export const parsedLines = (text: string): Loose[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
