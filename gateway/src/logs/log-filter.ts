/** Which requests are asked for. Pure. */
import { ApiError, ERRORS, idsFrom, type requestFilters } from '@zerogpu/protocol';
import type { SqlValues } from '../admin/sql-values.ts';

/** Null asks for all. */
export interface LogFilter {
  readonly statuses: readonly number[] | null;
  readonly model: string | null;
  readonly keyId: string | null;
  readonly endpoint: string | null;
  readonly route: string | null;
  readonly latencyMin: number | null;
  readonly latencyMax: number | null;
  /** Characters from anywhere in the id. */
  readonly idPart: string | null;
}

export type FilterQuery = { readonly [Name in keyof typeof requestFilters]?: string } & {
  readonly latency_min?: string;
  readonly latency_max?: string;
  readonly id?: string;
};

/** Every status that a request can end with. */
const STATUSES: readonly number[] = [...new Set([200, ...Object.values(ERRORS).map((row) => row.status)])];

export function filterOf(query: FilterQuery): LogFilter {
  const { status, model, key_id, endpoint, route, latency_min, latency_max, id } = query;
  const filter = {
    statuses: status === undefined ? null : statusesOf(status),
    model: model ?? null,
    keyId: key_id ?? null,
    endpoint: endpoint ?? null,
    route: route ?? null,
    latencyMin: latency_min === undefined ? null : Number(latency_min),
    latencyMax: latency_max === undefined ? null : Number(latency_max),
    idPart: id ?? null,
  };
  if ((filter.latencyMin ?? 0) > (filter.latencyMax ?? Number.POSITIVE_INFINITY)) {
    const message = 'latency_max must be at least latency_min';
    throw new ApiError('invalid_value', { message, param: 'latency_max' });
  }
  return filter;
}

/** `"429"` → [429], `"5xx"` → [500, 503, 504] */
export function statusesOf(status: string): readonly number[] {
  if (!status.endsWith('xx')) return [Number(status)];
  return STATUSES.filter((known) => Math.floor(known / 100) === Number(status[0]));
}

/** True when an index of 0010_log_queries.sql finds the rows in half minutes. */
export function isIndexed({ statuses, model, keyId, endpoint, route }: LogFilter): boolean {
  return [statuses, model, keyId, endpoint, route].some((value) => value !== null);
}

/** As in the indexes: coalesce would not be used under row-level security, which does not know it to be leakproof. */
const MODEL = '(CASE WHEN served_model IS NULL THEN requested_model ELSE served_model END)';

/** The conditions of a filter but for its statuses and the text in the id, on `requests`. */
export function conditionsOf(filter: LogFilter, values: SqlValues): string[] {
  const { model, keyId, endpoint, route, latencyMin, latencyMax } = filter;
  return [
    model === null ? '' : `${MODEL} = ${values.add(model)}`,
    keyId === null ? '' : `key_id = ${values.add(keyId)}`,
    endpoint === null ? '' : `endpoint = ${values.add(endpoint)}`,
    route === null ? '' : `route_class = ${values.add(route)}`,
    latencyMin === null ? '' : `latency_ms >= ${values.add(latencyMin)}::int`,
    latencyMax === null ? '' : `latency_ms <= ${values.add(latencyMax)}::int`,
  ].filter((condition) => condition !== '');
}

/** Ids from `lower` to before `upper`. */
export interface IdRange {
  readonly lower: string;
  readonly upper: string;
}

/** @param from, to milliseconds since 1970; `to` is not part of it */
export function idRange(from: number, to: number): IdRange {
  return { lower: idsFrom('request', from), upper: idsFrom('request', to) };
}

/** An id, or the beginning of one, is a range of ids; null when the text may stand anywhere. */
export function beginningOf(idPart: string): IdRange | null {
  // `~` sorts behind every character of an id.
  return idPart.startsWith('req_') ? { lower: idPart, upper: `${idPart}~` } : null;
}

export function narrower(a: IdRange, b: IdRange): IdRange {
  const [, lower = ''] = [a.lower, b.lower].sort();
  const [upper = ''] = [a.upper, b.upper].sort();
  return { lower, upper };
}
