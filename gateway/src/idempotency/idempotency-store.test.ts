import { createHash } from 'node:crypto';
import type { Pool } from 'pg';
import { expect, it } from 'vitest';
import { Settler } from '../metering/settle.ts';
import { sweep } from '../metering/sweeper.ts';
import { silentLog } from '../store/log.ts';
import { Secrets } from '../store/secrets.ts';
import { onEveryPostgres } from '../testing/postgres.ts';
import { makeSettlement, makeStoredAnswer, makeTenant } from '../testing/tenant.ts';
import { IdempotencyStore } from './idempotency-store.ts';

const secrets = new Secrets('a secret of the tests, long enough');
const hash = (body: string) => createHash('sha256').update(body).digest();
const MINUTE = 60_000;

async function setUp(pool: Pool) {
  const { caller } = await makeTenant(pool, secrets);
  const store = new IdempotencyStore(pool, secrets);
  const claim = (requestId: string, body = 'body', lockedUntil = Date.now() + MINUTE, key = 'key') =>
    store.claim({ projectId: caller.projectId, key, bodyHash: hash(body), requestId, lockedUntil });
  const settler = new Settler({ pool, secrets, gatewayName: 'test' });
  const answer = async (requestId: string, key = 'key') => {
    const stored = makeStoredAnswer(requestId);
    const free = { requestId, cost: 0n, held: false };
    await settler.settle(makeSettlement(caller, { ...free, idempotency: { key, answer: stored } }));
    return stored;
  };
  return { caller, store, claim, answer };
}

onEveryPostgres('idempotency', (database) => {
  it('lets the first attempt run, later ones wait, and replays its answer', async () => {
    const { claim, answer } = await setUp(await database());
    expect(await claim('r1')).toEqual({ kind: 'claimed' });
    expect(await claim('r2')).toEqual({ kind: 'running' });
    const stored = await answer('r1');
    expect(await claim('r3')).toEqual({ kind: 'replay', stored });
  });

  it('gives exactly one of many attempts at once the claim', async () => {
    const pool = await database();
    const { claim } = await setUp(pool);
    const results = await Promise.all(Array.from({ length: 20 }, (_, i) => claim(`r${i}`)));
    expect(results.map((r) => r.kind).sort()).toEqual(['claimed', ...new Array(19).fill('running')]);
  });

  it('refuses another body under the same key, while it runs and after', async () => {
    const { claim, answer } = await setUp(await database());
    await claim('r1');
    expect(await claim('r2', 'another')).toEqual({ kind: 'conflict' });
    await answer('r1');
    expect(await claim('r3', 'another')).toEqual({ kind: 'conflict' });
  });

  it('keeps projects apart', async () => {
    const pool = await database();
    const [one, two] = [await setUp(pool), await setUp(pool)];
    await one.claim('r1');
    await one.answer('r1');
    expect(await two.claim('r2', 'another')).toEqual({ kind: 'claimed' });
  });

  it('lets the next attempt run after a release, but never takes back an answer', async () => {
    const { caller, store, claim, answer } = await setUp(await database());
    await claim('r1');
    await store.release(caller.projectId, 'key', 'r9');
    expect(await claim('r2')).toEqual({ kind: 'running' });
    await store.release(caller.projectId, 'key', 'r1');
    expect(await claim('r2')).toEqual({ kind: 'claimed' });
    const stored = await answer('r2');
    await store.release(caller.projectId, 'key', 'r2');
    expect(await claim('r3')).toEqual({ kind: 'replay', stored });
  });

  it('lets another attempt take over when the lock has passed, and the late one stores nothing', async () => {
    const { claim, answer } = await setUp(await database());
    await claim('r1', 'body', Date.now() - 1);
    expect(await claim('r2', 'another')).toEqual({ kind: 'conflict' });
    expect(await claim('r2')).toEqual({ kind: 'claimed' });
    await answer('r1');
    expect(await claim('r3')).toEqual({ kind: 'running' });
    const stored = await answer('r2');
    expect(await claim('r3')).toEqual({ kind: 'replay', stored });
  });

  it('forgets an answer when its time has passed', async () => {
    const pool = await database();
    const { claim, answer } = await setUp(pool);
    await claim('r1');
    await answer('r1');
    await pool.query("UPDATE idempotency_keys SET expires_at = now() - interval '1 second'");
    expect(await claim('r2', 'another')).toEqual({ kind: 'claimed' });
    await pool.query("UPDATE idempotency_keys SET expires_at = now() - interval '1 second'");
    expect(await sweep(pool, silentLog, Date.now())).toMatchObject({ holds: 0, answers: 1 });
    const { rows } = await pool.query('SELECT count(*)::int AS left FROM idempotency_keys');
    expect(rows[0].left).toBe(0);
  });

  it('keeps answers unreadable without the secret and for another project', async () => {
    const pool = await database();
    const { claim, answer } = await setUp(pool);
    await claim('r1');
    await answer('r1');
    const { rows } = await pool.query('SELECT answer FROM idempotency_keys');
    expect(rows[0].answer.includes('An answer')).toBe(false);
    const other = await setUp(pool);
    await pool.query('UPDATE idempotency_keys SET project_id = $1', [other.caller.projectId]);
    await expect(other.claim('r2')).rejects.toThrow('encrypted with another secret');
  });

  it('answers a group of claims in their order', async () => {
    const { claim, answer } = await setUp(await database());
    await claim('a', 'body', Date.now() + MINUTE, 'k-a');
    const stored = await answer('a', 'k-a');
    await claim('b', 'body', Date.now() + MINUTE, 'k-b');
    const later = Date.now() + MINUTE;
    const results = await Promise.all([
      claim('1', 'body', later, 'k-c'),
      claim('2', 'body', later, 'k-a'),
      claim('3', 'another', later, 'k-a'),
      claim('4', 'body', later, 'k-b'),
      claim('5', 'body', later, 'k-c'),
    ]);
    expect(results).toEqual([
      { kind: 'claimed' },
      { kind: 'replay', stored },
      { kind: 'conflict' },
      { kind: 'running' },
      { kind: 'running' },
    ]);
  });
});
