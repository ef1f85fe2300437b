import { randomUUID } from 'node:crypto';
import { type BatchStatus, newId } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import { afterEach, expect, it } from 'vitest';
import { silentLog } from '../store/log.ts';
import { Secrets } from '../store/secrets.ts';
import { makePerson, type OpenAdmin, openAdmin, PERSON_HEADER } from '../testing/open-admin.ts';
import { type Database, onEveryPostgres } from '../testing/postgres.ts';
import { makeTenant } from '../testing/tenant.ts';
import { makeBatchHandlers } from './batch-handlers.ts';
import { BatchTail } from './batch-tail.ts';

const secrets = new Secrets('a secret of the tests, long enough');
const LOOK_MS = 20;
/** The test looks by itself. */
const NEVER_MS = 2 ** 30;
const TIMES = { admitMs: 20, heartbeatMs: 20 };

let admin: OpenAdmin | null = null;
const readers: AbortController[] = [];
afterEach(async () => {
  for (const reader of readers.splice(0)) reader.abort();
  await admin?.close();
  admin = null;
});

async function setUp(database: Database, lookMs = LOOK_MS) {
  const pool = await database();
  const queries = { count: 0 };
  const counted = new Proxy(pool, {
    get(target, name) {
      if (name === 'query') queries.count++;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const member = { still: true };
  const tail = new BatchTail({ pool: counted, log: silentLog, now: Date.now, lookMs });
  const services = { tail, stillAdmitted: async () => member.still, now: Date.now, times: TIMES };
  const open = await openAdmin(pool, makeBatchHandlers(services));
  admin = open;
  const { caller } = await makeTenant(pool, secrets);
  const { organizationId, projectId, keyId } = caller;
  const people = {
    developer: await makePerson(pool, organizationId, 'developer'),
    viewer: await makePerson(pool, organizationId, 'viewer'),
  };
  const path = `/api/projects/${projectId}/batches`;
  const make = (changes: Changes = {}) => insertBatch(pool, { projectId, keyId, ...changes });
  const follow = (person = people.viewer) => followStream(`${open.url}${path}/stream`, person);
  return { pool, admin: open, caller, people, path, make, follow, member, queries, tail };
}

interface Changes {
  readonly projectId?: string;
  readonly keyId?: string;
  readonly status?: BatchStatus;
  readonly total?: number;
  readonly completed?: number;
  readonly failed?: number;
  readonly errors?: string;
  /** Seconds ago. */
  readonly since?: number;
}

/** Ids of one millisecond have any order. */
let madeAt = 0;

async function insertBatch(pool: Pool, changes: Changes): Promise<string> {
  const { projectId, keyId, status = 'in_progress', total = 100, since = 10 } = changes;
  madeAt = Math.max(madeAt + 1, Date.now());
  const id = newId('batch', madeAt);
  await pool.query(
    `INSERT INTO batches (id, project_id, key_id, endpoint, input_file_id, status, total, completed, failed, errors,
       metadata, created_at, expires_at, in_progress_at)
     VALUES ($1, $2, $3, '/v1/chat/completions', $4, $5, $6, $7, $8, $9, '{"a":"b"}', now(),
       now() + interval '1 day', now() - $10 * interval '1 second')`,
    [
      ...[id, projectId, keyId, newId('file'), status, total, changes.completed ?? 0, changes.failed ?? 0],
      ...[changes.errors ?? null, since],
    ],
  );
  return id;
}

// biome-ignore lint/suspicious/noExplicitAny: an event as a client sees it, whose fields a test goes on to check
type Json = any;

/** Events as they come; `next` waits for one. */
async function followStream(url: string, person: string) {
  const reader = new AbortController();
  readers.push(reader);
  const response = await fetch(url, { headers: { [PERSON_HEADER]: person }, signal: reader.signal });
  const events = eventsOf(response);
  return {
    status: response.status,
    /** @returns null at the end of the stream */
    async next(): Promise<{ readonly name: string; readonly data: Json } | null> {
      const { done, value } = await events.next();
      return done ? null : value;
    },
    leave: () => reader.abort(),
  };
}

async function* eventsOf(response: Response) {
  let text = '';
  const decoder = new TextDecoder();
  for await (const piece of response.body ?? []) {
    text += decoder.decode(piece, { stream: true });
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const [, name, data] = /^event: (.*)\ndata: (.*)$/m.exec(block) ?? [];
      if (name !== undefined && data !== undefined) yield { name, data: JSON.parse(data) as Json };
    }
  }
}

onEveryPostgres('batches for people', (database) => {
  it('are listed newest first, in pages, and by status', async () => {
    const { admin, path, people, make } = await setUp(database);
    const ids = [await make(), await make({ status: 'completed' }), await make(), await make()];
    const pages: string[][] = [];
    for (let next: string | null = ''; next !== null; ) {
      const { json }: Json = await admin.call(people.viewer, 'GET', `${path}?limit=3&after=${next}`);
      pages.push(json.data.map(({ id }: Json) => id));
      next = json.next;
    }
    expect(pages).toEqual([ids.slice(1).reverse(), [ids[0]]]);
    const completed = await admin.call(people.viewer, 'GET', `${path}?status=completed`);
    expect(completed.json.data.map(({ id }: Json) => id)).toEqual([ids[1]]);
    expect((await admin.call(people.viewer, 'GET', `${path}?status=done`)).status).toBe(400);
    expect((await admin.call(people.viewer, 'GET', `${path}?after=nonsense`)).status).toBe(400);
  });

  it('show the key that made them, how they get on, and what was wrong', async () => {
    const { admin, path, people, make, caller } = await setUp(database);
    const id = await make({ completed: 20, failed: 5, since: 10 });
    const { json } = await admin.call(people.viewer, 'GET', `${path}/${id}`);
    expect(json).toMatchObject({
      id,
      project_id: caller.projectId,
      status: 'in_progress',
      key: { id: caller.keyId, name: 'test', masked: expect.stringMatching(/^zgpu-api-.{4}….{4}$/) },
      request_counts: { total: 100, completed: 20, failed: 5 },
      errors: null,
      metadata: { a: 'b' },
      completed_at: null,
    });
    expect(json.progress.lines_per_second).toBeCloseTo(2.5, 0);
    const left = Date.parse(json.progress.estimated_end) - admin.clock.now;
    expect(Math.round(left / 10_000)).toBe(3);
    const fault = { code: 'invalid_json', message: 'Line 2 is not valid JSON', line: 2, param: null };
    const failed = await make({ status: 'failed', total: 0, errors: JSON.stringify([fault]) });
    const shown = await admin.call(people.viewer, 'GET', `${path}/${failed}`);
    expect(shown.json).toMatchObject({ status: 'failed', errors: [fault], progress: null });
    expect((await admin.call(people.viewer, 'GET', `${path}/${newId('batch')}`)).status).toBe(404);
    expect((await admin.call(people.viewer, 'GET', `${path}/batch_%00`)).status).toBe(404);
    expect(admin.reports).toEqual([]);
  });

  it('are cancelled by developers, which the audit log tells, and not once they have ended', async () => {
    const { pool, admin, path, people, make } = await setUp(database);
    const id = await make();
    expect((await admin.call(people.viewer, 'POST', `${path}/${id}/cancel`)).status).toBe(403);
    const cancelled = await admin.call(people.developer, 'POST', `${path}/${id}/cancel`);
    expect(cancelled.json).toMatchObject({ id, status: 'cancelling', progress: { estimated_end: null } });
    expect(cancelled.json.cancelling_at).not.toBeNull();
    const ended = await make({ status: 'completed' });
    const late = await admin.call(people.developer, 'POST', `${path}/${ended}/cancel`);
    expect([late.status, late.json.error.code]).toEqual([409, 'batch_not_cancellable']);
    const { rows } = await pool.query('SELECT action, object_kind, object_id, person_id FROM audit_log');
    expect(rows).toEqual([
      { action: 'batch.cancelled', object_kind: 'batch', object_id: id, person_id: people.developer },
    ]);
  });
});

onEveryPostgres('the progress of batches', (database) => {
  it('is told at first of every open one, then when something changes, until each has ended', async () => {
    const { pool, make, follow, caller } = await setUp(database);
    const id = await make({ completed: 1 });
    await make({ status: 'completed' });
    const other = await makeTenant(pool, secrets);
    await make({ projectId: other.caller.projectId, keyId: other.caller.keyId });
    const stream = await follow();
    const first = await stream.next();
    expect(first).toMatchObject({
      name: 'batch',
      data: { id, status: 'in_progress', request_counts: { total: 100, completed: 1, failed: 0 } },
    });
    await pool.query('UPDATE batches SET completed = 90 WHERE id = $1', [id]);
    expect((await stream.next())?.data.request_counts.completed).toBe(90);
    await pool.query("UPDATE batches SET completed = 100, status = 'completed' WHERE id = $1", [id]);
    const last = await stream.next();
    expect(last?.data).toEqual({
      id,
      status: 'completed',
      request_counts: { total: 100, completed: 100, failed: 0 },
      progress: null,
    });
    const later = await make({ projectId: caller.projectId });
    expect((await stream.next())?.data.id).toBe(later);
  });

  it('is told of one that began and ended between two looks, once', async () => {
    const { make, follow, tail } = await setUp(database, NEVER_MS);
    await make({ status: 'completed' });
    const stream = await follow();
    await tail.look();
    const short = await make({ status: 'completed', completed: 100 });
    await tail.look();
    await tail.look();
    expect((await stream.next())?.data).toMatchObject({ id: short, status: 'completed', progress: null });
    const next = await make();
    await tail.look();
    expect((await stream.next())?.data.id).toBe(next);
  });

  it('ends with the membership', async () => {
    const { follow, member } = await setUp(database);
    const stream = await follow();
    member.still = false;
    expect(await stream.next()).toEqual({ name: 'end', data: {} });
    expect(await stream.next()).toBeNull();
  });

  it('is asked of the database once for all who follow, and not when nobody does', async () => {
    const { make, follow, queries, tail } = await setUp(database, NEVER_MS);
    const id = await make();
    const streams = await Promise.all(Array.from({ length: 10 }, () => follow()));
    await tail.look();
    for (const stream of streams) expect((await stream.next())?.data.id).toBe(id);
    const before = queries.count;
    await tail.look();
    expect(queries.count).toBe(before + 1);
    for (const stream of streams) stream.leave();
    // Connections close a moment after they are left.
    for (let asked = 1; asked > 0; ) {
      const left = queries.count;
      await tail.look();
      asked = queries.count - left;
    }
  });

  it('is followed by twenty of an organization at most; who leaves makes room', async () => {
    const { follow } = await setUp(database);
    const streams = await Promise.all(Array.from({ length: 20 }, () => follow()));
    expect(streams.every(({ status }) => status === 200)).toBe(true);
    expect((await follow()).status).toBe(429);
    streams[0]?.leave();
    for (let status = 429; status !== 200; ) ({ status } = await follow());
  });

  it('is none of a project that is not there', async () => {
    const { admin, people } = await setUp(database);
    const missing = `${admin.url}/api/projects/${randomUUID()}/batches/stream`;
    expect((await followStream(missing, people.viewer)).status).toBe(404);
  });
});
