/** Who belongs to an organization, and the rules of who may change that. */
import { ApiError, type MemberRole } from '@zerogpu/protocol';
import type { PoolClient } from 'pg';
import { notThere } from '../admin/access.ts';
import { revokeInvitationsOf } from './invitations.ts';

const COLUMNS = 'm.person_id, p.email, p.name, m.role, m.created_at AS joined_at';
const LIST = `
SELECT ${COLUMNS} FROM members m JOIN people p ON p.id = m.person_id
WHERE m.organization_id = $1 ORDER BY m.created_at, m.person_id`;
const GET = `
SELECT ${COLUMNS} FROM members m JOIN people p ON p.id = m.person_id
WHERE m.organization_id = $1 AND m.person_id = $2`;
/** Changes of one organization's members go one after the other; keys' and projects' foreign keys do not wait. */
const LOCK = 'SELECT 1 FROM organizations WHERE id = $1 FOR NO KEY UPDATE';
const OWNERS = "SELECT count(*)::int AS count FROM members WHERE organization_id = $1 AND role = 'owner'";
const ROLE = 'SELECT role FROM members WHERE organization_id = $1 AND person_id = $2';
const SET_ROLE = 'UPDATE members SET role = $3 WHERE organization_id = $1 AND person_id = $2';
const REMEMBER = `
INSERT INTO former_members (organization_id, person_id, email, name)
SELECT $1, id, email, name FROM people WHERE id = $2
ON CONFLICT (organization_id, person_id) DO UPDATE
SET email = excluded.email, name = excluded.name, left_at = now()`;
const DELETE = 'DELETE FROM members WHERE organization_id = $1 AND person_id = $2';

export interface MemberRow {
  readonly person_id: string;
  readonly email: string;
  readonly name: string;
  readonly role: MemberRole;
  readonly joined_at: Date;
}

/** Who does what to whom. */
export interface Change {
  readonly organizationId: string;
  /** Who acts. */
  readonly byId: string;
  readonly personId: string;
}

export async function listMembers(db: PoolClient, organizationId: string): Promise<readonly MemberRow[]> {
  return (await db.query<MemberRow>(LIST, [organizationId])).rows;
}

/** @returns the member and the role before @throws ApiError not_found, role_insufficient, state_conflict */
export async function setRole(
  db: PoolClient,
  change: Change,
  role: MemberRole,
): Promise<{ readonly member: MemberRow; readonly before: MemberRole }> {
  const { organizationId, personId } = change;
  const before = await lockForChange(db, change, role);
  await db.query(SET_ROLE, [organizationId, personId, role]);
  await revokeInvitationsOf(db, organizationId, personId, role);
  const { rows } = await db.query<MemberRow>(GET, [organizationId, personId]);
  return { member: rows[0]!, before };
}

/** @returns the role that they had @throws ApiError not_found, role_insufficient, state_conflict */
export async function removeMember(db: PoolClient, change: Change): Promise<MemberRole> {
  const { organizationId, personId } = change;
  const before = await lockForChange(db, change, null);
  // First the name: once the membership is gone, the fence hides the person.
  await db.query(REMEMBER, [organizationId, personId]);
  await revokeInvitationsOf(db, organizationId, personId, null);
  await db.query(DELETE, [organizationId, personId]);
  return before;
}

/**
 * What somebody is, behind the lock: it stays so until the transaction ends.
 * @throws ApiError not_found when they are no member any more
 */
export async function lockRole(
  db: PoolClient,
  organizationId: string,
  personId: string,
): Promise<MemberRole> {
  await db.query(LOCK, [organizationId]);
  const role = await roleOf(db, organizationId, personId);
  if (role === null) throw notThere('organization');
  return role;
}

/**
 * Roles are read again behind the lock: what the caller was when the call came in may have changed since.
 * @param role what the member is to be; null is none
 * @returns what the member is
 */
async function lockForChange(
  db: PoolClient,
  { organizationId, byId, personId }: Change,
  role: MemberRole | null,
): Promise<MemberRole> {
  const by = await lockRole(db, organizationId, byId);
  const before = await roleOf(db, organizationId, personId);
  if (before === null) throw notThere('member');
  mayChange(by, before, role, byId === personId);
  if (before === 'owner' && role !== 'owner') await keepAnOwner(db, organizationId);
  return before;
}

/**
 * @param before null for somebody who is no member yet
 * @throws ApiError role_insufficient
 */
export function mayChange(
  by: MemberRole,
  before: MemberRole | null,
  after: MemberRole | null,
  themselves: boolean,
): void {
  // Everybody may leave.
  if (by === 'owner' || (themselves && after === null)) return;
  if (by !== 'admin') throw new ApiError('role_insufficient');
  if (before === 'owner' || after === 'owner') {
    throw new ApiError('role_insufficient', { message: 'Only an owner makes or unmakes owners' });
  }
}

async function roleOf(db: PoolClient, organizationId: string, personId: string): Promise<MemberRole | null> {
  const { rows } = await db.query<{ role: MemberRole }>(ROLE, [organizationId, personId]);
  return rows[0]?.role ?? null;
}

async function keepAnOwner(db: PoolClient, organizationId: string): Promise<void> {
  const { rows } = await db.query<{ count: number }>(OWNERS, [organizationId]);
  if ((rows[0]?.count ?? 0) > 1) return;
  const message = 'An organization always has an owner; make somebody else one first';
  throw new ApiError('state_conflict', { message });
}
