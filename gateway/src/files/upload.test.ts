import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { newId } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import { expect, it } from 'vitest';
import { Places } from '../admin/places.ts';
import type { CallerRequest } from '../caller-route.ts';
import type { CreateOnce } from '../create-once.ts';
import { hashBlocks } from '../storage/blocks.ts';
import { type ObjectStorage, StorageError } from '../storage/object-storage.ts';
import { Secrets } from '../store/secrets.ts';
import { onEveryPostgres } from '../testing/postgres.ts';
import { makeTenant } from '../testing/tenant.ts';
import { FileStore } from './file-store.ts';
import { sweepFiles } from './sweep-files.ts';
import { type UploadServices, upload } from './upload.ts';

const secrets = new Secrets('a secret of the tests, long enough');
const NOW = Date.UTC(2030, 0, 1);
const DAY = 24 * 60 * 60_000;
const FORM = Buffer.from(
  '--x\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n' +
    '--x\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nhello\r\n--x--\r\n',
);

/** Objects by name, in memory; `removing` may fail. */
class MemoryStorage implements Pick<ObjectStorage, 'put' | 'remove'> {
  readonly objects = new Map<string, Buffer>();
  putting: (name: string) => Promise<void> = async () => {};
  removing: () => Promise<void> = async () => {};

  async put(name: string, source: AsyncIterable<Uint8Array>) {
    const { blocks, stored } = hashBlocks(source);
    const all: Buffer[] = [];
    for await (const block of blocks) all.push(Buffer.from(block));
    await this.putting(name);
    this.objects.set(name, Buffer.concat(all));
    return stored();
  }

  async remove(name: string) {
    await this.removing();
    this.objects.delete(name);
  }
}

const always: CreateOnce = (_creation, make) => make(async () => {});

async function setUp(pool: Pool, changes: Partial<UploadServices> = {}) {
  const { caller } = await makeTenant(pool, secrets);
  const storage = new MemoryStorage();
  const reported: unknown[] = [];
  const services: UploadServices = {
    pool,
    files: new FileStore(pool),
    storage,
    createOnce: always,
    places: new Places(4, 4, 'uploads'),
    room: { check: async () => {} },
    maxBytes: 1_000,
    days: 30,
    stallMs: 5_000,
    now: () => NOW,
    report: (_requestId, cause) => reported.push(cause),
    ...changes,
  };
  const send = () => {
    const body = new IncomingMessage(new Socket());
    body.push(FORM);
    body.push(null);
    const request: CallerRequest = {
      caller,
      requestId: newId('request'),
      now: NOW,
      params: {},
      query: new URLSearchParams(),
      headers: { 'content-type': 'multipart/form-data; boundary=x' },
      body,
      hangup: new AbortController().signal,
    };
    return upload(services, request);
  };
  const states = async () =>
    (await pool.query<{ state: string }>('SELECT state FROM files')).rows.map(({ state }) => state);
  return { storage, send, states, reported, pool };
}

onEveryPostgres('upload', (database) => {
  it('stores a file', async () => {
    const { storage, send, states } = await setUp(await database());
    const { body } = await send();
    expect(body).toMatchObject({ filename: 'a', bytes: 5, purpose: 'batch' });
    expect([...storage.objects.values()].map(String)).toEqual(['hello']);
    expect(await states()).toEqual(['stored']);
  });

  it('leaves nothing of what the storage did not take', async () => {
    const { storage, send, states } = await setUp(await database());
    storage.putting = async () => {
      throw new StorageError('full', 'No space left on /dev/secret');
    };
    await expect(send()).rejects.toMatchObject({
      code: 'storage_error',
      message: 'The file storage has no room left; delete files, or try again later',
    });
    expect(await states()).toEqual([]);
  });

  it('keeps what was made a file, also when its transaction seemed to fail', async () => {
    const lost: CreateOnce = async (_creation, make) => {
      await make(async () => {});
      throw new Error('The connection broke while it committed');
    };
    const { storage, send, states } = await setUp(await database(), { createOnce: lost });
    await expect(send()).rejects.toThrow('broke while it committed');
    expect(await states()).toEqual(['stored']);
    expect(storage.objects.size).toBe(1);
  });

  it('removes what it stored when the answer is another upload’s', async () => {
    const replay: CreateOnce = async () => ({ kind: 'json', body: { id: 'file-first' }, replayed: true });
    const { storage, send, states } = await setUp(await database(), { createOnce: replay });
    expect((await send()).body).toEqual({ id: 'file-first' });
    expect(await states()).toEqual([]);
    expect(storage.objects.size).toBe(0);
  });

  it('is told when a sweeper took it for abandoned, and leaves nothing to find', async () => {
    const { storage, send, states, pool } = await setUp(await database());
    storage.putting = async () => {
      await sweepFiles({ pool, storage }, NOW + DAY);
    };
    await expect(send()).rejects.toMatchObject({
      code: 'storage_error',
      message: 'The upload was taken for abandoned; upload the file again',
    });
    expect(storage.objects.size).toBe(0);
    expect(await states()).toEqual([]);
  });

  it('leaves to the sweeper what cannot be removed at once', async () => {
    const failing: CreateOnce = async () => {
      throw new Error('no');
    };
    const { storage, send, states, reported, pool } = await setUp(await database(), { createOnce: failing });
    storage.removing = async () => {
      throw new StorageError('unavailable', 'away');
    };
    await expect(send()).rejects.toThrow('no');
    expect(await states()).toEqual(['storing']);
    expect(reported).toHaveLength(1);
    storage.removing = async () => {};
    await sweepFiles({ pool, storage }, NOW + DAY);
    expect(storage.objects.size).toBe(0);
  });
});
