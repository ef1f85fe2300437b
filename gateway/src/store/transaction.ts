import type { Pool, PoolClient } from 'pg';

/**
 * One transaction as the role that owns the tables: for what the platform does by itself, and for what belongs to a
 * person and to no organization yet. What somebody asks for in an organization or project goes through `inTenant`.
 * @throws what `work` throws; then nothing has happened
 */
export function inTransaction<T>(pool: Pool, work: (db: PoolClient) => Promise<T>): Promise<T> {
  return transactionOf(pool, 'BEGIN', work);
}

/**
 * @param begin `BEGIN`, and what else is to hold for this transaction alone
 * @throws what `work` throws; then nothing has happened
 */
export async function transactionOf<T>(
  pool: Pool,
  begin: string,
  work: (db: PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query(begin);
    const result = await work(client);
    await client.query('COMMIT');
    client.release();
    return result;
  } catch (error) {
    // A connection that cannot even roll back is thrown away.
    await client.query('ROLLBACK').then(
      () => client.release(),
      () => client.release(true),
    );
    throw error;
  }
}
