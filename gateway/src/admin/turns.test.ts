import { describe, expect, it } from 'vitest';
import { Secrets } from '../store/secrets.ts';
import { makePerson, openAdmin } from '../testing/open-admin.ts';
import { onEveryPostgres } from '../testing/postgres.ts';
import { makeTenant } from '../testing/tenant.ts';
import { type TurnLimits, Turns } from './turns.ts';

const FULL = { message: 'Full; come again', retryAfterSeconds: 3 };
const FOUR_EACH = { mostOfOrganization: 4, mostWaitingOfOrganization: 200, full: FULL };
const TWO = { most: 2, mostOfOrganization: 1, mostWaiting: 3, mostWaitingOfOrganization: 3, full: FULL };

const soon = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Takes turns, and notes who has begun. */
function table(limits: TurnLimits) {
  const turns = new Turns(limits);
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  return {
    begun,
    take(name: string, organization: string, signal?: AbortSignal): Promise<void> {
      const work = () => {
        begun.push(name);
        return new Promise<void>((resolve) => ends.set(name, resolve));
      };
      return turns.during(organization, work, signal);
    },
    async end(...names: readonly string[]) {
      for (const name of names) {
        ends.get(name)?.();
        await soon();
      }
    },
  };
}

describe('Turns', () => {
  it('lets four of a tenant work at once, the others in line, and other tenants beside them', async () => {
    const turns = new Turns(FOUR_EACH);
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
    const turns = new Turns(FOUR_EACH);
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
    expect(reasons[204]).toMatchObject({ code: 'no_capacity', ...FULL });
    expect(await turns.during('mine', async () => 'done')).toBe('done');
  });

  it('begin as they come, as many as may', async () => {
    const { begun, take, end } = table(TWO);
    const all = [take('a', '1'), take('b', '2'), take('c', '3'), take('d', '4')];
    expect(begun).toEqual(['a', 'b']);
    await end('b');
    expect(begun).toEqual(['a', 'b', 'c']);
    await end('c');
    expect(begun).toEqual(['a', 'b', 'c', 'd']);
    await end('a', 'd');
    await Promise.all(all);
  });

  it('of one organization leave room for the others', async () => {
    const { begun, take, end } = table(TWO);
    const all = [take('a', '1'), take('b', '1'), take('c', '1'), take('d', '2')];
    expect(begun).toEqual(['a', 'd']);
    await end('d');
    expect(begun).toEqual(['a', 'd']);
    await end('a', 'b');
    expect(begun).toEqual(['a', 'd', 'b', 'c']);
    await end('c');
    await Promise.all(all);
  });

  it('are refused when too many of one organization wait, and not of another', async () => {
    const { take, end } = table({ ...TWO, mostWaitingOfOrganization: 1 });
    const all = [take('a', '1'), take('b', '1'), take('c', '2'), take('d', '2')];
    await expect(take('e', '1')).rejects.toMatchObject({ code: 'no_capacity', ...FULL });
    await end('a', 'b', 'c', 'd');
    await Promise.all(all);
  });

  it('are refused when too many wait, and free again when one has gone away', async () => {
    const { begun, take, end } = table(TWO);
    const away = new AbortController();
    const left = [take('a', '1'), take('b', '1'), take('c', '1')];
    const gone = take('gone', '1', away.signal);
    await expect(take('e', '1')).rejects.toMatchObject({ code: 'no_capacity' });
    away.abort(new Error('away'));
    await expect(gone).rejects.toThrow('away');
    await expect(take('f', '1', away.signal)).rejects.toThrow('away');
    left.push(take('d', '1'));
    await end('a', 'b', 'c', 'd');
    await Promise.all(left);
    expect(begun).toEqual(['a', 'b', 'c', 'd']);
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
