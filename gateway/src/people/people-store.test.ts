import { randomUUID } from 'node:crypto';
import type { MemberRole } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import { expect, it } from 'vitest';
import { Secrets } from '../store/secrets.ts';
import { inTenant } from '../store/tenant-fence.ts';
import { inTransaction } from '../store/transaction.ts';
import { onEveryPostgres } from '../testing/postgres.ts';
import { acceptInvitation, addInvitation } from './invitations.ts';
import { removeMember } from './members.ts';
import { addOrganization } from './organizations.ts';
import { makeReset, takeReset } from './password-reset.ts';
import { addPerson, keepsPasswordHash, setPasswordHash } from './people-store.ts';
import { Sessions } from './sessions.ts';

const secrets = new Secrets('a secret of the tests, long enough');
const OTHER_SECRET = new Secrets('another secret of the tests, long');

async function person(pool: Pool, name = 'Test') {
  const email = `${randomUUID()}@example.com`;
  const made = await inTransaction(pool, (db) => addPerson(db, email, name, 'salt:key'));
  if (made === null) throw new Error('The address is taken');
  return made;
}

async function organization(pool: Pool, ownerId: string) {
  return (await inTransaction(pool, (db) => addOrganization(db, 'Test', ownerId))).id;
}

async function join(pool: Pool, organizationId: string, personId: string, role: MemberRole = 'viewer') {
  const text = 'INSERT INTO members (organization_id, person_id, role) VALUES ($1, $2, $3)';
  await pool.query(text, [organizationId, personId, role]);
}

onEveryPostgres('people', (database) => {
  it('shows a tenant its members, and of those who left only the name they left with', async () => {
    const pool = await database();
    const [owner, guest, stranger] = [
      await person(pool, 'Olga'),
      await person(pool, 'Gus'),
      await person(pool),
    ];
    const id = await organization(pool, owner.id);
    await organization(pool, stranger.id);
    await join(pool, id, guest.id);
    const scope = { organizationId: id, projectId: null };
    // Without any predicate: the fence alone.
    const names = (table: string) =>
      inTenant(pool, scope, async (db) =>
        (await db.query(`SELECT name FROM ${table} ORDER BY name`)).rows.map(({ name }) => name),
      );
    expect(await names('people')).toEqual(['Gus', 'Olga']);
    const change = { organizationId: id, byId: owner.id, personId: guest.id };
    await inTenant(pool, scope, (db) => removeMember(db, change));
    await pool.query("UPDATE people SET name = 'Gustav' WHERE id = $1", [guest.id]);
    expect(await names('people')).toEqual(['Olga']);
    expect(await names('former_members')).toEqual(['Gus']);
    const others = { organizationId: await organization(pool, stranger.id), projectId: null };
    const theirs = await inTenant(pool, others, (db) => db.query('SELECT * FROM former_members'));
    expect(theirs.rows).toEqual([]);
  });

  it('lets no tenant’s statement near passwords, sessions and reset links, or write people', async () => {
    const pool = await database();
    const owner = await person(pool);
    const scope = { organizationId: await organization(pool, owner.id), projectId: null };
    for (const text of [
      'SELECT * FROM credentials',
      'SELECT * FROM sessions',
      'SELECT * FROM password_resets',
      "UPDATE people SET email = 'x@example.com'",
      "INSERT INTO people (email, name) VALUES ('x@example.com', 'x')",
      'DELETE FROM invitations',
    ]) {
      await expect(
        inTenant(pool, scope, (db) => db.query(text)),
        text,
      ).rejects.toThrow('permission denied');
    }
  });

  it('lets a tenant invite into itself only', async () => {
    const pool = await database();
    const owner = await person(pool);
    const [mine, other] = [await organization(pool, owner.id), await organization(pool, owner.id)];
    const invite = (organizationId: string) =>
      inTenant(pool, { organizationId: mine, projectId: null }, (db) =>
        addInvitation(db, secrets, { organizationId, role: 'viewer', email: null, invitedBy: owner.id }),
      );
    await expect(invite(other)).rejects.toThrow('row-level security');
    expect((await invite(mine)).row).toMatchObject({ role: 'viewer', expired: false });
  });

  it('opens nothing with the hashes of another secret', async () => {
    const pool = await database();
    const { id, email } = await person(pool);
    const sessions = new Sessions(pool, secrets, () => false);
    const { token } = await inTransaction(pool, (db) => sessions.open(db, id, 'test'));
    const headers = { authorization: `Bearer ${token}` };
    expect(await sessions.find(headers)).toMatchObject({ id, email });
    expect(await new Sessions(pool, OTHER_SECRET, () => false).find(headers)).toBeNull();
    const reset = (await makeReset(pool, secrets, email.toUpperCase())) ?? '';
    expect(await inTransaction(pool, (db) => takeReset(db, OTHER_SECRET, reset))).toBeNull();
    expect(await inTransaction(pool, (db) => takeReset(db, secrets, reset))).toBe(id);
    expect(await makeReset(pool, secrets, 'nobody@example.com')).toBeNull();
  });

  it('uses up all reset links of a person with the first', async () => {
    const pool = await database();
    const { email } = await person(pool);
    const [one, two] = [await makeReset(pool, secrets, email), await makeReset(pool, secrets, email)];
    expect(await inTransaction(pool, (db) => takeReset(db, secrets, two ?? ''))).not.toBeNull();
    expect(await inTransaction(pool, (db) => takeReset(db, secrets, one ?? ''))).toBeNull();
  });

  it('lets a sign-in that is under way wait for a password change, and then see it', async () => {
    const pool = await database();
    const { id } = await person(pool);
    const changing = await pool.connect();
    await changing.query('BEGIN');
    await setPasswordHash(changing, id, 'new:hash');
    const signIn = inTransaction(pool, (db) => keepsPasswordHash(db, id, 'salt:key'));
    await changing.query('COMMIT');
    changing.release();
    expect(await signIn).toBe(false);
    expect(await inTransaction(pool, (db) => keepsPasswordHash(db, id, 'new:hash'))).toBe(true);
  });

  it('leaves an invitation as it was when accepting fails', async () => {
    const pool = await database();
    const [owner, guest] = [await person(pool), await person(pool)];
    const organizationId = await organization(pool, owner.id);
    const wanted = { organizationId, role: 'viewer', email: guest.email, invitedBy: owner.id } as const;
    const { token } = await inTransaction(pool, (db) => addInvitation(db, secrets, wanted));
    const accept = (who: typeof guest) =>
      inTransaction(pool, (db) => acceptInvitation(db, secrets, token, who));
    await expect(accept(owner)).rejects.toMatchObject({ code: 'state_conflict' });
    expect(await accept(guest)).toBe(organizationId);
    await expect(accept(guest)).rejects.toMatchObject({ code: 'not_found' });
  });

  it('holds an organization to a thousand members', async () => {
    const pool = await database();
    const [owner, guest] = [await person(pool), await person(pool)];
    const organizationId = await organization(pool, owner.id);
    await pool.query(
      `WITH made AS (INSERT INTO people (email, name) SELECT i || '@example.com', 'x' FROM generate_series(1, 999) i RETURNING id)
       INSERT INTO members (organization_id, person_id, role) SELECT $1, id, 'viewer' FROM made`,
      [organizationId],
    );
    const wanted = { organizationId, role: 'viewer', email: null, invitedBy: owner.id } as const;
    const { token } = await inTransaction(pool, (db) => addInvitation(db, secrets, wanted));
    const accept = () => inTransaction(pool, (db) => acceptInvitation(db, secrets, token, guest));
    await expect(accept()).rejects.toMatchObject({ code: 'state_conflict' });
    await pool.query(
      "DELETE FROM members WHERE person_id = (SELECT id FROM people WHERE email = '1@example.com')",
    );
    expect(await accept()).toBe(organizationId);
  });

  it('holds an organization to two hundred open invitations', async () => {
    const pool = await database();
    const owner = await person(pool);
    const organizationId = await organization(pool, owner.id);
    const wanted = { organizationId, role: 'viewer', email: null, invitedBy: owner.id } as const;
    const add = () => inTransaction(pool, (db) => addInvitation(db, secrets, wanted));
    for (let i = 0; i < 200; i++) await add();
    await expect(add()).rejects.toMatchObject({ code: 'state_conflict' });
    await pool.query('UPDATE invitations SET expires_at = now()');
    await add();
  });
});
