import { newId } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import { expect, it } from 'vitest';
import type { Caller } from '../flow.ts';
import { Secrets } from '../store/secrets.ts';
import { makeBatch } from '../testing/batches.ts';
import { onEveryPostgres } from '../testing/postgres.ts';
import { makeTenant } from '../testing/tenant.ts';
import { makeFileRoom } from './file-room.ts';

const secrets = new Secrets('a secret of the tests, long enough');

async function addFile(pool: Pool, { projectId }: Caller, bytes: number, more: { removed?: boolean } = {}) {
  const id = newId('file');
  await pool.query(
    `INSERT INTO files (id, project_id, state, purpose, filename, bytes, block_hashes, created_at, expires_at, deleted_at, removed_at)
     VALUES ($1, $2, 'stored', 'batch', 'x', $3, '', now(), now() + interval '1 day', now(), $4)`,
    [id, projectId, bytes, more.removed === true ? new Date() : null],
  );
  return id;
}

onEveryPostgres('room for files', (database) => {
  const open = async (most: number) => {
    const pool = await database();
    const { caller } = await makeTenant(pool, secrets);
    const clock = { now: 0 };
    const room = makeFileRoom({ pool, most, now: () => clock.now });
    const fits = async ({ organizationId }: Caller = caller) => {
      clock.now += 1_000;
      return room.check(organizationId).then(
        () => true,
        (error: unknown) => {
          expect(error).toMatchObject({ code: 'rate_limit_exceeded' });
          return false;
        },
      );
    };
    return { pool, caller, clock, room, fits };
  };

  it('is what all files of an organization have together, until their bytes are gone', async () => {
    const { pool, caller, fits } = await open(100);
    expect(await fits()).toBe(true);
    await addFile(pool, caller, 60, { removed: true });
    await addFile(pool, caller, 60);
    expect(await fits()).toBe(true);
    const { caller: other } = await makeTenant(pool, secrets);
    await addFile(pool, other, 100);
    expect([await fits(), await fits(other)]).toEqual([true, false]);
    const file = await addFile(pool, caller, 40);
    expect(await fits()).toBe(false);
    await pool.query('UPDATE files SET removed_at = now() WHERE id = $1', [file]);
    expect(await fits()).toBe(true);
  });

  it('counts what open batches put out: about what they read', async () => {
    const { pool, caller, fits } = await open(100);
    const inputFileId = await addFile(pool, caller, 30);
    await makeBatch(pool, caller, { inputFileId });
    await makeBatch(pool, caller, { inputFileId, status: 'completed' });
    expect(await fits()).toBe(true);
    await makeBatch(pool, caller, { inputFileId });
    await makeBatch(pool, caller, { inputFileId });
    expect(await fits()).toBe(false);
  });

  it('is for a bounded number of open batches', async () => {
    const { pool, caller, clock, room } = await open(100);
    const insert = (count: number) =>
      pool.query(
        `INSERT INTO batches (id, project_id, key_id, endpoint, input_file_id, status, created_at, expires_at)
         SELECT gen_random_uuid(), $1, $2, '', '', 'in_progress', now(), now() FROM generate_series(1, $3)`,
        [caller.projectId, caller.keyId, count],
      );
    await insert(999);
    await room.checkBatches(caller.organizationId);
    await insert(1);
    // Nothing is added up again within a second.
    await room.checkBatches(caller.organizationId);
    clock.now += 1_000;
    const refused = { code: 'rate_limit_exceeded', retryAfterSeconds: 60 };
    await expect(room.checkBatches(caller.organizationId)).rejects.toMatchObject(refused);
    await room.check(caller.organizationId);
  });
});
