import type { Pool, PoolClient } from 'pg';
import { transactionOf } from './transaction.ts';

/** Whose rows a transaction may see and write. */
export interface TenantScope {
  readonly organizationId: string;
  /** Null for what concerns the organization as a whole. */
  readonly projectId: string | null;
}

export const UUID_FORM = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * One transaction behind the second fence: it runs as the role `zerogpu_tenant`, which row-level security binds to one
 * organization and one project (migrations/0004_tenant_fence.sql). A statement that forgot its predicate sees nothing
 * of anybody else.
 * @throws what `work` throws; then nothing has happened
 */
export async function inTenant<T>(
  pool: Pool,
  { organizationId, projectId }: TenantScope,
  work: (db: PoolClient) => Promise<T>,
): Promise<T> {
  // One round trip. The ids go in as text because SET takes no parameters; `quoted` lets nothing but UUIDs through.
  const begin = `BEGIN; SET LOCAL ROLE zerogpu_tenant;
    SET LOCAL zerogpu.organization_id = ${quoted(organizationId)};
    SET LOCAL zerogpu.project_id = ${projectId === null ? "''" : quoted(projectId)}`;
  return transactionOf(pool, begin, work);
}

function quoted(id: string): string {
  if (!UUID_FORM.test(id)) throw new Error('A tenant is named by a UUID');
  return `'${id}'`;
}

export function isUuid(text: string): boolean {
  return UUID_FORM.test(text);
}
