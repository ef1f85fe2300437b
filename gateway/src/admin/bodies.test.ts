import { afterEach, expect, it } from 'vitest';
import { projectHandlers } from '../projects/project-handlers.ts';
import { Secrets } from '../store/secrets.ts';
import { makePerson, type OpenAdmin, openAdmin } from '../testing/open-admin.ts';
import { type Database, onEveryPostgres } from '../testing/postgres.ts';
import { makeTenant } from '../testing/tenant.ts';

const secrets = new Secrets('a secret of the tests, long enough');

let admin: OpenAdmin | null = null;
afterEach(async () => {
  await admin?.close();
  admin = null;
});

async function setUp(database: Database) {
  const pool = await database();
  admin = await openAdmin(pool, projectHandlers);
  const { caller } = await makeTenant(pool, secrets);
  const owner = await makePerson(pool, caller.organizationId, 'owner');
  const patch = (body: object) => admin!.call(owner, 'PATCH', `/api/projects/${caller.projectId}`, body);
  return { pool, admin, caller, patch };
}

onEveryPostgres('bodies of the admin API', (database) => {
  it('refuses a text that is no Unicode, which the audit log cannot hold', async () => {
    const { admin, patch } = await setUp(database);
    for (const name of ['\ud800', 'a\udc00b', '\udc00\ud800']) {
      const { status, json } = await patch({ name });
      expect([status, json.error.code, json.error.param]).toEqual([400, 'invalid_value', 'name']);
    }
    expect((await patch({ name: '😀' })).json).toMatchObject({ name: '😀' });
    expect(admin.reports).toEqual([]);
  });

  it('refuses what is not declared and says what was meant: nothing changes, nothing is written', async () => {
    const { pool, admin, caller, patch } = await setUp(database);
    const strange = { status: 'archived', organization_id: 'x', constructor: 1, password: 'planted' };
    for (const [name, value] of Object.entries(strange)) {
      const { status, json } = await patch({ name: 'new', [name]: value });
      expect([status, json.error.code, json.error.param]).toEqual([400, 'invalid_value', name]);
    }
    expect((await patch({ request_per_minute: 5 })).json.error.message).toBe(
      'Unknown field "request_per_minute"; did you mean "requests_per_minute"?',
    );
    const { rows } = await pool.query('SELECT details FROM audit_log WHERE organization_id = $1', [
      caller.organizationId,
    ]);
    expect(rows).toEqual([]);
    expect(admin.reports).toEqual([]);
  });
});
