import type { ClientBase } from 'pg';
import { expect, it } from 'vitest';
import { onEveryPostgres } from '../testing/postgres.ts';
import { inTransaction } from './transaction.ts';

onEveryPostgres('a transaction', (database) => {
  const isBroken = (client: ClientBase) =>
    client.query('SELECT 1').then(
      () => false,
      () => true,
    );

  it('whose connection breaks between two statements fails, and ends no process', async () => {
    const pool = await database();
    const work = inTransaction(pool, async (client) => {
      const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      // `once` of node:events would listen to errors too.
      const ended = new Promise<void>((resolve) => client.once('end', () => resolve()));
      await pool.query('SELECT pg_terminate_backend($1)', [rows[0]!.pid]);
      await ended;
      expect(await isBroken(client)).toBe(true);
      await client.query('SELECT 1');
    });
    await expect(work).rejects.toThrow();
    expect(await inTransaction(pool, async (client) => isBroken(client))).toBe(false);
  });
});
