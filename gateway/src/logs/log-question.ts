/** One page of the log, as it was asked for: filters, order, and where it goes on. Pure. */
import { createHash } from 'node:crypto';
import { ApiError, idForm } from '@zerogpu/protocol';
import { momentOf } from '../admin/moment.ts';
import { cursorText, limitOf, placeOf } from '../admin/paging.ts';
import { beginningOf, type FilterQuery, filterOf, type LogFilter } from './log-filter.ts';

export interface LogQuestion {
  readonly filter: LogFilter;
  /** Milliseconds since 1970. */
  readonly from: number;
  /** Not part of it. Of the first page: later ones do not see what came meanwhile, so nothing shifts. */
  readonly to: number;
  readonly sort: 'time' | 'latency';
  readonly order: 'asc' | 'desc';
  readonly limit: number;
  /** The last request of the page before. */
  readonly after: { readonly id: string; readonly latencyMs: number } | null;
}

export interface TimeQuery {
  readonly from?: string;
  readonly to?: string;
}

export type PageQuery = FilterQuery &
  TimeQuery & {
    readonly sort?: 'time' | 'latency';
    readonly order?: 'asc' | 'desc';
    readonly limit?: string;
    readonly after?: string;
  };

/** Without `from`: the last 30 days. */
const DEFAULT_RANGE_MS = 30 * 24 * 60 * 60 * 1000;

/**
 * @param now milliseconds since 1970
 * @throws ApiError invalid_value
 */
export function questionOf(query: PageQuery, now: number): LogQuestion {
  const { sort = 'time', order = 'desc' } = query;
  const filter = filterOf(query);
  if (sort === 'latency' && filter.idPart !== null && beginningOf(filter.idPart) === null) {
    const message = 'With a text from within an id, sort must be "time"';
    throw new ApiError('invalid_value', { message, param: 'sort' });
  }
  const asked = { filter, sort, order, limit: limitOf(query) };
  const place = placeOf(query, CURSOR_FORMS);
  if (place === null) return { ...asked, ...timesOf(query, now), after: null };
  const [from, to, digest, id, latencyMs] = place;
  if (digest !== digestOf(query)) {
    const message = 'after must be the next of a page with the same filters and order';
    throw new ApiError('invalid_value', { message, param: 'after' });
  }
  return {
    ...asked,
    from: Number(from),
    to: Number(to),
    after: { id: id ?? '', latencyMs: Number(latencyMs) },
  };
}

/** @throws ApiError invalid_value */
export function timesOf({ from, to }: TimeQuery, now: number): Pick<LogQuestion, 'from' | 'to'> {
  const end = to === undefined ? now + 1 : momentOf(to, 'to');
  const start = from === undefined ? Math.max(0, end - DEFAULT_RANGE_MS) : momentOf(from, 'from');
  if (start < end) return { from: start, to: end };
  throw new ApiError('invalid_value', { message: 'to must be after from', param: 'to' });
}

const CURSOR_FORMS = [/^\d{1,15}$/, /^\d{1,15}$/, /^[\w-]{11}$/, idForm('request'), /^\d{1,10}$/];

/** What stands in the cursor of a page's last request. */
export function cursorParts(
  query: PageQuery,
  { from, to }: LogQuestion,
  last: { readonly id: string; readonly latency_ms: number },
): string[] {
  return [from, to, digestOf(query), last.id, last.latency_ms].map(String);
}

/** The `next` of a page that ends with this request. */
export function cursorOf(
  query: PageQuery,
  question: LogQuestion,
  last: { readonly id: string; readonly latency_ms: number },
): string {
  return cursorText(cursorParts(query, question, last));
}

/** Of all that a cursor depends on but its place and the size of its page. */
function digestOf({ after: _, limit: __, ...rest }: PageQuery): string {
  const sorted = Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256').update(JSON.stringify(sorted)).digest().subarray(0, 8).toString('base64url');
}
