import { createHash } from 'node:crypto';
import { findManifest } from '@zerogpu/catalogue';
import type { Pool } from 'pg';
import { expect, it } from 'vitest';
import { silentLog } from '../store/log.ts';
import { killableDatabase, onEveryPostgres } from '../testing/postgres.ts';
import { TrustBook } from './trust-book.ts';
import { afterRight, afterUnchecked } from './trust-state.ts';
import { DatabaseTrustStore, type WrongAnswer } from './trust-store.ts';

const MANIFEST = findManifest('zlm-v1-summary-cloud')!;
const hash = (text: string) => createHash('sha256').update(text).digest();

async function addNode(pool: Pool, id: string): Promise<void> {
  await pool.query(
    `INSERT INTO nodes (id, public_key, pool, name, agent, capabilities) VALUES ($1, $2, 'public', 'n', 'a', '{}')`,
    [id, hash(id)],
  );
}

function book(pool: Pool): TrustBook {
  const now = () => 1_000_000;
  return new TrustBook({
    store: new DatabaseTrustStore(pool),
    log: silentLog,
    connected: () => true,
    changed: () => undefined,
    now,
  });
}

const wrongAnswer = (nodeId: string): WrongAnswer => ({
  nodeId,
  manifest: MANIFEST,
  foundBy: 'recheck',
  expected: hash('right'),
  given: hash('wrong'),
  at: Date.UTC(2030, 0, 1),
});

onEveryPostgres('what nodes have shown', (database) => {
  it('is added up, and read again', async () => {
    const pool = await database();
    await addNode(pool, 'node_a');
    const [one, two] = [book(pool), book(pool)];
    await one.load('node_a');
    await two.load('node_a');
    for (let i = 0; i < 3; i++) one.change('node_a', MANIFEST, afterRight);
    two.change('node_a', MANIFEST, afterRight);
    two.change('node_a', MANIFEST, afterUnchecked);
    await one.flush();
    await two.flush();
    const third = book(pool);
    await third.load('node_a');
    expect(third.record('node_a', MANIFEST)).toMatchObject({ right: 4, unchecked: 1, wrong: 0 });
  });

  it('is kept with the reason of a quarantine, which ends by the operator’s word', async () => {
    const pool = await database();
    await addNode(pool, 'node_a');
    const store = new DatabaseTrustStore(pool);
    const here = book(pool);
    await here.load('node_a');
    here.change('node_a', MANIFEST, afterRight);
    await here.quarantine(wrongAnswer('node_a'));
    expect((await store.load('node_a')).quarantined).toBe(true);
    const { rows } = await pool.query(
      'SELECT n.quarantined_at, n.quarantined_because, w.* FROM wrong_answers w JOIN nodes n ON n.id = w.node_id',
    );
    expect(rows).toMatchObject([
      {
        quarantined_at: new Date(Date.UTC(2030, 0, 1)),
        found_by: 'recheck',
        expected: hash('right'),
        given: hash('wrong'),
      },
    ]);
    expect(rows[0].quarantined_because).toContain(MANIFEST.id);

    const elsewhere = book(pool);
    await elsewhere.load('node_a');
    expect(elsewhere.isQuarantined('node_a')).toBe(true);
    await pool.query("UPDATE nodes SET quarantined_at = NULL WHERE id = 'node_a'");
    for (const one of [here, elsewhere]) {
      expect(await one.refresh()).toEqual([{ nodeId: 'node_a', quarantined: false }]);
      expect(one.record('node_a', MANIFEST)).toMatchObject({ rightInRow: 0, right: 1 });
    }
  });

  it('of a node that is gone is nothing', async () => {
    const pool = await database();
    const here = book(pool);
    await here.load('node_gone');
    here.change('node_gone', MANIFEST, afterRight);
    await here.quarantine(wrongAnswer('node_gone'));
    expect((await pool.query('SELECT FROM node_trust')).rowCount).toBe(0);
    expect((await pool.query('SELECT FROM wrong_answers')).rowCount).toBe(0);
  });
});

it('a quarantine that the database did not take holds here, and is written when it can be', async () => {
  const { pool } = await killableDatabase();
  await addNode(pool, 'node_a');
  const here = book(pool);
  await here.load('node_a');
  await pool.query('ALTER TABLE wrong_answers RENAME TO away');
  await here.quarantine(wrongAnswer('node_a'));
  expect(here.isQuarantined('node_a')).toBe(true);
  // Nor does looking at the database end it.
  expect(await here.refresh()).toEqual([]);
  await here.load('node_a');
  expect(here.isQuarantined('node_a')).toBe(true);
  await pool.query('ALTER TABLE away RENAME TO wrong_answers');
  await here.flush();
  expect((await new DatabaseTrustStore(pool).load('node_a')).quarantined).toBe(true);
});
