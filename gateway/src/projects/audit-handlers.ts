import type { auditRoutes } from '@zerogpu/protocol';
import type { AdminContext, Handlers } from '../admin/handler.ts';
import { limitOf, pageOf, placeOf } from '../admin/paging.ts';
import { SqlValues } from '../admin/sql-values.ts';

/** An id of the log: shorter than what a bigint holds. */
const ID_FORM = /^\d{1,18}$/;

/** The name of a former member is the one that they left with. */
const LIST = `
SELECT a.id::text, a.at, a.action, a.person_id, a.project_id, a.object_kind, a.object_id, a.details,
  coalesce(p.email, f.email) AS email, coalesce(p.name, f.name) AS name
FROM audit_log a
LEFT JOIN people p ON p.id = a.person_id
LEFT JOIN former_members f ON f.organization_id = a.organization_id AND f.person_id = a.person_id`;

interface Row {
  readonly id: string;
  readonly at: Date;
  readonly action: string;
  readonly person_id: string | null;
  readonly project_id: string | null;
  readonly object_kind: string;
  readonly object_id: string;
  readonly details: Record<string, unknown>;
  readonly email: string | null;
  readonly name: string | null;
}

export const auditHandlers: Handlers<keyof typeof auditRoutes> = {
  listAudit: (context) => list(context),
  listProjectAudit: (context) => list(context),
};

async function list({
  organizationId,
  projectId,
  query,
  tenant,
}: AdminContext<'listAudit' | 'listProjectAudit'>) {
  const limit = limitOf(query);
  const place = placeOf(query, [ID_FORM]);
  // Only what is asked for stands in the statement, so that each form has its own plan on its own index.
  const values = new SqlValues();
  const where = [`a.organization_id = ${values.add(organizationId)}`];
  const narrow = (condition: string, value: string) => where.push(`${condition} ${values.add(value)}`);
  if (projectId !== '') narrow('a.project_id =', projectId);
  if (query.action !== undefined) narrow('a.action =', query.action);
  if (query.person_id !== undefined) narrow('a.person_id =', query.person_id);
  if (place !== null) narrow('a.id <', place[0]);
  const text = `${LIST} WHERE ${where.join(' AND ')} ORDER BY a.id DESC LIMIT ${limit + 1}`;
  const { rows } = await tenant((db) => db.query<Row>(text, values.list));
  return pageOf(rows, limit, shown, ({ id }) => [id]);
}

function shown(row: Row) {
  const { id, at, action, person_id, project_id, object_kind, object_id, details, email, name } = row;
  return {
    id,
    at: at.toISOString(),
    action,
    person: person_id === null ? null : { id: person_id, email, name },
    project_id,
    object: { kind: object_kind, id: object_id },
    details,
  };
}
