/** Batches as callers see them: `/v1/batches`. */
import { hash } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { ApiError, type BatchList, isId } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import { afterOf, endsOf, limitOf } from '../caller-list.ts';
import type { CallerAnswer, CallerRequest, CallerRoute } from '../caller-route.ts';
import type { CreateOnce } from '../create-once.ts';
import { inTenant } from '../store/tenant-fence.ts';
import { type BatchRow, shownBatch } from './batch.ts';
import { findBatch, listBatches } from './batch-store.ts';
import { cancelBatch } from './cancel-batch.ts';
import type { BatchCreation } from './create-batch.ts';
import { readNewBatch } from './read-new-batch.ts';
import { quoted } from './validate-input.ts';

export interface BatchRouteServices {
  readonly pool: Pool;
  readonly creation: Pick<BatchCreation, 'create'>;
  readonly createOnce: CreateOnce;
  /** A bounded JSON object, and the bytes that it came as. @throws ApiError */
  readBody(
    headers: IncomingHttpHeaders,
    body: IncomingMessage,
    maxBytes: number,
  ): Promise<{ readonly bytes: Buffer; readonly value: Record<string, unknown> }>;
  /** Something is to be done for a batch now. */
  wake(): void;
}

/** Twice the longest metadata with each character escaped: hundreds may wait for their turn. */
const MAX_BODY_BYTES = 128 * 1024;
const PAGE = { usual: 20, most: 100 };
/** A file at the limits takes seconds, and some hundred others may stand before it. */
const CREATION_MS = 300_000;

export function makeBatchRoutes(services: BatchRouteServices): readonly CallerRoute[] {
  return [
    { method: 'POST', path: '/v1/batches', answer: (request) => create(services, request) },
    { method: 'GET', path: '/v1/batches', answer: (request) => list(services, request) },
    { method: 'GET', path: '/v1/batches/:batchId', answer: (request) => get(services, request) },
    { method: 'POST', path: '/v1/batches/:batchId/cancel', answer: (request) => cancel(services, request) },
  ];
}

async function create(services: BatchRouteServices, request: CallerRequest): Promise<CallerAnswer> {
  const { caller, requestId, headers, hangup } = request;
  const { bytes, value } = await services.readBody(headers, request.body, MAX_BODY_BYTES);
  const batch = readNewBatch(value);
  const fingerprint = hash('sha256', bytes, 'buffer');
  const creation = { caller, headers, route: 'batches', fingerprint, requestId, hangup };
  return services.createOnce({ ...creation, deadlineMs: CREATION_MS }, (keep) =>
    services.creation.create({ caller, requestId, batch, hangup, keep }),
  );
}

async function list({ pool }: BatchRouteServices, { caller, query }: CallerRequest): Promise<CallerAnswer> {
  const limit = limitOf(query, PAGE);
  const after = afterOf(query, 'batch');
  const rows = await inTenant(pool, caller, (db) => listBatches(db, caller.projectId, after, limit + 1));
  const data = rows.slice(0, limit).map(shownBatch);
  const ends = endsOf(data.at(0), data.at(-1), rows.length > limit);
  const body: BatchList = { object: 'list', data, ...ends };
  return { kind: 'json', body };
}

async function get({ pool }: BatchRouteServices, request: CallerRequest): Promise<CallerAnswer> {
  const { caller, params } = request;
  const id = params['batchId'] ?? '';
  return answerOf(id, await inTenant(pool, caller, (db) => findBatch(db, caller.projectId, id)));
}

async function cancel(services: BatchRouteServices, request: CallerRequest): Promise<CallerAnswer> {
  const { caller, params, now } = request;
  const id = params['batchId'] ?? '';
  if (!isId('batch', id)) throw notThere(id);
  const batch = await inTenant(services.pool, caller, (db) => cancelBatch(db, caller.projectId, id, now));
  services.wake();
  return answerOf(id, batch);
}

function answerOf(id: string, row: BatchRow | null): CallerAnswer {
  if (row === null) throw notThere(id);
  return { kind: 'json', body: shownBatch(row) };
}

/** The same for another project's, for what never was, and for what is no id at all. */
function notThere(id: string): ApiError {
  return new ApiError('batch_not_found', { message: `Batch not found: ${quoted(id)}` });
}
