import type { Pool, PoolClient } from 'pg';

/**
 * One transaction as the role that owns the tables, for what the platform does by itself. What somebody asked for goes
 * through `inTenant`.
 * @throws what `work` throws; then nothing has happened
 */
export async function inTransaction<T>(pool: Pool, work: (db: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    client.release();
    return result;
  } catch (error) {
    await client.query('ROLLBACK').then(
      () => client.release(),
      () => client.release(true),
    );
    throw error;
  }
}
