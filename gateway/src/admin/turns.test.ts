import { describe, expect, it } from 'vitest';
import { Secrets } from '../store/secrets.ts';
import { makePerson, openAdmin } from '../testing/open-admin.ts';
import { onEveryPostgres } from '../testing/postgres.ts';
import { makeTenant } from '../testing/tenant.ts';
import { Turns } from './turns.ts';

const soon = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('Turns', () => {
  it('lets four of a tenant work at once, the others in line, and other tenants beside them', async () => {
    const turns = new Turns();
    const ends: (() => void)[] = [];
    const begin = (tenant: string) =>
      turns.during(tenant, () => new Promise<void>((resolve) => ends.push(resolve)));
    const mine = Array.from({ length: 9 }, () => begin('mine'));
    expect(ends).toHaveLength(4);
    const other = begin('other');
    expect(ends).toHaveLength(5);
    let begun = 0;
    while (begun < ends.length) {
      ends[begun++]?.();
      await soon();
      expect(ends.length - begun).toBeLessThanOrEqual(5);
    }
    await Promise.all([...mine, other]);
    expect(begun).toBe(10);
  });

  it('sends away who stands behind two hundred, and goes on afterwards, also after what fails', async () => {
    const turns = new Turns();
    const failing = Array.from({ length: 205 }, () =>
      turns.during('mine', async () => {
        await soon();
        throw new Error('planted');
      }),
    );
    const reasons = (await Promise.allSettled(failing)).map((one) =>
      one.status === 'rejected' ? one.reason : null,
    );
    expect(reasons.filter(({ message }) => message === 'planted')).toHaveLength(204);
    expect(reasons[204]).toMatchObject({ code: 'no_capacity', retryAfterSeconds: 1 });
    expect(await turns.during('mine', async () => 'done')).toBe('done');
  });
});

onEveryPostgres('the calls of one organization', (database) => {
  it('leave connections to another, however many wait for the database', async () => {
    const pool = await database();
    const secrets = new Secrets('a secret of the tests, long enough');
    const held = Promise.withResolvers<void>();
    const [flooding, quiet] = [await makeTenant(pool, secrets), await makeTenant(pool, secrets)];
    const admin = await openAdmin(pool, {
      removeProjectBudget: ({ projectId, tenant }) =>
        tenant(async () => (projectId === quiet.caller.projectId ? undefined : held.promise)),
    });
    const call = async ({ caller: { organizationId, projectId } }: typeof quiet) => {
      const person = await makePerson(pool, organizationId, 'admin');
      return () => admin.call(person, 'DELETE', `/api/projects/${projectId}/budget`);
    };
    const [flood, ask] = [await call(flooding), await call(quiet)];
    const flooded = Array.from({ length: 40 }, flood);
    try {
      const answered = ask().then(({ status }) => status);
      expect(await Promise.race([answered, ...flooded.map((one) => one.then(() => 'flood'))])).toBe(204);
    } finally {
      held.resolve();
      await Promise.all(flooded);
      await admin.close();
    }
  });
});
