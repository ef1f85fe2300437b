/** Batches with lines and results, as execution leaves them. */
import { newId } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import type { Caller } from '../flow.ts';

export interface RowLine {
  /** JSON; by default the number as a string. */
  readonly customId?: string;
  readonly state?: 'pending' | 'running' | 'done';
  /** Of a done line; `body` is JSON. */
  readonly result?: { readonly succeeded: boolean; readonly body: string } | null;
  /** Of a running line. */
  readonly workerId?: string;
  /** Default: its place, from 1. */
  readonly number?: number;
}

/** Columns of `batches`. */
export type BatchChanges = Readonly<Record<string, unknown>>;

export const succeeded = (body = '{"ok":true}'): RowLine => ({
  state: 'done',
  result: { succeeded: true, body },
});
export const failed = (
  body = '{"code":"internal_error","message":"[legacy:http_5xx] no","param":null}',
): RowLine => ({
  state: 'done',
  result: { succeeded: false, body },
});
export const pending: RowLine = {};
export const running = (workerId: string): RowLine => ({ state: 'running', workerId });

/** One that is in progress, with counters that fit its lines. @returns its id */
export async function insertBatch(
  pool: Pool,
  caller: Caller,
  lines: readonly RowLine[],
  changes: BatchChanges = {},
  now = Date.now(),
): Promise<string> {
  const id = newId('batch', now);
  const done = (good: boolean) => lines.filter(({ result }) => result?.succeeded === good).length;
  const row: BatchChanges = {
    id,
    project_id: caller.projectId,
    key_id: caller.keyId,
    endpoint: '/v1/chat/completions',
    input_file_id: newId('file', now),
    status: 'in_progress',
    total: lines.length,
    completed: done(true),
    failed: done(false),
    created_at: new Date(now),
    in_progress_at: new Date(now),
    expires_at: new Date(now + 86_400_000),
    ...changes,
  };
  await insertRow(pool, 'batches', row);
  await insertLines(pool, id, lines);
  return id;
}

async function insertRow(pool: Pool, table: string, row: BatchChanges): Promise<void> {
  const values = Object.values(row);
  const places = values.map((_, i) => `$${i + 1}`).join(', ');
  await pool.query(`INSERT INTO ${table} (${Object.keys(row).join(', ')}) VALUES (${places})`, values);
}

const INSERT_LINES = `
INSERT INTO batch_lines (batch_id, number, custom_id, start, length, state, worker_id)
SELECT $1, l.number, l.custom_id, 0, 1, l.state, l.worker_id
FROM unnest($2::int[], $3::text[], $4::text[], $5::text[]) AS l (number, custom_id, state, worker_id)`;
const INSERT_RESULTS = `
INSERT INTO batch_results (batch_id, number, succeeded, request_id, body)
SELECT $1, r.number, r.succeeded, 'req_' || r.number, r.body
FROM unnest($2::int[], $3::bool[], $4::text[]) AS r (number, succeeded, body)`;
/** So many rows in one statement. */
const AT_ONCE = 5_000;

export async function insertLines(pool: Pool, batchId: string, lines: readonly RowLine[]): Promise<void> {
  const numbered = lines.map((line, i) => ({ ...line, number: line.number ?? i + 1 }));
  for (let from = 0; from < numbered.length; from += AT_ONCE) {
    const some = numbered.slice(from, from + AT_ONCE);
    await pool.query(INSERT_LINES, [
      batchId,
      some.map(({ number }) => number),
      some.map(({ number, customId }) => customId ?? JSON.stringify(String(number))),
      some.map(({ state = 'pending' }) => state),
      some.map(({ workerId = null }) => workerId),
    ]);
    const done = some.flatMap(({ number, result }) => (result ? [{ number, ...result }] : []));
    await pool.query(INSERT_RESULTS, [
      batchId,
      done.map(({ number }) => number),
      done.map((one) => one.succeeded),
      done.map(({ body }) => body),
    ]);
  }
}

/** A worker that lives for so long from now on; none when it is below zero. */
export async function insertWorker(pool: Pool, aliveMs = 600_000): Promise<string> {
  const id = newId('worker');
  await pool.query("INSERT INTO batch_workers VALUES ($1, now(), now() + $2 * interval '1 ms')", [
    id,
    aliveMs,
  ]);
  return id;
}
