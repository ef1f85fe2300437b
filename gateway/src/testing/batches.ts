/** Batches put into the database as creation would, for tests of what becomes of them. */
import { newId } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import type { Caller } from '../flow.ts';

export interface BatchChanges {
  readonly status?: string;
  readonly expiresAt?: number;
  readonly endpoint?: string;
  readonly inputFileId?: string;
  /** Numbers of its lines; 1 to 10 unless told. */
  readonly numbers?: readonly number[];
  /** Bytes of the lines in the file, by place; ten each unless told. */
  readonly ranges?: readonly { readonly start: number; readonly length: number }[];
}

/** @returns its id */
export async function makeBatch(
  pool: Pool,
  caller: Pick<Caller, 'projectId' | 'keyId'>,
  changes: BatchChanges = {},
): Promise<string> {
  const id = newId('batch');
  const { numbers = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], ranges } = changes;
  const now = Date.now();
  const { status = 'in_progress', expiresAt = now + 86_400_000 } = changes;
  const { endpoint = '/v1/chat/completions', inputFileId = newId('file') } = changes;
  await pool.query(
    `INSERT INTO batches (id, project_id, key_id, endpoint, input_file_id, status, total, created_at, expires_at,
      in_progress_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $8)`,
    [
      id,
      caller.projectId,
      caller.keyId,
      endpoint,
      inputFileId,
      status,
      numbers.length,
      new Date(now),
      new Date(expiresAt),
    ],
  );
  const places = ranges ?? numbers.map((_, i) => ({ start: i * 10, length: 10 }));
  await pool.query(
    `INSERT INTO batch_lines (batch_id, number, custom_id, start, length)
     SELECT $1, number, to_json('line ' || number), start, length
     FROM unnest($2::int[], $3::bigint[], $4::int[]) AS l (number, start, length)`,
    [id, numbers, places.map((place) => place.start), places.map((place) => place.length)],
  );
  return id;
}
