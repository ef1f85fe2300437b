import type { Pool, PoolClient } from 'pg';
import type { Notify } from '../admin/event.ts';
import type { Log } from '../store/log.ts';
import type { PaymentProvider } from './provider.ts';

/** What all of billing works with. */
export interface BillingParts {
  readonly pool: Pool;
  readonly provider: PaymentProvider;
  readonly notify: Notify;
  readonly log: Log;
  /** Milliseconds since 1970. */
  now(): number;
}

const INSERT_AUDIT = `
INSERT INTO audit_log (organization_id, action, object_kind, object_id, details) VALUES ($1, $2, $3, $4, $5)`;

/** A line of the audit log for what the platform did by itself. */
export async function auditOwnAct(
  db: PoolClient,
  organizationId: string,
  action: string,
  kind: string,
  id: string,
  details: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  await db.query(INSERT_AUDIT, [organizationId, action, kind, id, JSON.stringify(details)]);
}
