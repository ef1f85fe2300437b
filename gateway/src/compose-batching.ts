/** Composes files and batches: where bytes lie, the routes, and who works on lines. */
import type { CallerRoute } from './caller-route.ts';
import type { Ground } from './compose.ts';
import type { CreateOnce } from './create-once.ts';
import type { Rounds } from './rounds.ts';

/** What files and batches need of other parts. */
export interface BatchingNeeds {
  /** For every call that makes a file or a batch. */
  readonly createOnce: CreateOnce;
}

export interface Batching {
  readonly callerRoutes: readonly CallerRoute[];
  /** Begins what runs by itself. */
  startWorkers(): readonly Pick<Rounds, 'stop'>[];
  /** After the server. */
  close(): Promise<void>;
}

export function composeBatching(_ground: Ground, _needs: BatchingNeeds): Batching {
  return { callerRoutes: [], startWorkers: () => [], async close() {} };
}
