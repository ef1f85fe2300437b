/** Composes files and batches: where bytes lie, the routes, and who works on lines. */
import type { CallerRoute } from './caller-route.ts';
import type { Ground } from './compose.ts';

export interface Batching {
  readonly callerRoutes: readonly CallerRoute[];
}

export function composeBatching(_ground: Ground): Batching {
  return { callerRoutes: [] };
}
