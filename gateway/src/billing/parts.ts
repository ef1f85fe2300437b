import type { Pool, PoolClient } from 'pg';
import { writeAuditLine } from '../admin/audit-line.ts';
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

/** A line of the audit log for what the platform did by itself. */
export async function auditOwnAct(
  db: PoolClient,
  organizationId: string,
  action: string,
  kind: string,
  id: string,
  details: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const by = { organizationId, projectId: null, personId: null };
  await writeAuditLine(db, by, action, { kind, id, details });
}
