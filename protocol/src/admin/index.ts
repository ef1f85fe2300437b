/** Every route of the admin API. */
import { accountRoutes } from './accounts.ts';
import { alertRoutes } from './alerts.ts';
import { analyticsRoutes } from './analytics.ts';
import { auditRoutes } from './audit.ts';
import { batchRoutes } from './batches.ts';
import { billingRoutes } from './billing.ts';
import { budgetRoutes } from './budgets.ts';
import { fileRoutes } from './files.ts';
import { fleetRoutes, nodeRoutes } from './fleet.ts';
import { keyRoutes } from './keys.ts';
import { logRoutes } from './logs.ts';
import { organizationRoutes } from './organizations.ts';
import { projectRoutes } from './projects.ts';

export const ADMIN_ROUTES = {
  ...accountRoutes,
  ...organizationRoutes,
  ...projectRoutes,
  ...keyRoutes,
  ...budgetRoutes,
  ...billingRoutes,
  ...alertRoutes,
  ...batchRoutes,
  ...fileRoutes,
  ...nodeRoutes,
  ...fleetRoutes,
  ...logRoutes,
  ...analyticsRoutes,
  ...auditRoutes,
};

export type AdminRoutes = typeof ADMIN_ROUTES;
/** The name of a route, as the OpenAPI document's `operationId`. */
export type AdminRouteName = keyof AdminRoutes;
