import { ADMIN_ROUTES, type AdminRoute, type AdminRouteName } from '@zerogpu/protocol';
import type { PoolClient } from 'pg';

const INSERT = `
INSERT INTO audit_log (organization_id, person_id, action, object_kind, object_id)
SELECT organization_id, $1::uuid, $2, 'person', $1::uuid::text FROM members WHERE person_id = $1`;

/**
 * What people do with their accounts belongs to no organization and concerns each of theirs: a line in the log of
 * every one.
 */
export async function auditPerson(db: PoolClient, route: AdminRouteName, personId: string): Promise<void> {
  const { audit }: AdminRoute = ADMIN_ROUTES[route];
  if (audit === undefined) throw new Error(`The route ${route} declares no audited act`);
  await db.query(INSERT, [personId, audit]);
}
