/** What there is of a batch that has ended, read from the API, the database and the storage, for its judge. */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkRollups } from '@zerogpu/gateway';
import { checkInvariants } from '@zerogpu/ledger';
import type { BatchObject } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import type { BatchClient } from './batch-client.ts';
import type { BatchBooks, BatchEnd, EndFile } from './batch-judge.ts';

/** A round of the sweeper, and some more on a busy machine. */
const SWEPT_MS = 60_000;

export async function readEnd(client: BatchClient, pool: Pool, batch: BatchObject): Promise<BatchEnd> {
  const read = (id: string | null) => (id === null ? null : readEndFile(client, pool, id));
  const [output, error] = [await read(batch.output_file_id), await read(batch.error_file_id)];
  return { batch, output, error };
}

async function readEndFile(client: BatchClient, pool: Pool, id: string): Promise<EndFile> {
  const { rows } = await pool.query<{ block_hashes: Buffer }>(
    'SELECT block_hashes FROM files WHERE id = $1',
    [id],
  );
  const { bytes } = await client.file(id);
  return { content: await client.content(id), bytes, blockHashes: rows[0]?.block_hashes ?? Buffer.alloc(0) };
}

/** Money held for requests that died with their gateway comes back when its time is over: here at once. */
export async function giveBackHolds(pool: Pool): Promise<void> {
  await pool.query('UPDATE ledger.holds SET expires_at = now()');
  const until = Date.now() + SWEPT_MS;
  while (Date.now() < until) {
    const { rows } = await pool.query<{ holds: number }>('SELECT count(*)::int AS holds FROM ledger.holds');
    if (rows[0]?.holds === 0) return;
    await sleep(100);
  }
}

const BOOKS = {
  logged: 'SELECT id, status, cost FROM requests WHERE half_price',
  // What was asked by itself is in the log at its full price.
  charges: `SELECT p.request_id AS id, p.amount FROM ledger.postings p WHERE p.kind = 'charge'
    AND NOT EXISTS (SELECT 1 FROM requests r WHERE r.id = p.request_id AND NOT r.half_price)`,
  held: 'SELECT sum(held)::bigint AS held FROM ledger.accounts',
  left: `SELECT (SELECT count(*)::int FROM batch_lines) AS lines, (SELECT count(*)::int FROM batch_results) AS results`,
  objects: `SELECT project_id || '/' || id AS name FROM files WHERE state = 'stored' AND removed_at IS NULL`,
};

/** @param files the folder of the storage */
export async function readBooks(pool: Pool, files: string): Promise<BatchBooks> {
  const ask = async <Row>(text: string): Promise<Row[]> => (await pool.query(text)).rows as Row[];
  const [held] = await ask<{ held: bigint }>(BOOKS.held);
  const [left] = await ask<{ lines: number; results: number }>(BOOKS.left);
  const known = new Set((await ask<{ name: string }>(BOOKS.objects)).map(({ name }) => name));
  const found = new Set(await objectsIn(files));
  const broken = await checkInvariants(pool);
  return {
    logged: await ask(BOOKS.logged),
    charges: await ask(BOOKS.charges),
    heldAfterwards: held?.held ?? 0n,
    leftLines: left?.lines ?? -1,
    leftResults: left?.results ?? -1,
    strayObjects: [...known]
      .filter((name) => !found.has(name))
      .concat([...found].filter((name) => !known.has(name))),
    violations: [
      ...broken.map(({ rule, subject, detail }) => `${rule} ${subject} ${detail}`),
      ...(await checkRollups(pool)),
    ],
  };
}

/** What was never whole lies in `.partial`, and is swept when it is old. */
async function objectsIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .filter((name) => !name.startsWith('.'));
}
