/** Makes the output and error file of a batch: streamed from the database into the storage, in the order of lines. */
import type { Pool } from 'pg';
import { objectName } from '../../storage/file.ts';
import type { ObjectStorage, StoredObject } from '../../storage/object-storage.ts';
import { lineText } from './line-text.ts';
import { BatchLost, type TakenBatch } from './taken-batch.ts';

export interface OutputServices {
  readonly pool: Pool;
  readonly storage: Pick<ObjectStorage, 'put' | 'remove'>;
  readonly workerId: string;
  /** Aborts when the worker stops: the next one begins anew. */
  readonly signal: AbortSignal;
}

export interface MadeFile {
  readonly id: string;
  readonly lines: number;
  readonly stored: StoredObject;
}

/** Null where there is no such line. */
export interface MadeFiles {
  readonly output: MadeFile | null;
  readonly errors: MadeFile | null;
}

/** A page goes over at once: so many rows, and no further one once it has so many bytes. A result may be megabytes. */
const PAGE_ROWS = 1_000;
const PAGE_BYTES = 1024 * 1024;

/** $3: those that succeeded, or the others. */
const PAGE = `SELECT * FROM batch_output_page($1, $2, $3, ${PAGE_ROWS}, ${PAGE_BYTES})`;
const IS_OURS = 'SELECT 1 FROM batches WHERE id = $1 AND worker_id = $2 AND ending = $3';

interface Row {
  readonly number: number;
  /** Null when the line belongs to the other file. */
  readonly custom_id: string | null;
  readonly request_id: string | null;
  readonly body: string | null;
  readonly succeeded: boolean | null;
}

interface Chunk {
  readonly lines: number;
  readonly bytes: Buffer;
}

/**
 * One file after the other, so that neither waits for the other inside a storage.
 * @throws StorageError; BatchLost; the signal's reason; what the database says
 */
export async function writeOutput(services: OutputServices, batch: TakenBatch): Promise<MadeFiles> {
  const output = await makeFile(services, batch, batch.outputId, true);
  const errors = await makeFile(services, batch, batch.errorId, false);
  return { output, errors };
}

async function makeFile(
  services: OutputServices,
  batch: TakenBatch,
  id: string,
  succeeded: boolean,
): Promise<MadeFile | null> {
  const { storage } = services;
  const name = objectName(batch.projectId, id);
  const chunks = readChunks(services, batch, succeeded);
  const first = await chunks.next();
  if (first.done === true) {
    if (batch.again) await storage.remove(name);
    return null;
  }
  const counted = { lines: 0 };
  const stored = await storage.put(name, counting(first.value, chunks, counted));
  return { id, lines: counted.lines, stored };
}

async function* counting(
  first: Chunk,
  rest: AsyncIterable<Chunk>,
  counted: { lines: number },
): AsyncGenerator<Buffer> {
  counted.lines += first.lines;
  yield first.bytes;
  for await (const { lines, bytes } of rest) {
    counted.lines += lines;
    yield bytes;
  }
}

/** The text of one of the files, page by page. */
async function* readChunks(
  services: OutputServices,
  batch: TakenBatch,
  succeeded: boolean,
): AsyncGenerator<Chunk> {
  let after = 0;
  for (;;) {
    services.signal.throwIfAborted();
    const rows = await readPage(services.pool, batch, after, succeeded);
    const last = rows.at(-1);
    if (last === undefined) break;
    after = last.number;
    const chunk = chunkOf(batch, rows);
    if (chunk.lines > 0) yield chunk;
  }
  await checkOurs(services, batch);
}

async function readPage(pool: Pool, batch: TakenBatch, after: number, succeeded: boolean): Promise<Row[]> {
  const values = [batch.id, after, succeeded];
  return (await pool.query<Row>({ name: 'batch-output-page', text: PAGE, values })).rows;
}

function chunkOf(batch: TakenBatch, rows: readonly Row[]): Chunk {
  const texts = rows.flatMap(({ number, custom_id: customId, request_id: requestId, body, succeeded }) => {
    if (customId === null) return [];
    const result = body === null ? null : { succeeded: succeeded === true, requestId, body };
    return [lineText(batch.id, batch.ending, { number, customId, result })];
  });
  return { lines: texts.length, bytes: Buffer.from(texts.join('')) };
}

/**
 * Before the storage is told that the file is whole: whoever was taken for dead may have read what the next one, having
 * ended the batch, was deleting. What was read before this is whole, and then what both put is the same.
 */
async function checkOurs({ pool, workerId }: OutputServices, batch: TakenBatch): Promise<void> {
  const { rowCount } = await pool.query(IS_OURS, [batch.id, workerId, batch.ending]);
  if (rowCount === 0) throw new BatchLost(batch.id);
}
