import { expect, it } from 'vitest';
import { silentLog } from '../store/log.ts';
import { Secrets } from '../store/secrets.ts';
import { makePerson, openAdmin } from '../testing/open-admin.ts';
import { onEveryPostgres } from '../testing/postgres.ts';
import { makeTenant } from '../testing/tenant.ts';
import { makeAttempts } from './attempts.ts';
import { makeOrganizationHandlers } from './organization-handlers.ts';
import { makePeople } from './people-services.ts';

const secrets = new Secrets('a secret of the tests, long enough');

onEveryPostgres('invitations over HTTP', (database) => {
  it('mail one address ten times a minute, however many were revoked, and are made without mails', async () => {
    const pool = await database();
    const { organizationId } = (await makeTenant(pool, secrets)).caller;
    const owner = await makePerson(pool, organizationId, 'owner');
    let posted = 0;
    const settings = { pool, secrets, log: silentLog, attempts: makeAttempts(), smtpUrl: null };
    const people = makePeople({ ...settings, signUp: 'invited', publicUrl: () => 'http://localhost' });
    const mailer = { post: () => void posted++, close: async () => undefined };
    const admin = await openAdmin(pool, makeOrganizationHandlers({ ...people, mailer }));
    const path = `/api/organizations/${organizationId}/invitations`;
    const invite = async (email: string | null) => {
      const made = await admin.call(owner, 'POST', path, { role: 'viewer', email });
      if (made.status === 201) await admin.call(owner, 'DELETE', `${path}/${made.json.id}`);
      return made.json.error?.code ?? made.status;
    };
    try {
      const statuses: unknown[] = [];
      for (let i = 0; i < 12; i++) statuses.push(await invite('Somebody@example.com'));
      const refused = 'rate_limit_exceeded';
      expect(statuses).toEqual([...Array.from({ length: 10 }, () => 201), refused, refused]);
      expect(posted).toBe(10);
      expect([await invite('other@example.com'), await invite(null)]).toEqual([201, 201]);
      const { rows } = await pool.query('SELECT 1 FROM invitations WHERE organization_id = $1', [
        organizationId,
      ]);
      expect(rows).toHaveLength(12);
    } finally {
      await admin.close();
    }
  });
});
