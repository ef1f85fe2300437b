import { findManifest, MANIFESTS } from '@zerogpu/catalogue';
import { API_KEY_PREFIX, isWellFormedSecret, maskSecret } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import { afterEach, expect, it } from 'vitest';
import { KeyDirectory } from '../auth/key-directory.ts';
import { silentLog } from '../store/log.ts';
import { Secrets } from '../store/secrets.ts';
import { everyRow, makePerson, type OpenAdmin, openAdmin } from '../testing/open-admin.ts';
import { type Database, onEveryPostgres } from '../testing/postgres.ts';
import { makeTenant } from '../testing/tenant.ts';
import { MAX_ACTIVE_KEYS, makeKeyHandlers } from './key-handlers.ts';

const secrets = new Secrets('a secret of the tests, long enough');
const MODEL = 'zlm-v1-summary-cloud';
const OTHER_MODEL = 'zlm-v1-iab-classify-edge';
const DAY = 86_400_000;
const NOWHERE = '00000000-0000-4000-8000-000000000000';

let admin: OpenAdmin | null = null;
afterEach(async () => {
  await admin?.close();
  admin = null;
});

async function setUp(database: Database) {
  const pool = await database();
  const open = await openAdmin(pool, makeKeyHandlers({ hashKey: (text) => secrets.hashKey(text) }));
  admin = open;
  const { caller } = await makeTenant(pool, secrets);
  const { organizationId, projectId } = caller;
  const people = {
    admin: await makePerson(pool, organizationId, 'admin'),
    developer: await makePerson(pool, organizationId, 'developer', 'Dora'),
    other: await makePerson(pool, organizationId, 'developer'),
    viewer: await makePerson(pool, organizationId, 'viewer'),
  };
  const path = `/api/projects/${projectId}/keys`;
  const create = (person: string, body: object = {}) =>
    open.call(person, 'POST', path, { name: 'new', ...body });
  return { pool, admin: open, caller, people, path, create, keys: directory(pool) };
}

function directory(pool: Pool): KeyDirectory {
  return new KeyDirectory(pool, secrets, silentLog);
}

onEveryPostgres('keys', (database) => {
  it('shows a new key once, and keeps its text in no table', async () => {
    const { pool, admin, people, path, create, keys, caller } = await setUp(database);
    const expires = new Date(admin.clock.now + DAY).toISOString();
    const settings = {
      name: 'Checkout',
      expires_at: expires,
      allowed_models: [MODEL],
      requests_per_minute: 10,
      tokens_per_minute: 2_000,
    };
    const made = await create(people.developer, settings);
    expect(made.status).toBe(201);
    const { key, ...rest } = made.json;
    expect(isWellFormedSecret(API_KEY_PREFIX, key)).toBe(true);
    expect(rest).toMatchObject({
      ...settings,
      project_id: caller.projectId,
      masked: maskSecret(key),
      status: 'active',
      created_by: { id: people.developer, name: 'Dora' },
      last_used_at: null,
      revoked_at: null,
    });
    expect((await admin.call(people.viewer, 'GET', `${path}/${rest.id}`)).json).toEqual(rest);
    const all = await everyRow(pool);
    // The dump does show what is in the tables, and the key's text and its random part are not.
    expect(all).toContain(rest.id);
    expect(all).not.toContain(key);
    expect(all).not.toContain(key.slice(API_KEY_PREFIX.length, -6));
    expect(await keys.find(key, admin.clock.now)).toMatchObject({ keyId: rest.id, ended: false });
    await keys.close();
  });

  it('lists the newest first, a page at a time, each key once', async () => {
    const { admin, people, path, create, caller } = await setUp(database);
    const names = ['a', 'b', 'c', 'd', 'e'];
    for (const name of names) await create(people.developer, { name });
    const seen: string[] = [];
    let after = '';
    do {
      const page = (await admin.call(people.viewer, 'GET', `${path}?limit=2${after}`)).json;
      expect(page.data.length).toBeLessThanOrEqual(2);
      expect(JSON.stringify(page)).not.toContain('"key"');
      seen.push(...page.data.map(({ name }: { name: string }) => name));
      after = page.next === null ? '' : `&after=${page.next}`;
    } while (after !== '');
    expect(seen).toEqual(['e', 'd', 'c', 'b', 'a', 'test']);
    const wrong = await admin.call(people.viewer, 'GET', `${path}?after=${caller.keyId}`);
    expect(wrong.json.error).toMatchObject({ code: 'invalid_value', param: 'after' });
  });

  it('revokes for good, and every gateway that forgot its second refuses the key', async () => {
    const { admin, people, path, create, keys, pool } = await setUp(database);
    const another = directory(pool);
    const { key, id } = (await create(people.developer)).json;
    const now = admin.clock.now;
    for (const gateway of [keys, another])
      expect(await gateway.find(key, now)).toMatchObject({ ended: false });
    const revoked = await admin.call(people.developer, 'POST', `${path}/${id}/revoke`);
    expect(revoked.json).toMatchObject({ status: 'revoked', revoked_at: new Date(now).toISOString() });
    for (const gateway of [keys, another]) {
      // Remembered until its second is over, and no longer.
      expect(await gateway.find(key, now + 999)).toMatchObject({ ended: false });
      expect(await gateway.find(key, now + 1_000)).toMatchObject({ ended: true });
      await gateway.close();
    }
    for (const [method, suffix, body] of [
      ['POST', '/revoke', undefined],
      ['PATCH', '', { name: 'x' }],
    ] as const) {
      const again = await admin.call(people.admin, method, `${path}/${id}${suffix}`, body);
      expect([again.status, again.json.error.code]).toEqual([409, 'state_conflict']);
    }
  });

  it('lets developers change their own keys, admins all, viewers none', async () => {
    const { admin, people, path, create } = await setUp(database);
    const { id } = (await create(people.developer)).json;
    const rename = (person: string) => admin.call(person, 'PATCH', `${path}/${id}`, { name: 'renamed' });
    expect((await rename(people.developer)).json).toMatchObject({ name: 'renamed' });
    expect((await rename(people.admin)).status).toBe(200);
    for (const person of [people.other, people.viewer]) {
      expect((await rename(person)).json.error).toMatchObject({ code: 'role_insufficient' });
      const revoke = await admin.call(person, 'POST', `${path}/${id}/revoke`);
      expect(revoke.json.error).toMatchObject({ code: 'role_insufficient' });
    }
    expect((await create(people.viewer)).json.error).toMatchObject({ code: 'role_insufficient' });
    expect((await admin.call('', 'GET', path)).status).toBe(401);
  });

  it('says the same of a key of another project, of none, and of no id at all', async () => {
    const { pool, admin, people, path, caller } = await setUp(database);
    const foreign = await makeTenant(pool, secrets);
    const { rows } = await pool.query(
      "INSERT INTO projects (organization_id, name) VALUES ($1, 'second') RETURNING id",
      [caller.organizationId],
    );
    const second = `/api/projects/${rows[0].id}/keys`;
    for (const [method, suffix, body] of [
      ['GET', '', undefined],
      ['PATCH', '', { name: 'mine' }],
      ['POST', '/revoke', undefined],
    ] as const) {
      const ask = (at: string) => admin.call(people.admin, method, `${at}${suffix}`, body);
      const missing = await ask(`${path}/${NOWHERE}`);
      expect(missing.status).toBe(404);
      for (const at of [
        `${path}/${foreign.caller.keyId}`,
        `${second}/${caller.keyId}`,
        `${path}/no-id`,
        `${path}/%00`,
      ]) {
        expect(await ask(at)).toEqual(missing);
      }
    }
    expect(await everyRow(pool)).not.toContain('mine');
  });

  it('takes models of the catalogue and of the project only', async () => {
    const { pool, people, create, caller } = await setUp(database);
    expect([MODEL, OTHER_MODEL].every((id) => findManifest(id) !== undefined)).toBe(true);
    const wrong = await create(people.developer, { allowed_models: ['gpt-nonsense'] });
    expect(wrong.json.error).toMatchObject({ code: 'invalid_value', param: 'allowed_models' });
    expect(wrong.json.error.message).toContain('"gpt-nonsense"');
    await pool.query('UPDATE projects SET allowed_models = $2 WHERE id = $1', [caller.projectId, [MODEL]]);
    const closed = await create(people.developer, { allowed_models: [MODEL, OTHER_MODEL] });
    expect(closed.json.error.message).toContain(`"${OTHER_MODEL}" is not allowed to the project`);
    expect((await create(people.developer, { allowed_models: [MODEL] })).status).toBe(201);
    const all = MANIFESTS.map(({ id }) => id);
    expect((await create(people.developer, { allowed_models: [...all, ...all] })).status).toBe(400);
    expect((await create(people.developer, { allowed_models: [] })).status).toBe(400);
  });

  it('ends a key at its expiry, which can be moved while it is to come', async () => {
    const { admin, people, path, create } = await setUp(database);
    const at = admin.clock.now;
    for (const time of [new Date(at).toISOString(), '2020-01-01T00:00:00Z', '2031-02-31T99:00:00Z', 'soon']) {
      const { json } = await create(people.developer, { expires_at: time });
      expect(json.error).toMatchObject({ code: 'invalid_value', param: 'expires_at' });
    }
    const expires_at = new Date(at + 1_000).toISOString();
    const { id } = (await create(people.developer, { expires_at })).json;
    admin.clock.now = at + 1_000;
    expect((await admin.call(people.viewer, 'GET', `${path}/${id}`)).json).toMatchObject({
      status: 'expired',
    });
    const later = new Date(at + DAY).toISOString();
    const change = (body: object) => admin.call(people.developer, 'PATCH', `${path}/${id}`, body);
    expect((await change({ expires_at: later })).json).toMatchObject({ status: 'active', expires_at: later });
    expect((await change({ requests_per_minute: 5 })).json).toMatchObject({
      expires_at: later,
      requests_per_minute: 5,
    });
    expect((await change({ expires_at: null })).json).toMatchObject({ expires_at: null, status: 'active' });
    expect((await change({})).status).toBe(400);
    expect((await change({ requests_per_minute: 0 })).status).toBe(400);
  });

  it('makes none in an archived project, and no more than its bound, also at the same time', async () => {
    const { pool, admin, people, path, create, caller } = await setUp(database);
    await pool.query(
      `INSERT INTO api_keys (project_id, name, hash, masked)
       SELECT $1, 'many', sha256(n::text::bytea), 'x' FROM generate_series(1, $2) n`,
      // One is there already.
      [caller.projectId, MAX_ACTIVE_KEYS - 2],
    );
    const answers = await Promise.all(Array.from({ length: 4 }, () => create(people.developer)));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409]);
    expect(answers.find(({ status }) => status === 409)?.json.error.message).toContain('1000 active keys');
    // Revoked ones do not count.
    await admin.call(people.admin, 'POST', `${path}/${caller.keyId}/revoke`);
    expect((await create(people.developer)).status).toBe(201);
    await pool.query("UPDATE projects SET status = 'archived' WHERE id = $1", [caller.projectId]);
    expect((await create(people.developer)).json.error.message).toContain('archived');
    expect((await admin.call(people.viewer, 'GET', path)).status).toBe(200);
  });

  it('counts a key that is being made at the same moment', async () => {
    const { pool, people, create, caller } = await setUp(database);
    const insert = `INSERT INTO api_keys (project_id, name, hash, masked)
       SELECT $1, 'many', sha256(n::text::bytea), 'x' FROM generate_series($2::int, $3::int) n`;
    await pool.query(insert, [caller.projectId, 1, MAX_ACTIVE_KEYS - 2]);
    const other = await pool.connect();
    await other.query('BEGIN');
    await other.query('SELECT 1 FROM projects WHERE id = $1 FOR NO KEY UPDATE', [caller.projectId]);
    await other.query(insert, [caller.projectId, MAX_ACTIVE_KEYS, MAX_ACTIVE_KEYS]);
    const creating = create(people.developer);
    const { rows } = await other.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const waits = async () => {
      const blocked = await pool.query(
        'SELECT 1 FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))',
        [rows[0]?.pid],
      );
      return blocked.rowCount !== 0;
    };
    const done = creating.then(() => true);
    while (!(await waits()) && !(await Promise.race([done, waits()])));
    await other.query('COMMIT');
    other.release();
    expect((await creating).status).toBe(409);
  });

  it('writes every act into the audit log, without the key', async () => {
    const { pool, admin, people, path, create, caller } = await setUp(database);
    const { id, key } = (await create(people.developer, { name: 'audited' })).json;
    await admin.call(people.developer, 'PATCH', `${path}/${id}`, { name: 'renamed' });
    await admin.call(people.admin, 'POST', `${path}/${id}/revoke`);
    const { rows } = await pool.query('SELECT * FROM audit_log ORDER BY id');
    expect(
      rows.map(({ action, person_id, object_id, project_id }) => [action, person_id, object_id, project_id]),
    ).toEqual([
      ['key.created', people.developer, id, caller.projectId],
      ['key.updated', people.developer, id, caller.projectId],
      ['key.revoked', people.admin, id, caller.projectId],
    ]);
    expect(await everyRow(pool)).not.toContain(key);
    expect(admin.reports).toEqual([]);
  });
});
