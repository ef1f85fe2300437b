import { expect, it } from 'vitest';
import { Secrets } from '../store/secrets.ts';
import { makePerson, openAdmin } from '../testing/open-admin.ts';
import { onEveryPostgres } from '../testing/postgres.ts';
import { makeTenant } from '../testing/tenant.ts';
import { MAX_PROJECTS, projectHandlers } from './project-handlers.ts';

const secrets = new Secrets('a secret of the tests, long enough');

onEveryPostgres('projects', (database) => {
  it('are no more than an organization may have, also when several are made at once', async () => {
    const pool = await database();
    const { organizationId } = (await makeTenant(pool, secrets)).caller;
    const other = (await makeTenant(pool, secrets)).caller.organizationId;
    const admin = await openAdmin(pool, projectHandlers);
    const create = async (organization: string) => {
      const owner = await makePerson(pool, organization, 'owner');
      return () => admin.call(owner, 'POST', `/api/organizations/${organization}/projects`, { name: 'new' });
    };
    try {
      await pool.query(
        "INSERT INTO projects (organization_id, name) SELECT $1, 'old' FROM generate_series(1, $2)",
        // One is there, one is left.
        [organizationId, MAX_PROJECTS - 2],
      );
      const [mine, theirs] = [await create(organizationId), await create(other)];
      const answers = await Promise.all([mine(), mine(), mine()]);
      expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
      expect((await mine()).json.error).toMatchObject({ code: 'state_conflict' });
      expect((await theirs()).status).toBe(201);
    } finally {
      await admin.close();
    }
  });

  it('say how far their texts may go, and the audit log says who changed it', async () => {
    const pool = await database();
    const { organizationId, projectId } = (await makeTenant(pool, secrets)).caller;
    const admin = await openAdmin(pool, projectHandlers);
    const owner = await makePerson(pool, organizationId, 'owner');
    const url = `/api/projects/${projectId}`;
    try {
      expect((await admin.call(owner, 'GET', url)).json).toMatchObject({ privacy: 'own', upstreams: false });
      const changed = await admin.call(owner, 'PATCH', url, { privacy: 'public', upstreams: true });
      expect(changed.json).toMatchObject({ privacy: 'public', upstreams: true });
      for (const wrong of [{ privacy: 'all' }, { privacy: null }, { upstreams: 'yes' }]) {
        expect((await admin.call(owner, 'PATCH', url, wrong)).status).toBe(400);
      }
      const { rows } = await pool.query(
        "SELECT details FROM audit_log WHERE object_id = $1 AND action = 'project.updated'",
        [projectId],
      );
      expect(rows).toEqual([{ details: { privacy: 'public', upstreams: true } }]);
    } finally {
      await admin.close();
    }
  });
});
