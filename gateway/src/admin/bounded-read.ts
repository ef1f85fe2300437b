import { ApiError } from '@zerogpu/protocol';
import type { PoolClient } from 'pg';

/** Longer than any page of a dashboard should wait, and ten times what the slowest measured read takes. */
const SLOWEST_MS = 5_000;
/**
 * The compiler of expressions takes longer than these reads do (its 100 ms are spent before the first row); 32 MB let
 * the groups of a large range stay in memory.
 */
const SETTINGS = `SET LOCAL statement_timeout = ${SLOWEST_MS}; SET LOCAL jit = off; SET LOCAL work_mem = '32MB'`;

type Tenant = <T>(work: (db: PoolClient) => Promise<T>) => Promise<T>;

/**
 * Reads for a dashboard: whoever asks for too much is told so, instead of keeping the database from those who settle.
 * @throws ApiError query_timeout
 */
export async function boundedRead<T>(tenant: Tenant, work: (db: PoolClient) => Promise<T>): Promise<T> {
  try {
    return await tenant(async (db) => {
      await db.query(SETTINGS);
      return work(db);
    });
  } catch (cause) {
    if (isStatementTimeout(cause)) throw new ApiError('query_timeout', { cause });
    throw cause;
  }
}

function isStatementTimeout(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '57014';
}
