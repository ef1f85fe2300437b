import { newId } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import { expect, it } from 'vitest';
import { Secrets } from '../store/secrets.ts';
import { inTransaction } from '../store/transaction.ts';
import { onEveryPostgres } from '../testing/postgres.ts';
import { makeTenant } from '../testing/tenant.ts';
import { FileStore, HELD_MS } from './file-store.ts';
import { sweepFiles } from './sweep-files.ts';

const secrets = new Secrets('a secret of the tests, long enough');
const NOW = Date.UTC(2030, 0, 1);
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

async function setUp(pool: Pool) {
  const { caller } = await makeTenant(pool, secrets);
  const files = new FileStore(pool);
  const removed: string[] = [];
  const broken = new Set<string>();
  const storage = {
    async remove(name: string) {
      const id = name.slice(name.indexOf('/') + 1);
      if (broken.has(id)) throw new Error('The storage is away');
      removed.push(id);
    },
  };
  const begin = async (createdAt = NOW, expiresAt = NOW + 30 * DAY) => {
    const file = { id: newId('file', createdAt), filename: 'a', createdAt, expiresAt };
    await files.begin(caller, file);
    return file;
  };
  const finish = async (file: Awaited<ReturnType<typeof begin>>) =>
    inTransaction(pool, (db) => files.finish(db, caller, file, { bytes: 3, blockHashes: Buffer.alloc(32) }));
  const store = async (createdAt = NOW, expiresAt = NOW + 30 * DAY) => {
    const file = await begin(createdAt, expiresAt);
    await finish(file);
    return file.id;
  };
  const batchOf = async (fileId: string, status: string) => {
    const text = `
      INSERT INTO batches (id, project_id, key_id, endpoint, input_file_id, status, created_at, expires_at)
      VALUES ($1, $2, $3, '/v1/chat/completions', $4, $5, now(), now())`;
    await pool.query(text, [newId('batch'), caller.projectId, caller.keyId, fileId, status]);
  };
  const rows = async () =>
    (await pool.query<{ id: string }>('SELECT id FROM files ORDER BY id')).rows.map(({ id }) => id);
  const sweep = (now: number) => sweepFiles({ pool, storage }, now);
  return { caller, files, begin, finish, store, batchOf, rows, sweep, removed, broken };
}

onEveryPostgres('sweepFiles', (database) => {
  it('leaves what callers may read', async () => {
    const { store, sweep, removed } = await setUp(await database());
    await store();
    expect(await sweep(NOW + DAY)).toEqual({ removed: 0, forgotten: 0 });
    expect(removed).toEqual([]);
  });

  it('removes what has expired or was deleted, and forgets it days later', async () => {
    const { caller, files, store, sweep, removed, rows } = await setUp(await database());
    const expired = await store(NOW, NOW + DAY);
    const deleted = await store();
    const kept = await store();
    expect(await files.delete(caller, deleted, NOW + DAY)).toBe(true);
    expect(await sweep(NOW + DAY + 2 * MINUTE)).toEqual({ removed: 2, forgotten: 0 });
    expect(removed.sort()).toEqual([expired, deleted].sort());
    expect(await sweep(NOW + 2 * DAY)).toEqual({ removed: 0, forgotten: 0 });
    expect(await rows()).toHaveLength(3);
    expect(await sweep(NOW + 4 * DAY)).toEqual({ removed: 0, forgotten: 2 });
    expect(await rows()).toEqual([kept]);
  });

  it.each(['validating', 'in_progress', 'finalizing', 'cancelling'])(
    'keeps what a batch that is %s reads, until that has ended',
    async (status) => {
      const pool = await database();
      const { caller, files, store, batchOf, sweep, removed } = await setUp(pool);
      const [expired, deleted] = [await store(NOW, NOW + DAY), await store()];
      await batchOf(expired, status);
      await batchOf(deleted, status);
      await files.delete(caller, deleted, NOW);
      await sweep(NOW + 3 * DAY);
      expect(removed).toEqual([]);
      await pool.query("UPDATE batches SET status = 'completed'");
      await sweep(NOW + 3 * DAY);
      expect(removed.sort()).toEqual([expired, deleted].sort());
    },
  );

  it('takes an upload whose gateway ended, and none that is held', async () => {
    const { files, begin, finish, sweep, removed } = await setUp(await database());
    const [left, held] = [await begin(), await begin()];
    await sweep(NOW + HELD_MS);
    expect(removed).toEqual([]);
    await files.hold(held.id, NOW + HELD_MS);
    await sweep(NOW + HELD_MS + 2 * MINUTE);
    expect(removed).toEqual([left.id]);
    // It lived after all: too late.
    expect(await finish(left)).toBeNull();
    expect(await files.giveUp(left.id, NOW)).toBe(true);
    expect(await finish(held)).not.toBeNull();
    expect(await files.giveUp(held.id, NOW)).toBe(false);
  });

  it('removes once more what is forgotten: a write may have ended after the first time', async () => {
    const { begin, sweep, removed, rows } = await setUp(await database());
    const { id } = await begin();
    await sweep(NOW + DAY);
    await sweep(NOW + 4 * DAY);
    expect(removed).toEqual([id, id]);
    expect(await rows()).toEqual([]);
  });

  it('goes on past one that cannot be removed, and comes back to it', async () => {
    const { store, sweep, removed, broken } = await setUp(await database());
    const ids = [await store(NOW, NOW), await store(NOW, NOW), await store(NOW, NOW)];
    broken.add(ids[1]!);
    await expect(sweep(NOW + DAY)).rejects.toThrow('The storage is away');
    expect([...removed].sort()).toEqual([ids[0], ids[2]].sort());
    broken.clear();
    expect((await sweep(NOW + DAY)).removed).toBe(0);
    expect((await sweep(NOW + DAY + 5 * MINUTE)).removed).toBe(1);
    expect(removed).toHaveLength(3);
  });

  it('is done once by several at once', async () => {
    const { store, sweep, removed } = await setUp(await database());
    for (let i = 0; i < 30; i++) await store(NOW, NOW);
    const swept = await Promise.all(Array.from({ length: 4 }, () => sweep(NOW + DAY)));
    expect(swept.reduce((sum, one) => sum + one.removed, 0)).toBe(30);
    expect(new Set(removed).size).toBe(30);
    expect(removed).toHaveLength(30);
  });
});
