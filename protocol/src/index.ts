/** The words that every room speaks: schemas, frames, errors, ids, units. Imports nothing of ours; browser-safe. */

export * from './admin/accounts.ts';
export * from './admin/alerts.ts';
export * from './admin/analytics.ts';
export * from './admin/audit.ts';
export * from './admin/billing.ts';
export * from './admin/budgets.ts';
export * from './admin/common.ts';
export * from './admin/index.ts';
export * from './admin/keys.ts';
export * from './admin/logs.ts';
export * from './admin/organizations.ts';
export * from './admin/projects.ts';
export * from './admin/route.ts';
export * from './errors.ts';
export * from './frames.ts';
export * from './ids.ts';
export * from './inference.ts';
export * from './is-record.ts';
export * from './keys.ts';
export * from './manifest.ts';
export {
  ADDRESS_ERRORS,
  API_ROUTES,
  type ApiRoute,
  type OpenApiDocument,
  openApiDocument,
  VERSION,
} from './openapi.ts';
export * from './read-frame.ts';
export * from './schema/chat.ts';
export { ErrorBody } from './schema/common.ts';
export * from './schema/embeddings.ts';
export * from './schema/models.ts';
export * from './schema/responses.ts';
export * from './schema/tasks.ts';
export * from './units.ts';
