/** Invitations as rows: made, looked at, accepted once. */
import { ApiError, INVITATION_PREFIX, type MemberRole, makeSecret } from '@zerogpu/protocol';
import type { Pool, PoolClient } from 'pg';
import { notThere } from '../admin/access.ts';
import { writeAuditLine } from '../admin/audit-line.ts';
import type { Person } from '../admin/handler.ts';
import type { Secrets } from '../store/secrets.ts';

/** Time to come back from a holiday. */
const LASTS = "interval '7 days'";
/** More than any organization waits for at once; a list of them stays one page. */
const MAX_OPEN = 200;

/** A list of members is one page; a little over when many accept at the same moment. */
const MAX_MEMBERS = 1000;

const IS_OPEN = 'accepted_at IS NULL AND revoked_at IS NULL';
const COLUMNS = 'id, role, email, invited_by, created_at, expires_at, expires_at <= now() AS expired';
const LIST = `
SELECT ${COLUMNS} FROM invitations WHERE organization_id = $1 AND ${IS_OPEN}
ORDER BY created_at DESC, id LIMIT ${MAX_OPEN}`;
const COUNT = `
SELECT count(*)::int AS count FROM invitations WHERE organization_id = $1 AND ${IS_OPEN} AND expires_at > now()`;
const INSERT = `
INSERT INTO invitations (organization_id, role, email, hash, invited_by, expires_at)
VALUES ($1, $2, $3, $4, $5, now() + ${LASTS}) RETURNING ${COLUMNS}`;
const REVOKE = `
UPDATE invitations SET revoked_at = now() WHERE organization_id = $1 AND id = $2 AND ${IS_OPEN} RETURNING role, email`;
const REVOKE_OF = `
UPDATE invitations SET revoked_at = now()
WHERE organization_id = $1 AND invited_by = $2 AND ${IS_OPEN} AND (role = 'owner' OR $3::boolean)`;
const VIEW = `
SELECT o.name AS organization_name, i.role, i.email, i.expires_at FROM invitations i
JOIN organizations o ON o.id = i.organization_id
WHERE i.hash = $1 AND i.accepted_at IS NULL AND i.revoked_at IS NULL AND i.expires_at > now()`;
const ACCEPT = `
UPDATE invitations SET accepted_at = now(), accepted_by = $2
WHERE hash = $1 AND ${IS_OPEN} AND expires_at > now() RETURNING id, organization_id, role, email`;
const COUNT_MEMBERS = 'SELECT count(*)::int AS count FROM members WHERE organization_id = $1';
const JOIN = `
INSERT INTO members (organization_id, person_id, role) VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING RETURNING person_id`;

export interface InvitationRow {
  readonly id: string;
  readonly role: MemberRole;
  readonly email: string | null;
  readonly invited_by: string;
  readonly created_at: Date;
  readonly expires_at: Date;
  readonly expired: boolean;
}

export interface NewInvitation {
  readonly organizationId: string;
  readonly role: MemberRole;
  /** In lower case; null is for whoever has the link. */
  readonly email: string | null;
  readonly invitedBy: string;
}

export interface MadeInvitation {
  readonly row: InvitationRow;
  /** Shown once. */
  readonly token: string;
}

export async function listInvitations(
  db: PoolClient,
  organizationId: string,
): Promise<readonly InvitationRow[]> {
  return (await db.query<InvitationRow>(LIST, [organizationId])).rows;
}

/** @throws ApiError state_conflict when too many are open */
export async function addInvitation(
  db: PoolClient,
  secrets: Secrets,
  { organizationId, role, email, invitedBy }: NewInvitation,
): Promise<MadeInvitation> {
  const { rows: counted } = await db.query<{ count: number }>(COUNT, [organizationId]);
  if ((counted[0]?.count ?? 0) >= MAX_OPEN) {
    const message = `The organization has ${MAX_OPEN} open invitations; revoke some first`;
    throw new ApiError('state_conflict', { message });
  }
  const token = makeSecret(INVITATION_PREFIX);
  const values = [organizationId, role, email, secrets.hashToken(token), invitedBy];
  const { rows } = await db.query<InvitationRow>(INSERT, values);
  return { row: rows[0]!, token };
}

/** @returns what it was; null when no such one is open */
export async function revokeInvitation(
  db: PoolClient,
  organizationId: string,
  id: string,
): Promise<Pick<InvitationRow, 'role' | 'email'> | null> {
  return (await db.query<InvitationRow>(REVOKE, [organizationId, id])).rows[0] ?? null;
}

/**
 * Takes back the invitations that a member might not make any more.
 * @param role what they are from now on; null is no member
 */
export async function revokeInvitationsOf(
  db: PoolClient,
  organizationId: string,
  personId: string,
  role: MemberRole | null,
): Promise<void> {
  if (role !== 'owner') await db.query(REVOKE_OF, [organizationId, personId, role !== 'admin']);
}

export interface InvitationView {
  readonly organization_name: string;
  readonly role: MemberRole;
  readonly email: string | null;
  readonly expires_at: Date;
}

/** @throws ApiError not_found: one answer for a wrong, used, revoked or expired token */
export async function viewInvitation(pool: Pool, secrets: Secrets, token: string): Promise<InvitationView> {
  const { rows } = await pool.query<InvitationView>(VIEW, [secrets.hashToken(token)]);
  if (rows[0] === undefined) throw notThere('invitation');
  return rows[0];
}

/**
 * Makes somebody a member; what it throws must end the transaction, and then the invitation is as it was.
 * @returns the organization
 * @throws ApiError not_found, state_conflict
 */
export async function acceptInvitation(
  db: PoolClient,
  secrets: Secrets,
  token: string,
  person: Pick<Person, 'id' | 'email'>,
): Promise<string> {
  const { rows } = await db.query<InvitationRow & { organization_id: string }>(ACCEPT, [
    secrets.hashToken(token),
    person.id,
  ]);
  const invitation = rows[0];
  if (invitation === undefined) throw notThere('invitation');
  if (invitation.email !== null && invitation.email !== person.email) {
    const message = 'The invitation is for another email address; sign in with that account';
    throw new ApiError('state_conflict', { message });
  }
  const { organization_id, role, id } = invitation;
  await refuseWhenFull(db, organization_id);
  const joined = await db.query(JOIN, [organization_id, person.id, role]);
  if (joined.rows.length === 0) {
    throw new ApiError('state_conflict', { message: 'You are a member of this organization already' });
  }
  const by = { organizationId: organization_id, projectId: null, personId: person.id };
  await writeAuditLine(db, by, 'invitation.accepted', { kind: 'invitation', id, details: { role } });
  return organization_id;
}

async function refuseWhenFull(db: PoolClient, organizationId: string): Promise<void> {
  const { rows } = await db.query<{ count: number }>(COUNT_MEMBERS, [organizationId]);
  if ((rows[0]?.count ?? 0) < MAX_MEMBERS) return;
  throw new ApiError('state_conflict', { message: `An organization has at most ${MAX_MEMBERS} members` });
}
