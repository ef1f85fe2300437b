import { newId } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import { expect, it } from 'vitest';
import { hashBlocks } from '../../storage/blocks.ts';
import { objectName } from '../../storage/file.ts';
import type { ObjectStorage } from '../../storage/object-storage.ts';
import { makeVerifiedReader } from '../../storage/verified-reader.ts';
import { Secrets } from '../../store/secrets.ts';
import { onEveryPostgres } from '../../testing/postgres.ts';
import { makeTenant } from '../../testing/tenant.ts';
import { makeInputTexts } from './input-texts.ts';
import type { ClaimedLine } from './line-store.ts';

/** A file of a project, and a storage that holds it. */
async function setUp(pool: Pool, content: Buffer) {
  const { caller } = await makeTenant(pool, new Secrets('a secret of the tests, long enough'));
  const id = newId('file');
  const hashed = hashBlocks(
    (async function* () {
      yield content;
    })(),
  );
  for await (const _block of hashed.blocks);
  const { bytes, blockHashes } = hashed.stored();
  await pool.query(
    `INSERT INTO files (id, project_id, state, purpose, filename, bytes, block_hashes, created_at, expires_at)
     VALUES ($1, $2, 'stored', 'batch', 'lines.jsonl', $3, $4, now(), now())`,
    [id, caller.projectId, bytes, blockHashes],
  );
  const stored = { bytes: content, reads: 0 };
  const storage: Pick<ObjectStorage, 'read'> = {
    async *read(name, { start, end }) {
      expect(name).toBe(objectName(caller.projectId, id));
      stored.reads += 1;
      yield stored.bytes.subarray(start, end);
    },
  };
  const line = (start: number, length: number, changes: Partial<ClaimedLine> = {}) =>
    ({ start, length, projectId: caller.projectId, inputFileId: id, ...changes }) as ClaimedLine;
  return { texts: makeInputTexts(pool, makeVerifiedReader(storage)), stored, line, id };
}

onEveryPostgres('texts of lines', (database) => {
  it('are parts of the file, read together, also of one that was deleted', async () => {
    const pool = await database();
    const { texts, stored, line } = await setUp(pool, Buffer.from('first\nsecond\nthird'));
    expect(String(await texts.read(line(6, 6)))).toBe('second');
    await pool.query('UPDATE files SET deleted_at = now()');
    expect(String(await texts.read(line(13, 5)))).toBe('third');
    expect(stored.reads).toBe(1);
  });

  it('are damaged or missing where they are not what was stored', async () => {
    const pool = await database();
    const { texts, stored, line } = await setUp(pool, Buffer.from('first\nsecond'));
    stored.bytes = Buffer.from('first\nsecend');
    await expect(texts.read(line(6, 6))).rejects.toMatchObject({ kind: 'damaged' });
    stored.bytes = Buffer.from('first\nsecond');
    expect(String(await texts.read(line(6, 6)))).toBe('second');
    await expect(texts.read(line(6, 7))).rejects.toMatchObject({ kind: 'damaged' });
    const gone = { inputFileId: newId('file') };
    await expect(texts.read(line(0, 5, gone))).rejects.toMatchObject({ kind: 'missing' });
  });
});
