import type { PoolClient } from 'pg';
import type { Act } from './handler.ts';

/** Who did something, and in what: a line of the audit log but for the act itself. */
export interface AuditedBy {
  /** Null for what operators do to the installation. */
  readonly organizationId: string | null;
  /** Null for what concerns the organization as a whole. */
  readonly projectId: string | null;
  /** Null for what the platform did by itself. */
  readonly personId: string | null;
}

const INSERT = `
INSERT INTO audit_log (organization_id, project_id, person_id, action, object_kind, object_id, details)
VALUES ($1, $2, $3, $4, $5, $6, $7)`;

/**
 * Writes a line of the audit log, in the transaction of the act itself: neither is there without the other.
 * @param action what the act is called, such as `key.created`
 */
export async function writeAuditLine(
  db: PoolClient,
  { organizationId, projectId, personId }: AuditedBy,
  action: string,
  { kind, id, details = {} }: Act,
): Promise<void> {
  await db.query(INSERT, [organizationId, projectId, personId, action, kind, id, JSON.stringify(details)]);
}
