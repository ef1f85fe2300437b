import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool } from 'pg';
import { expect, it } from 'vitest';
import { silentLog } from '../store/log.ts';
import { onEveryPostgres } from '../testing/postgres.ts';
import { makeWorkerLife } from './worker-life.ts';

const living = async (pool: Pool) =>
  (
    await pool.query<{ id: string; left: number }>(
      'SELECT id, extract(epoch FROM alive_until - now())::float8 AS left FROM batch_workers',
    )
  ).rows;

onEveryPostgres('the life of a worker', (database) => {
  it('is said every few seconds, and ends with it', async () => {
    const pool = await database();
    const life = makeWorkerLife({ pool, log: silentLog, everyMs: 5, leaseMs: 60_000 });
    life.start();
    while ((await living(pool)).length === 0) await sleep(1);
    const [first] = await living(pool);
    expect(first).toMatchObject({ id: life.id });
    await pool.query("UPDATE batch_workers SET alive_until = 'epoch'");
    while (((await living(pool))[0]?.left ?? 0) < 50) await sleep(1);
    await life.stop();
    expect(await living(pool)).toEqual([]);
  });
});
