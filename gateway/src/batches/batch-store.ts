/** Batches as their project sees and makes them. Everything here is to be called as tenant (`inTenant`). */
import { isId } from '@zerogpu/protocol';
import type { ClientBase } from 'pg';
import { STORED_COLUMNS, type StoredRow, storedOf, THERE } from '../storage/file.ts';
import type { StoredObject } from '../storage/object-storage.ts';
import { BATCH_COLUMNS, type BatchRow } from './batch.ts';

/** Shared, so that nobody removes its bytes between this look and the batch that keeps them. */
const FIND_INPUT = `
SELECT ${STORED_COLUMNS} FROM files WHERE ${THERE} AND id = $3 FOR SHARE`;
const INSERT = `
INSERT INTO batches (id, project_id, key_id, endpoint, input_file_id, status, metadata, created_at, expires_at, worker_id)
VALUES ($1, $2, $3, $4, $5, 'validating', $6, $7, $8, $9)
ON CONFLICT (id) DO NOTHING`;
const FIND = `SELECT ${BATCH_COLUMNS} FROM batches WHERE project_id = $1 AND id = $2`;
const LIST = `
SELECT ${BATCH_COLUMNS} FROM batches WHERE project_id = $1 AND ($2::text IS NULL OR id < $2) ORDER BY id DESC LIMIT $3`;

/** A batch that is about to be validated. */
export interface BegunBatch {
  readonly id: string;
  readonly projectId: string;
  readonly keyId: string;
  readonly endpoint: string;
  readonly inputFileId: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly workerId: string;
}

/** What is stored of a file that callers may see now; null when there is none. */
export async function findInput(
  db: ClientBase,
  projectId: string,
  fileId: string,
  now: number,
): Promise<StoredObject | null> {
  if (!isId('file', fileId)) return null;
  const { rows } = await db.query<StoredRow>(FIND_INPUT, [projectId, new Date(now), fileId]);
  return rows[0] === undefined ? null : storedOf(rows[0]);
}

/** Twice is as once. */
export async function beginBatch(db: ClientBase, batch: BegunBatch): Promise<void> {
  const { id, projectId, keyId, endpoint, inputFileId, metadata, createdAt, expiresAt, workerId } = batch;
  const said = [endpoint, inputFileId, JSON.stringify(metadata)];
  const values = [id, projectId, keyId, ...said, new Date(createdAt), new Date(expiresAt), workerId];
  await db.query(INSERT, values);
}

export async function findBatch(
  db: ClientBase,
  projectId: string,
  batchId: string,
): Promise<BatchRow | null> {
  // A NUL in a path would be an error of the database.
  if (!isId('batch', batchId)) return null;
  return (await db.query<BatchRow>(FIND, [projectId, batchId])).rows[0] ?? null;
}

/** Newest first. @param before the id after which the page begins; null for the newest */
export async function listBatches(
  db: ClientBase,
  projectId: string,
  before: string | null,
  most: number,
): Promise<readonly BatchRow[]> {
  return (await db.query<BatchRow>(LIST, [projectId, before, most])).rows;
}
