import { newId } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import { afterEach, expect, it } from 'vitest';
import { hashBlocks } from '../storage/blocks.ts';
import { objectName } from '../storage/file.ts';
import { type ByteRange, type ObjectStorage, StorageError } from '../storage/object-storage.ts';
import { Secrets } from '../store/secrets.ts';
import { makePerson, type OpenAdmin, openAdmin, PERSON_HEADER } from '../testing/open-admin.ts';
import { type Database, onEveryPostgres } from '../testing/postgres.ts';
import { makeTenant } from '../testing/tenant.ts';
import { makeFileHandlers } from './file-handlers.ts';

const secrets = new Secrets('a secret of the tests, long enough');
/** Three blocks; bytes that are no UTF-8, too. */
const CONTENT = Buffer.alloc(600_000, Buffer.from([0x7b, 0xff, 0xc3, 0x0a]));

let admin: OpenAdmin | null = null;
afterEach(async () => {
  await admin?.close();
  admin = null;
});

class MemoryStorage implements Pick<ObjectStorage, 'read'> {
  readonly objects = new Map<string, Buffer>();
  /** When it has given so many bytes, it waits for this. */
  gate: Promise<void> = Promise.resolve();

  async *read(name: string, { start, end }: ByteRange): AsyncGenerator<Buffer> {
    const bytes = this.objects.get(name);
    if (bytes === undefined) throw new StorageError('missing', `${name} is not there`);
    yield bytes.subarray(start, Math.min(end, 300_000));
    await this.gate;
    if (end > 300_000) yield bytes.subarray(300_000, end);
  }
}

async function setUp(database: Database) {
  const pool = await database();
  const storage = new MemoryStorage();
  const open = await openAdmin(pool, makeFileHandlers({ storage }));
  admin = open;
  const { caller } = await makeTenant(pool, secrets);
  const { organizationId, projectId } = caller;
  const people = {
    developer: await makePerson(pool, organizationId, 'developer'),
    viewer: await makePerson(pool, organizationId, 'viewer'),
  };
  const path = `/api/projects/${projectId}/files`;
  const make = (changes: Changes = {}) => insertFile(pool, storage, projectId, changes);
  const content = (id: string, person = people.developer) =>
    fetch(`${open.url}${path}/${id}/content`, { headers: { [PERSON_HEADER]: person } });
  return { pool, storage, admin: open, people, path, projectId, make, content };
}

interface Changes {
  readonly content?: Buffer;
  readonly purpose?: string;
  readonly state?: string;
  readonly filename?: string;
  /** Seconds from now. */
  readonly expires?: number;
}

/** Ids of one millisecond have any order. */
let madeAt = 0;

async function insertFile(
  pool: Pool,
  storage: MemoryStorage,
  projectId: string,
  changes: Changes,
): Promise<string> {
  const { content = CONTENT, purpose = 'batch', state = 'stored', filename = 'lines.jsonl' } = changes;
  madeAt = Math.max(madeAt + 1, Date.now());
  const id = newId('file', madeAt);
  const hashed = hashBlocks(
    (async function* () {
      yield content;
    })(),
  );
  for await (const _ of hashed.blocks);
  const { bytes, blockHashes } = hashed.stored();
  storage.objects.set(objectName(projectId, id), content);
  await pool.query(
    `INSERT INTO files (id, project_id, state, purpose, filename, bytes, block_hashes, created_at, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, now(), now() + $8 * interval '1 second')`,
    [id, projectId, state, purpose, filename, bytes, blockHashes, changes.expires ?? 3600],
  );
  return id;
}

// biome-ignore lint/suspicious/noExplicitAny: an answer as a client sees it, whose fields a test goes on to check
type Json = any;

onEveryPostgres('files for people', (database) => {
  it('are listed newest first, in pages and by purpose, without those that callers do not see', async () => {
    const { admin, path, people, make } = await setUp(database);
    const ids = [await make(), await make({ purpose: 'batch_output' }), await make()];
    await make({ state: 'storing' });
    await make({ expires: -1 });
    const idsOf = async (query: string) => {
      const { json } = await admin.call(people.viewer, 'GET', `${path}${query}`);
      return [json.data.map(({ id }: Json) => id), json.next] as const;
    };
    expect(await idsOf('')).toEqual([ids.toReversed(), null]);
    expect((await idsOf('?purpose=batch_output'))[0]).toEqual([ids[1]]);
    const [first, next] = await idsOf('?limit=2');
    expect(first).toEqual([ids[2], ids[1]]);
    expect(await idsOf(`?limit=2&after=${next}`)).toEqual([[ids[0]], null]);
  });

  it('are shown, deleted by developers, and then no more', async () => {
    const { pool, admin, path, people, projectId, make, content } = await setUp(database);
    const id = await make();
    const shown = await admin.call(people.viewer, 'GET', `${path}/${id}`);
    expect(shown.json).toMatchObject({
      id,
      project_id: projectId,
      filename: 'lines.jsonl',
      purpose: 'batch',
      bytes: CONTENT.length,
      is_error: false,
    });
    expect((await admin.call(people.viewer, 'DELETE', `${path}/${id}`)).status).toBe(403);
    expect((await admin.call(people.developer, 'DELETE', `${path}/${id}`)).status).toBe(204);
    expect((await admin.call(people.developer, 'DELETE', `${path}/${id}`)).status).toBe(404);
    expect((await admin.call(people.viewer, 'GET', `${path}/${id}`)).status).toBe(404);
    expect((await content(id)).status).toBe(404);
    const { rows } = await pool.query('SELECT action, object_id, details FROM audit_log');
    expect(rows).toEqual([{ action: 'file.deleted', object_id: id, details: { filename: 'lines.jsonl' } }]);
  });

  it('give their bytes as they are, to developers', async () => {
    const { people, make, content } = await setUp(database);
    const id = await make({ filename: '../a "name"\r\nü.jsonl' });
    const response = await content(id);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/jsonl; charset=utf-8');
    expect(response.headers.get('content-disposition')).toBe('attachment; filename=".._a_name_.jsonl"');
    expect(CONTENT.equals(Buffer.from(await response.arrayBuffer()))).toBe(true);
    expect((await content(id, people.viewer)).status).toBe(403);
    const empty = await make({ content: Buffer.alloc(0) });
    expect((await content(empty)).status).toBe(200);
  });

  it('whose bytes are missing or damaged at the start are a storage_error; later, the answer breaks off', async () => {
    const { admin, storage, projectId, make, content } = await setUp(database);
    const [missing, damaged, late] = [await make(), await make(), await make()];
    storage.objects.delete(objectName(projectId, missing));
    storage.objects.set(objectName(projectId, damaged), Buffer.alloc(CONTENT.length));
    const last = Buffer.from(CONTENT);
    last[last.length - 1] = 0;
    storage.objects.set(objectName(projectId, late), last);
    for (const id of [missing, damaged]) {
      const response = await content(id);
      expect(response.status).toBe(500);
      const text = await response.text();
      expect(JSON.parse(text).error.code).toBe('storage_error');
      expect(text).not.toContain(id);
    }
    expect(admin.reports).toHaveLength(2);
    const broken = await content(late);
    expect(broken.status).toBe(200);
    await expect(broken.arrayBuffer()).rejects.toThrow();
  });

  it('are downloaded by four of an organization at once; who ends or leaves makes room', async () => {
    const { storage, make, content } = await setUp(database);
    const id = await make();
    const gate = Promise.withResolvers<void>();
    storage.gate = gate.promise;
    const open = await Promise.all(Array.from({ length: 4 }, () => content(id)));
    expect(open.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect((await content(id)).status).toBe(429);
    gate.resolve();
    for (const response of open) await response.arrayBuffer();
    for (let status = 429; status !== 200; ) {
      const response = await content(id);
      ({ status } = response);
      await response.body?.cancel();
    }
  });
});
