/** The log as a file: batch after batch of the list, so that any size takes the memory of one batch. */
import type { PoolClient } from 'pg';
import { type Cell, csvLine } from '../admin/csv.ts';
import { beginningOf } from './log-filter.ts';
import type { LogQuestion } from './log-question.ts';
import { type LogRow, type Shown, shown } from './logged-request.ts';
import { readRows, search } from './read-log.ts';

export interface ExportOptions {
  readonly projectId: string;
  readonly question: LogQuestion;
  readonly format: 'csv' | 'jsonl';
  /** At most so many. */
  readonly rows: number;
  readonly hangup: AbortSignal;
  read<T>(work: (db: PoolClient) => Promise<T>): Promise<T>;
  /** False when the session or the membership has ended. */
  stillAdmitted(): Promise<boolean>;
  /** Rows of one read. */
  readonly batch?: number;
}

/** Half a megabyte of text: a few milliseconds of reading, and little beside a connection's buffers. */
const BATCH = 1_000;
/** Of batches: a long download outlives no session by more than a few seconds. */
const ADMIT_EVERY = 20;

const COLUMNS: readonly (readonly [name: string, cell: (row: Shown) => Cell])[] = [
  ['id', (r) => r.id],
  ['created_at', (r) => r.created_at],
  ['settled_at', (r) => r.settled_at],
  ['endpoint', (r) => r.endpoint],
  ['model', (r) => r.model],
  ['requested_model', (r) => r.requested_model],
  ['status', (r) => r.status],
  ['error_code', (r) => r.error_code],
  ['finish_reason', (r) => r.finish_reason],
  ['streamed', (r) => r.streamed],
  ['input_tokens', (r) => r.input_tokens],
  ['output_tokens', (r) => r.output_tokens],
  ['cost', (r) => r.cost],
  ['key_id', (r) => r.key?.id ?? null],
  ['key_name', (r) => r.key?.name ?? null],
  ['key_masked', (r) => r.key?.masked ?? null],
  ['route_class', (r) => r.route?.class ?? null],
  ['region', (r) => r.route?.region ?? null],
  ['attempts', (r) => r.route?.attempts ?? null],
  ['hedged', (r) => r.route?.hedged ?? null],
  ['fallback', (r) => r.route?.fallback ?? null],
  ['total_ms', (r) => r.latency.total_ms],
  ['queue_ms', (r) => r.latency.queue_ms],
  ['network_ms', (r) => r.latency.network_ms],
  ['model_ms', (r) => r.latency.model_ms],
];

/** Ends early, with the connection, when the session or the membership has. */
export async function* exportLines(options: ExportOptions): AsyncGenerator<string> {
  const { format, rows, hangup, stillAdmitted, batch = BATCH } = options;
  const line =
    format === 'csv'
      ? (row: LogRow) => csvLine(COLUMNS.map(([, cell]) => cell(shown(row))))
      : (row: LogRow) => `${JSON.stringify(shown(row))}\n`;
  if (format === 'csv') yield csvLine(COLUMNS.map(([name]) => name));
  let left = rows;
  let question: LogQuestion | null = options.question;
  for (let done = 1; question !== null && left > 0 && !hangup.aborted; done++) {
    if (done % ADMIT_EVERY === 0 && !(await stillAdmitted())) throw new Error('The session ended');
    const found: Batch = await nextBatch(options, { ...question, limit: Math.min(batch, left) });
    left -= found.rows.length;
    question = found.next;
    if (found.rows.length > 0) yield found.rows.map(line).join('');
  }
}

interface Batch {
  readonly rows: readonly LogRow[];
  /** Null after the last. */
  readonly next: LogQuestion | null;
}

async function nextBatch({ projectId, read }: ExportOptions, question: LogQuestion): Promise<Batch> {
  const { idPart } = question.filter;
  if (idPart !== null && beginningOf(idPart) === null) {
    const { rows, next } = await read((db) => search(db, projectId, question));
    return { rows, next: next === null ? null : { ...question, after: { id: next, latencyMs: 0 } } };
  }
  const found = await read((db) => readRows(db, projectId, question));
  const rows = found.slice(0, question.limit);
  const last = rows.at(-1);
  const next = found.length > question.limit && last ? { id: last.id, latencyMs: last.latency_ms } : null;
  return { rows, next: next === null ? null : { ...question, after: next } };
}
