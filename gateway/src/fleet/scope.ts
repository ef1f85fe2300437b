import type { Pool, PoolClient } from 'pg';
import type { SqlValues } from '../admin/sql-values.ts';
import { inTransaction } from '../store/transaction.ts';

/** Whose nodes and tokens somebody sees and changes: an organization's own, or those of the operator's pools. */
export interface Scope {
  /** Null for the operator's. */
  readonly organizationId: string | null;
  /** The condition that rows of nodes or tokens meet. */
  where(values: SqlValues, table: string): string;
  transaction<T>(work: (db: PoolClient) => Promise<T>): Promise<T>;
}

type Tenant = Scope['transaction'];

export function ofOrganization(organizationId: string, tenant: Tenant): Scope {
  return {
    organizationId,
    where: (values, table) => `${table}.organization_id = ${values.add(organizationId)}`,
    transaction: tenant,
  };
}

/** Operators stand outside of the fence between tenants: what is an organization's is kept from them by this condition. */
export function ofOperators(pool: Pool): Scope {
  return {
    organizationId: null,
    where: (_values, table) => `${table}.pool <> 'organization'`,
    transaction: (work) => inTransaction(pool, work),
  };
}
