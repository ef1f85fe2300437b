import { randomUUID } from 'node:crypto';
import { expect, it, vi } from 'vitest';
import { silentLog } from '../store/log.ts';
import { onEveryPostgres } from '../testing/postgres.ts';
import { findGateways, startBeats } from './gateway-directory.ts';

onEveryPostgres('the directory of gateways', (database) => {
  it('names a gateway from its start to its end', async () => {
    const pool = await database();
    const one = startBeats({ id: randomUUID(), pool, log: silentLog, url: 'http://127.0.0.1:1' });
    const two = startBeats({ id: randomUUID(), pool, log: silentLog, url: 'http://127.0.0.1:2' });
    const urls = async () => (await findGateways(pool)).map(({ url }) => url).sort();
    await vi.waitFor(async () => expect(await urls()).toEqual(['http://127.0.0.1:1', 'http://127.0.0.1:2']));
    await one.stop();
    expect(await urls()).toEqual(['http://127.0.0.1:2']);
    await two.stop();
    expect(await urls()).toEqual([]);
  });

  it('names none that is silent, and forgets it in the end', async () => {
    const pool = await database();
    const insert = `INSERT INTO gateways (id, url, alive_until)
      VALUES (gen_random_uuid(), 'http://127.0.0.1:3', now() - $1::interval)`;
    await pool.query(insert, ['1 second']);
    await pool.query(insert, ['2 hours']);
    expect(await findGateways(pool)).toEqual([]);
    const one = startBeats({ id: randomUUID(), pool, log: silentLog, url: 'http://127.0.0.1:1' });
    const rows = async () => (await pool.query('SELECT FROM gateways')).rowCount;
    await vi.waitFor(async () => expect(await rows()).toBe(2));
    await one.stop();
    expect(await rows()).toBe(1);
  });
});
