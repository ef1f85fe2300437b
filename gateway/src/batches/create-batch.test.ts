import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BATCH_ENDPOINT, newId } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { KeepAnswer } from '../create-once.ts';
import type { Caller } from '../flow.ts';
import { objectName } from '../storage/file.ts';
import { openFolderStorage } from '../storage/folder-storage.ts';
import { type ObjectStorage, StorageError } from '../storage/object-storage.ts';
import { Secrets } from '../store/secrets.ts';
import { inTenant } from '../store/tenant-fence.ts';
import { onEveryPostgres } from '../testing/postgres.ts';
import { makeTenant } from '../testing/tenant.ts';
import type { BatchRow } from './batch.ts';
import { findBatch, listBatches } from './batch-store.ts';
import { cancelBatch } from './cancel-batch.ts';
import { BatchCreation, type CreationServices } from './create-batch.ts';

const secrets = new Secrets('a secret of the tests, long enough');
const NOW = Date.UTC(2030, 0, 1);
const never = new AbortController().signal;
const keepNothing: KeepAnswer = async () => {};

const line = (id: string, changes: object = {}) =>
  JSON.stringify({ custom_id: id, method: 'POST', url: BATCH_ENDPOINT, body: {}, ...changes });

async function inAnotherProject(pool: Pool, caller: Caller): Promise<Caller> {
  const projectId = randomUUID();
  const values = [projectId, caller.organizationId];
  await pool.query("INSERT INTO projects (id, organization_id, name) VALUES ($1, $2, 'another')", values);
  return { ...caller, projectId };
}

onEveryPostgres('creating a batch', (database) => {
  let storage: ObjectStorage;
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'zerogpu-test-'));
    storage = await openFolderStorage(folder);
  });
  afterEach(async () => {
    await storage.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** A tenant, and what makes batches. */
  async function open(changes: Partial<CreationServices> = {}) {
    const pool = await database();
    const { caller } = await makeTenant(pool, secrets);
    const seen = { wakes: 0, events: [] as unknown[], reports: [] as unknown[], now: NOW };
    const creation = new BatchCreation({
      pool,
      storage,
      room: { checkBatches: async () => {} },
      limits: { endpoints: [BATCH_ENDPOINT], maxLines: 5000, maxFileBytes: 1e6, maxLineBytes: 1000 },
      workerId: 'wrk_test',
      notify: async (_, event) => void seen.events.push(event),
      wake: () => {
        seen.wakes += 1;
      },
      now: () => seen.now,
      report: (_, cause) => void seen.reports.push(cause),
      retryMs: 10,
      ...changes,
    });
    const create = (inputFileId: string, who = caller, keep = keepNothing, hangup = never) =>
      creation.create({
        caller: who,
        requestId: newId('request'),
        batch: { inputFileId, endpoint: BATCH_ENDPOINT, metadata: { name: 'nul \0' } },
        hangup,
        keep,
      });
    return { pool, caller, seen, creation, create };
  }

  async function upload(pool: Pool, { projectId }: Caller, text: string, changes: object = {}) {
    const id = newId('file');
    const stored = await storage.put(
      objectName(projectId, id),
      (async function* () {
        yield Buffer.from(text);
      })(),
    );
    const row = { state: 'stored', deleted_at: null, expires_at: new Date(NOW + 1), ...changes };
    await pool.query(
      `INSERT INTO files (id, project_id, state, purpose, filename, bytes, block_hashes, created_at, deleted_at, expires_at)
       VALUES ($1, $2, $3, 'batch', 'x', $4, $5, now(), $6, $7)`,
      [id, projectId, row.state, stored.bytes, stored.blockHashes, row.deleted_at, row.expires_at],
    );
    return id;
  }

  const batchesOf = async (pool: Pool) => (await pool.query<BatchRow>('SELECT * FROM batches')).rows;
  const linesOf = async (pool: Pool) =>
    (await pool.query('SELECT * FROM batch_lines ORDER BY batch_id, number')).rows;

  it('writes down its lines and begins', async () => {
    const { pool, caller, seen, create } = await open();
    const text = `${line('a "quoted" \n id')}\r\n\n${line('\ud800')}`;
    const file = await upload(pool, caller, text);
    const answer = await create(file);
    expect(answer).toEqual({
      kind: 'json',
      body: {
        id: expect.stringMatching(/^batch_/),
        object: 'batch',
        endpoint: BATCH_ENDPOINT,
        errors: null,
        input_file_id: file,
        completion_window: '24h',
        status: 'in_progress',
        output_file_id: null,
        error_file_id: null,
        created_at: NOW / 1000,
        in_progress_at: NOW / 1000,
        expires_at: NOW / 1000 + 86_400,
        finalizing_at: null,
        completed_at: null,
        failed_at: null,
        expired_at: null,
        cancelling_at: null,
        cancelled_at: null,
        request_counts: { total: 2, completed: 0, failed: 0 },
        metadata: { name: 'nul \0' },
      },
    });
    const [batch] = await batchesOf(pool);
    expect(batch).toMatchObject({ key_id: caller.keyId, worker_id: null });
    const common = { batch_id: batch?.id, state: 'pending', attempts: 0, not_before: null, worker_id: null };
    const first = line('a "quoted" \n id').length;
    expect(await linesOf(pool)).toEqual([
      { ...common, number: 1, custom_id: JSON.stringify('a "quoted" \n id'), start: 0n, length: first },
      {
        ...common,
        number: 3,
        custom_id: '"\\ud800"',
        start: BigInt(first + 3),
        length: line('\ud800').length,
      },
    ]);
    expect(seen).toMatchObject({ wakes: 1, events: [], reports: [] });
  });

  it('writes down more lines than one statement takes', async () => {
    const { pool, caller, create } = await open();
    const text = Array.from({ length: 4500 }, (_, i) => line(`id ${i}`)).join('\n');
    expect(await create(await upload(pool, caller, text))).toMatchObject({
      body: { status: 'in_progress', request_counts: { total: 4500 } },
    });
    const lines = await linesOf(pool);
    expect(lines.map(({ custom_id }) => custom_id)).toEqual(lines.map((_, i) => `"id ${i}"`));
    const bytes = Buffer.from(text);
    for (const { start, length, custom_id } of lines) {
      const cut = bytes.subarray(Number(start), Number(start) + length).toString();
      expect(JSON.stringify(JSON.parse(cut).custom_id)).toBe(custom_id);
    }
  });

  it('fails with the first fault, leaves no lines, and tells of it', async () => {
    const { pool, caller, seen, create } = await open();
    const good = Array.from({ length: 2500 }, (_, i) => line(`${i}`)).join('\n');
    const file = await upload(pool, caller, `${good}\n${line('7')}\n[]`);
    const kept: unknown[] = [];
    const fault = {
      code: 'invalid_value',
      message: 'Line 2501 duplicates custom_id "7"',
      line: 2501,
      param: 'custom_id',
    };
    const answer = await create(file, caller, async (_, one) => void kept.push(one));
    expect(answer).toEqual({
      kind: 'json',
      status: 400,
      body: { error: { ...fault, type: 'invalid_request_error' } },
    });
    expect(kept).toEqual([answer]);
    expect(await linesOf(pool)).toEqual([]);
    const [batch] = await batchesOf(pool);
    expect(batch).toMatchObject({
      status: 'failed',
      failed_at: new Date(NOW),
      in_progress_at: null,
      total: 0,
    });
    expect(JSON.parse(batch?.errors ?? '')).toEqual([fault]);
    expect(seen).toMatchObject({ wakes: 0, events: [{ kind: 'batch.failed' }], reports: [] });
  });

  it('fails before reading a file that is too large', async () => {
    const { pool, caller, create } = await open({ storage: { read: () => expect.unreachable() } });
    const file = await upload(pool, caller, 'x'.repeat(1e6 + 1));
    const message = 'Input file exceeds maximum size of 1000000 bytes';
    expect(await create(file)).toMatchObject({ status: 400, body: { error: { message } } });
    expect(await batchesOf(pool)).toMatchObject([{ status: 'failed' }]);
  });

  it('is refused for files that are not there, all in the same words', async () => {
    const { pool, caller, create } = await open();
    const other = await makeTenant(pool, secrets);
    const files = [
      newId('file'),
      'file-\0',
      await upload(pool, other.caller, line('a')),
      await upload(pool, caller, line('a'), { deleted_at: new Date(NOW) }),
      await upload(pool, caller, line('a'), { expires_at: new Date(NOW) }),
      await upload(pool, caller, line('a'), { state: 'storing' }),
    ];
    for (const file of files) {
      await expect(create(file)).rejects.toMatchObject({
        code: 'file_not_found',
        message: `Input file not found: ${file}`,
        param: 'input_file_id',
      });
    }
    expect(await batchesOf(pool)).toEqual([]);
  });

  it.each([
    ['missing', 'file_not_found', (file: string) => `Input file object missing: ${file}`],
    ['damaged', 'storage_error', () => 'The file storage did not answer; try again later'],
    ['unavailable', 'storage_error', () => 'The file storage did not answer; try again later'],
  ] as const)('fails when the storage says %s', async (kind, code, message) => {
    const text = Array.from({ length: 3000 }, (_, i) => line(`${i}`)).join('\n');
    const read = async function* () {
      yield Buffer.from(text.slice(0, text.length / 2));
      throw new StorageError(kind, 'private words');
    };
    const { pool, caller, create } = await open({ storage: { read } });
    const file = await upload(pool, caller, text);
    const kept: unknown[] = [];
    const failing = create(file, caller, async (_, one) => void kept.push(one));
    await expect(failing).rejects.toMatchObject({ code, message: message(file) });
    const [batch] = await batchesOf(pool);
    expect(batch).toMatchObject({ status: 'failed', worker_id: null });
    expect(JSON.parse(batch?.errors ?? '')).toMatchObject([{ code, message: message(file) }]);
    expect(await linesOf(pool)).toEqual([]);
    // Who asks again may have more luck.
    expect(kept).toEqual([]);
  });

  it('fails, and does not begin, when its answer cannot be kept', async () => {
    const { pool, caller, seen, create } = await open();
    const file = await upload(pool, caller, line('a'));
    const keep = () => Promise.reject(new Error('taken over'));
    await expect(create(file, caller, keep)).rejects.toMatchObject({ code: 'internal_error' });
    expect(await batchesOf(pool)).toMatchObject([{ status: 'failed' }]);
    expect(await linesOf(pool)).toEqual([]);
    expect(seen.wakes).toBe(0);
  });

  it('goes on when its caller goes away once it has begun', async () => {
    const away = new AbortController();
    const { pool, caller, create } = await open({
      storage: {
        read: (...asked) => {
          away.abort(new Error('away'));
          return storage.read(...asked);
        },
      },
    });
    const file = await upload(pool, caller, line('a'));
    const answer = await create(file, caller, keepNothing, away.signal);
    expect(answer).toMatchObject({ body: { status: 'in_progress' } });
    await expect(create(file, caller, keepNothing, away.signal)).rejects.toThrow('away');
    expect(await batchesOf(pool)).toHaveLength(1);
  });

  it('reads two files of an organization at once, however many projects it has', async () => {
    const reading: string[] = [];
    const go = Promise.withResolvers<void>();
    const read: ObjectStorage['read'] = async function* (name, range) {
      reading.push(name.split('/')[0]!);
      await go.promise;
      yield* storage.read(name, range);
    };
    const { pool, caller, create } = await open({ storage: { read } });
    const begin = async (who: Caller) => create(await upload(pool, who, line('a')), who);
    const own = await Promise.all([caller, caller, caller].map((one) => inAnotherProject(pool, one)));
    const { caller: other } = await makeTenant(pool, secrets);
    const creating = Promise.all([...own.map(begin), begin(other)]);
    await vi.waitFor(() => expect(reading).toContain(other.projectId));
    await vi.waitFor(() => expect(reading.length).toBeGreaterThan(2));
    expect(own.filter(({ projectId }) => reading.includes(projectId))).toHaveLength(2);
    go.resolve();
    await creating;
  });

  it('fails when the server is stopped meanwhile', async () => {
    const reading = Promise.withResolvers<void>();
    const read = async function* () {
      yield Buffer.from(`${line('a')}\n${line('b')}\n`);
      reading.resolve();
      await closed.promise;
      yield Buffer.from(line('c'));
    };
    const closed = Promise.withResolvers<void>();
    const { pool, caller, creation, create } = await open({ storage: { read } });
    const file = await upload(pool, caller, `${line('a')}\n${line('b')}\n${line('c')}`);
    const creating = expect(create(file)).rejects.toMatchObject({ code: 'internal_error' });
    await reading.promise;
    const closing = creation.close();
    closed.resolve();
    await Promise.all([creating, closing]);
    const [batch] = await batchesOf(pool);
    expect(batch?.status).toBe('failed');
    expect(batch?.errors).toContain('The server was stopped while it read the input file');
    expect(await linesOf(pool)).toEqual([]);
    await expect(create(file)).rejects.toMatchObject({ code: 'internal_error' });
  });

  it('writes nothing more once another worker took it for abandoned', async () => {
    const { pool, caller, creation, create } = await open({
      storage: {
        read: async function* (...asked) {
          await pool.query("UPDATE batches SET status = 'failed', worker_id = NULL");
          yield* storage.read(...asked);
        },
      },
    });
    const file = await upload(pool, caller, line('a'));
    await expect(create(file)).rejects.toMatchObject({ code: 'internal_error' });
    expect(await linesOf(pool)).toEqual([]);
    expect(await batchesOf(pool)).toMatchObject([{ status: 'failed', errors: null }]);
    await creation.close();
  });

  it('goes on when the database ends every connection', async () => {
    const end =
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()';
    const text = Array.from({ length: 4500 }, (_, i) => line(`${i}`)).join('\n');
    const { pool, caller, create } = await open({
      storage: {
        read: async function* (...asked) {
          for await (const chunk of storage.read(...asked)) {
            await pool.query(end);
            yield chunk;
          }
        },
      },
    });
    const answer = await create(await upload(pool, caller, text));
    expect(answer).toMatchObject({ body: { status: 'in_progress', request_counts: { total: 4500 } } });
    expect(await linesOf(pool)).toHaveLength(4500);
  });

  it('is written down as failed as soon as that can be written', async () => {
    const { pool, caller, seen, creation, create } = await open({
      storage: {
        read: async function* (...asked) {
          await pool.query('ALTER TABLE batch_lines RENAME TO elsewhere');
          yield* storage.read(...asked);
        },
      },
    });
    const file = await upload(pool, caller, line('a'));
    await expect(create(file)).rejects.toMatchObject({ code: 'internal_error' });
    expect(await batchesOf(pool)).toMatchObject([{ status: 'validating' }]);
    expect(seen.reports).toHaveLength(1);
    await pool.query('ALTER TABLE elsewhere RENAME TO batch_lines');
    await expect.poll(() => batchesOf(pool), { timeout: 10_000 }).toMatchObject([{ status: 'failed' }]);
    expect(seen.events).toMatchObject([{ kind: 'batch.failed' }]);
    await creation.close();
  });

  it('is cancelled once its lines are known, when that was asked while it read them', async () => {
    const cancelled: unknown[] = [];
    const { pool, caller, seen, create } = await open({
      storage: {
        read: async function* (...asked) {
          const [batch] = await batchesOf(pool);
          for (const now of [NOW + 5000, NOW + 9000]) {
            const cancel = () =>
              inTenant(pool, caller, (db) => cancelBatch(db, caller.projectId, batch!.id, now));
            cancelled.push(await cancel());
          }
          yield* storage.read(...asked);
        },
      },
    });
    const answer = await create(await upload(pool, caller, line('a')));
    const cancelling = { cancelling_at: new Date(NOW + 5000) };
    expect(cancelled).toMatchObject([
      { status: 'validating', ...cancelling },
      { status: 'validating', ...cancelling },
    ]);
    expect(answer).toMatchObject({ body: { status: 'cancelling', cancelling_at: NOW / 1000 + 5 } });
    expect(seen.wakes).toBe(1);
    expect(await linesOf(pool)).toHaveLength(1);
  });

  it('is cancelled while it goes on, the same twice, and not once it ends', async () => {
    const { pool, caller, create } = await open();
    const other = await makeTenant(pool, secrets);
    await create(await upload(pool, caller, line('a')));
    const [batch] = await batchesOf(pool);
    const id = batch?.id ?? '';
    const cancel = (who: Caller, now: number) =>
      inTenant(pool, who, (db) => cancelBatch(db, who.projectId, id, now));
    expect(await cancel(other.caller, NOW)).toBeNull();
    expect(await cancel(caller, NOW + 1000)).toMatchObject({
      status: 'cancelling',
      cancelling_at: new Date(NOW + 1000),
    });
    expect(await cancel(caller, NOW + 2000)).toMatchObject({ cancelling_at: new Date(NOW + 1000) });
    await pool.query("UPDATE batches SET status = 'in_progress', ending = 'expired', cancelling_at = NULL");
    const message = 'A batch that has expired cannot be cancelled';
    await expect(cancel(caller, NOW)).rejects.toMatchObject({ code: 'batch_not_cancellable', message });
    for (const status of ['finalizing', 'completed', 'failed', 'cancelled', 'expired']) {
      await pool.query('UPDATE batches SET status = $1', [status]);
      await expect(cancel(caller, NOW)).rejects.toMatchObject({
        code: 'batch_not_cancellable',
        message: `A batch that is ${status} cannot be cancelled`,
      });
    }
  });

  it('is seen by its project alone, newest first and page by page', async () => {
    const { pool, caller, seen, create } = await open();
    const other = await makeTenant(pool, secrets);
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) {
      seen.now = NOW - i;
      await create(await upload(pool, caller, line('a')));
    }
    for (const { id } of await batchesOf(pool)) ids.push(id);
    ids.sort().reverse();
    const list = (who: Caller, before: string | null, most: number) =>
      inTenant(pool, who, (db) => listBatches(db, who.projectId, before, most));
    const idsOf = (rows: readonly BatchRow[]) => rows.map(({ id }) => id);
    expect(idsOf(await list(caller, null, 3))).toEqual(ids.slice(0, 3));
    expect(idsOf(await list(caller, ids[2]!, 3))).toEqual(ids.slice(3));
    expect(await list(other.caller, null, 3)).toEqual([]);
    const find = (who: Caller, id: string) => inTenant(pool, who, (db) => findBatch(db, who.projectId, id));
    expect(await find(caller, ids[0]!)).toMatchObject({ id: ids[0] });
    for (const id of [ids[0]!]) expect(await find(other.caller, id)).toBeNull();
    for (const id of [newId('batch'), 'batch_\0', '']) expect(await find(caller, id)).toBeNull();
    // The first fence forgotten: row-level security still shows nothing.
    const stray = await inTenant(pool, other.caller, (db) => listBatches(db, caller.projectId, null, 9));
    expect(stray).toEqual([]);
  });
});
