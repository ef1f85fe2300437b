import type { IncomingHttpHeaders } from 'node:http';
import { type Access, ApiError, type MemberRole, roleSuffices } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import { isUuid } from '../store/tenant-fence.ts';
import type { Person } from './handler.ts';

/** Finds who is signed in. */
export interface PersonFinder {
  /** @returns null when there is no session, or it has ended */
  find(headers: IncomingHttpHeaders): Promise<Person | null>;
}

/** Who acts, and on whose behalf. Empty texts where the route names none. */
export interface Admitted {
  readonly person: Person | null;
  readonly role: MemberRole | null;
  readonly organizationId: string;
  readonly projectId: string;
}

const ROLE_IN_ORGANIZATION = `
SELECT role, organization_id, '' AS project_id FROM members WHERE organization_id = $1 AND person_id = $2`;
const ROLE_IN_PROJECT = `
SELECT m.role, p.organization_id, p.id::text AS project_id FROM projects p
JOIN members m ON m.organization_id = p.organization_id AND m.person_id = $2
WHERE p.id = $1`;

interface Membership {
  readonly role: MemberRole;
  readonly organization_id: string;
  readonly project_id: string;
}

/**
 * Whether this person may call a route. What belongs to others is not there: one answer, the same bytes, for what is
 * missing and what is foreign.
 * @throws ApiError not_signed_in, not_found, role_insufficient
 */
export async function admitPerson(
  people: PersonFinder,
  pool: Pool,
  access: Access,
  headers: IncomingHttpHeaders,
  params: Readonly<Record<string, string>>,
): Promise<Admitted> {
  const person = await people.find(headers);
  const nobody = { person, role: null, organizationId: '', projectId: '' };
  if (access.to === 'anyone') return nobody;
  if (person === null) throw new ApiError('not_signed_in');
  if (access.to === 'person') return nobody;
  if (access.to === 'operator') {
    if (!(await isOperator(pool, person.id))) throw noSuchRoute();
    return nobody;
  }
  const membership = await membershipOf(pool, access.to, params, person);
  if (membership === null) throw notThere(access.to);
  const { role, organization_id, project_id } = membership;
  if (!roleSuffices(role, access.role)) {
    const message = `This needs the role "${access.role}" in the organization; yours is "${role}"`;
    throw new ApiError('role_insufficient', { message });
  }
  return { person, role, organizationId: organization_id, projectId: project_id };
}

/** Looked up for each call: who is none any more is refused at once. */
export async function isOperator(pool: Pool, personId: string): Promise<boolean> {
  return (await pool.query('SELECT FROM operators WHERE person_id = $1', [personId])).rowCount === 1;
}

/** What is the operators' is not there for others, whatever its path names. */
function noSuchRoute(): ApiError {
  return notThere('route');
}

async function membershipOf(
  pool: Pool,
  to: 'organization' | 'project',
  params: Readonly<Record<string, string>>,
  person: Person,
): Promise<Membership | null> {
  const id = params[`${to}Id`] ?? '';
  if (!isUuid(id)) return null;
  const text = to === 'organization' ? ROLE_IN_ORGANIZATION : ROLE_IN_PROJECT;
  const { rows } = await pool.query<Membership>(text, [id, person.id]);
  return rows[0] ?? null;
}

/** Does not repeat the id, so that its bytes tell nothing. */
export function notThere(what: string): ApiError {
  return new ApiError('not_found', { message: `There is no such ${what}` });
}
