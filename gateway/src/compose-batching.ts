/** Composes files and batches: where bytes lie, the routes, and who works on lines. */
import { makeNotify } from './alerts/notify.ts';
import { readJsonBody } from './api/read-body.ts';
import { makeBatchRoutes } from './batches/batch-routes.ts';
import { BatchCreation } from './batches/create-batch.ts';
import type { CallerRoute } from './caller-route.ts';
import { type BatchWork, composeBatchWork } from './compose-batch-work.ts';
import type { Ground } from './compose-parts.ts';
import type { CreateOnce } from './create-once.ts';
import { makeFileRoutes } from './files/file-routes.ts';
import { startFileRounds } from './files/sweep-rounds.ts';
import type { Metrics } from './metrics.ts';
import type { Rounds } from './rounds.ts';
import { type FileRoom, makeFileRoom } from './storage/file-room.ts';
import { reasonOf } from './store/log.ts';
import type { WayServices } from './way.ts';

const now = () => Date.now();

/** What files and batches need of other parts. */
export interface BatchingNeeds {
  /** For every call that makes a file or a batch. */
  readonly createOnce: CreateOnce;
  readonly metrics: Metrics;
}

export interface Batching {
  readonly callerRoutes: readonly CallerRoute[];
  /**
   * Begins what runs by itself.
   * @param way of the requests that are made of lines
   */
  start(way: WayServices): readonly Pick<Rounds, 'stop'>[];
  /** Takes no more lines; finishes those under way within so many milliseconds, and gives the others back. */
  finishLines(graceMs: number): Promise<void>;
  /** After the server. */
  close(): Promise<void>;
}

export function composeBatching(ground: Ground, needs: BatchingNeeds): Batching {
  const { config, store, storage, log } = ground;
  const work = composeBatchWork(ground, needs.metrics);
  const room = makeFileRoom({ pool: store.pool, most: config.files.maxStoredBytes, now });
  const files = composeFiles(ground, needs, room);
  const batches = composeBatches(ground, needs, work, room);
  return {
    callerRoutes: [...files.routes, ...batches.routes],
    start(way) {
      return [work.start(way), startFileRounds({ pool: store.pool, storage, log, now })];
    },
    finishLines: work.finishLines,
    async close() {
      await Promise.all([files.close(), batches.close()]);
    },
  };
}

/** What callers ask of files. */
function composeFiles(
  { config, store: { pool }, storage, log }: Ground,
  { createOnce }: BatchingNeeds,
  room: FileRoom,
) {
  return makeFileRoutes({
    pool,
    storage,
    room,
    createOnce,
    ...config.files,
    stallMs: config.bodyTimeoutMs,
    now,
    report: (requestId, cause) =>
      log.warn({ requestId, reason: reasonOf(cause) }, 'An upload could not be removed yet'),
  });
}

/** What callers ask of batches; making one is the worker's own work as long as its file is read. */
function composeBatches(
  { config, store: { pool }, storage, log }: Ground,
  { createOnce }: BatchingNeeds,
  { workerId, wake }: Pick<BatchWork, 'workerId' | 'wake'>,
  room: FileRoom,
) {
  const creation = new BatchCreation({
    pool,
    storage,
    room,
    limits: config.batches,
    workerId,
    notify: makeNotify(now),
    wake,
    now,
    report: (requestId, cause) =>
      log.error({ requestId, reason: reasonOf(cause) }, 'A batch could not be written'),
  });
  const routes = makeBatchRoutes({
    pool,
    creation,
    createOnce,
    readBody: (headers, body, maxBytes) => readJsonBody(headers, body, maxBytes, config.bodyTimeoutMs),
    wake,
  });
  return { routes, close: () => creation.close() };
}
