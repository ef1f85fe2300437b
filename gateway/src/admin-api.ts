/** Composes the admin API: the handlers of every subject, and what they work with. */
import type { IncomingHttpHeaders } from 'node:http';
import {
  type Access,
  type AdminRouteName,
  ApiError,
  OPERATOR,
  organization,
  project,
} from '@zerogpu/protocol';
import type { Pool } from 'pg';
import { admitPerson } from './admin/access.ts';
import type { AdminServices } from './admin/admin-routes.ts';
import type { Handlers } from './admin/handler.ts';
import { makeAlertHandlers } from './alerts/alert-handlers.ts';
import { FeedTail } from './alerts/feed-tail.ts';
import { analyticsHandlers } from './analytics/analytics-handlers.ts';
import { checker } from './api/check.ts';
import { readJsonBody, readRawBody } from './api/read-body.ts';
import { makeBatchHandlers } from './batches/batch-handlers.ts';
import { BatchTail } from './batches/batch-tail.ts';
import { makeBillingHandlers } from './billing/billing-handlers.ts';
import type { BillingParts } from './billing/parts.ts';
import { budgetHandlers } from './budgets/budget-handlers.ts';
import { makeFileHandlers } from './files/file-handlers.ts';
import type { FleetServices } from './fleet/node-desk.ts';
import { makeNodeHandlers } from './fleet/node-handlers.ts';
import { NodeTail } from './fleet/node-tail.ts';
import { makeAdminCreateOnce } from './idempotency/admin-creations.ts';
import { makeLogHandlers } from './logs/log-handlers.ts';
import { makeAccountHandlers } from './people/account-handlers.ts';
import { makeOrganizationHandlers } from './people/organization-handlers.ts';
import type { PeopleServices } from './people/people-services.ts';
import { auditHandlers } from './projects/audit-handlers.ts';
import { makeKeyHandlers } from './projects/key-handlers.ts';
import { projectHandlers } from './projects/project-handlers.ts';
import type { ObjectStorage } from './storage/object-storage.ts';
import type { Log } from './store/log.ts';
import { readPayload } from './store/payloads.ts';
import type { Secrets } from './store/secrets.ts';

/** The fleet, as far as its composition has it. */
export type FleetParts = Pick<FleetServices, 'gatewayId' | 'live' | 'gateways' | 'changed' | 'earned'>;

export interface AdminParts {
  readonly fleet: FleetParts;
  /** Where people and devices reach this server. */
  publicUrl(): string;
  readonly pool: Pool;
  readonly secrets: Secrets;
  /** Where files' bytes lie. */
  readonly storage: Pick<ObjectStorage, 'read'>;
  readonly people: PeopleServices;
  readonly log: Log;
  readonly billing: BillingParts;
  readonly origins: readonly string[];
  /** Whether webhooks may go to addresses that are not public. */
  readonly webhooksPrivate: boolean;
  now(): number;
  report(requestId: string, cause: unknown): void;
}

/** Settings and names; nothing of the admin API takes long texts. */
const MAX_BODY_BYTES = 64 * 1024;
const BODY_TIMEOUT_MS = 10_000;

export function makeAdmin(parts: AdminParts): AdminServices {
  const handlers: Handlers<AdminRouteName> = {
    ...makeAccountHandlers(parts.people),
    ...makeOrganizationHandlers(parts.people),
    ...projectHandlers,
    ...makeKeyHandlers({ hashKey: (text) => parts.secrets.hashKey(text) }),
    ...budgetHandlers,
    ...makeBillingHandlers(parts.billing),
    ...alertHandlersOf(parts),
    ...batchHandlersOf(parts),
    ...makeFileHandlers(parts),
    ...nodeHandlersOf(parts),
    ...logHandlersOf(parts),
    ...analyticsHandlers,
    ...auditHandlers,
  };
  return {
    ...parts,
    people: parts.people.sessions,
    handlers,
    createOnce: makeAdminCreateOnce(parts),
    readBody: async (request) =>
      (await readJsonBody(request.headers, request, MAX_BODY_BYTES, BODY_TIMEOUT_MS)).value,
    readRaw: (request, maxBytes) => readRawBody(request.headers, request, maxBytes, BODY_TIMEOUT_MS),
    checker: (schema) => checker(schema, 'kept'),
  };
}

function alertHandlersOf(parts: AdminParts) {
  const { pool, secrets, log, webhooksPrivate } = parts;
  return makeAlertHandlers({
    tail: new FeedTail(pool, log),
    stillMember: (headers, organizationId) =>
      stillAdmitted(parts, organization('viewer'), headers, { organizationId }),
    encrypt: (plain, context) => secrets.encrypt(plain, context),
    privateAllowed: webhooksPrivate,
  });
}

function batchHandlersOf(parts: AdminParts) {
  const { pool, log, now } = parts;
  return makeBatchHandlers({
    tail: new BatchTail({ pool, log, now }),
    stillAdmitted: (headers, projectId) => stillAdmitted(parts, project('viewer'), headers, { projectId }),
    now,
  });
}

function nodeHandlersOf(parts: AdminParts) {
  const { pool, log, now, secrets, fleet } = parts;
  return makeNodeHandlers({
    ...fleet,
    pool,
    tail: new NodeTail({ pool, log, live: fleet.live, gateways: fleet.gateways }),
    hash: (token) => secrets.hashKey(token),
    publicUrl: () => parts.publicUrl(),
    stillAdmitted: (headers, organizationId) =>
      organizationId === null
        ? stillAdmitted(parts, OPERATOR, headers, {})
        : stillAdmitted(parts, organization('viewer'), headers, { organizationId }),
    now,
  });
}

function logHandlersOf(parts: AdminParts) {
  return makeLogHandlers({
    readPayload: (db, projectId, requestId) => readPayload(db, parts.secrets, projectId, requestId),
    stillAdmitted: (headers, projectId) => stillAdmitted(parts, project('viewer'), headers, { projectId }),
  });
}

/** For what streams: whether the session and the membership that it began with are still there. */
async function stillAdmitted(
  { people, pool }: AdminParts,
  access: Access,
  headers: IncomingHttpHeaders,
  params: Readonly<Record<string, string>>,
): Promise<boolean> {
  try {
    await admitPerson(people.sessions, pool, access, headers, params);
    return true;
  } catch (error) {
    if (error instanceof ApiError) return false;
    throw error;
  }
}
