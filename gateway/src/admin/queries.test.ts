import { ADMIN_ROUTES, type AdminRoute } from '@zerogpu/protocol';
import { afterEach, expect, it } from 'vitest';
import { projectHandlers } from '../projects/project-handlers.ts';
import { Secrets } from '../store/secrets.ts';
import { makePerson, type OpenAdmin, openAdmin } from '../testing/open-admin.ts';
import { onEveryPostgres } from '../testing/postgres.ts';
import { makeTenant } from '../testing/tenant.ts';

const secrets = new Secrets('a secret of the tests, long enough');
const WITH_QUERY = Object.entries<AdminRoute>(ADMIN_ROUTES).filter(([, { query }]) => query !== undefined);

let admin: OpenAdmin | null = null;
afterEach(async () => {
  await admin?.close();
  admin = null;
});

onEveryPostgres('queries of the admin API', (database) => {
  it('refuses a parameter that is not declared, on every route that takes any', async () => {
    const pool = await database();
    admin = await openAdmin(pool, projectHandlers);
    const { caller } = await makeTenant(pool, secrets);
    const owner = await makePerson(pool, caller.organizationId, 'owner');
    await pool.query('INSERT INTO operators (person_id) VALUES ($1)', [owner]);
    const { organizationId, projectId } = caller;
    const ids: Readonly<Record<string, string>> = { organizationId, projectId };
    for (const [name, { method, path, query }] of WITH_QUERY) {
      const url = path.replaceAll(/\{(\w+)\}/g, (_, id: string) => ids[id] ?? 'any');
      const [declared = ''] = Object.keys(query?.['properties']);
      const { status, json } = await admin.call(owner, method.toUpperCase(), `${url}?${declared}x=1`);
      expect([status, json.error.code, json.error.param], name).toEqual([
        400,
        'invalid_value',
        `${declared}x`,
      ]);
      expect(json.error.message).toContain(`did you mean "${declared}"?`);
    }
    expect(WITH_QUERY.length).toBeGreaterThan(0);
    expect(admin.reports).toEqual([]);
  });
});
