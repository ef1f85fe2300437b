/** Composes the admin API: the handlers of every subject, and what they work with. */
import type { AdminRouteName } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import type { PersonFinder } from './admin/access.ts';
import type { AdminServices } from './admin/admin-routes.ts';
import type { Handlers } from './admin/handler.ts';
import { alertHandlers } from './alerts/alert-handlers.ts';
import { analyticsHandlers } from './analytics/analytics-handlers.ts';
import { checker } from './api/check.ts';
import { readJsonBody, readRawBody } from './api/read-body.ts';
import { billingHandlers } from './billing/billing-handlers.ts';
import { budgetHandlers } from './budgets/budget-handlers.ts';
import { logHandlers } from './logs/log-handlers.ts';
import { accountHandlers } from './people/account-handlers.ts';
import { organizationHandlers } from './people/organization-handlers.ts';
import { auditHandlers } from './projects/audit-handlers.ts';
import { keyHandlers } from './projects/key-handlers.ts';
import { projectHandlers } from './projects/project-handlers.ts';

export interface AdminParts {
  readonly pool: Pool;
  readonly people: PersonFinder;
  readonly origins: readonly string[];
  now(): number;
  report(requestId: string, cause: unknown): void;
}

/** Settings and names; nothing of the admin API takes long texts. */
const MAX_BODY_BYTES = 64 * 1024;
const BODY_TIMEOUT_MS = 10_000;

export function makeAdmin(parts: AdminParts): AdminServices {
  const handlers: Handlers<AdminRouteName> = {
    ...accountHandlers,
    ...organizationHandlers,
    ...projectHandlers,
    ...keyHandlers,
    ...budgetHandlers,
    ...billingHandlers,
    ...alertHandlers,
    ...logHandlers,
    ...analyticsHandlers,
    ...auditHandlers,
  };
  return {
    ...parts,
    handlers,
    readBody: async (request) =>
      (await readJsonBody(request.headers, request, MAX_BODY_BYTES, BODY_TIMEOUT_MS)).value,
    readRaw: (request, maxBytes) => readRawBody(request.headers, request, maxBytes, BODY_TIMEOUT_MS),
    checker: (schema) => checker(schema, 'kept'),
  };
}
