/** Keyset paging: a page goes on behind the last item of the one before, however much was added meanwhile. */
import { ApiError } from '@zerogpu/protocol';

const DEFAULT_LIMIT = 50;

export interface PageQuery {
  readonly limit?: string;
  readonly after?: string;
}

export interface Page<T> {
  object: 'list';
  data: T[];
  next: string | null;
}

export function limitOf({ limit }: PageQuery): number {
  return limit === undefined ? DEFAULT_LIMIT : Number(limit);
}

/** What goes into `after` for the page behind a place. @param key without spaces */
export function cursorText(key: readonly string[]): string {
  return Buffer.from(key.join(' ')).toString('base64url');
}

/** What a cursor stands for: the sort key of the last item seen. Null on the first page. */
export function placeOf(
  { after }: PageQuery,
  forms: readonly RegExp[],
): readonly [string, ...string[]] | null {
  if (after === undefined || after === '') return null;
  const [first, ...others] = Buffer.from(after, 'base64url').toString('utf8').split(' ');
  const parts: [string, ...string[]] = [first ?? '', ...others];
  if (parts.length === forms.length && parts.every((part, i) => forms[i]?.test(part))) return parts;
  throw new ApiError('invalid_value', {
    message: 'after must be the next of the page before',
    param: 'after',
  });
}

/**
 * @param rows one more than `limit` when there is another page
 * @param key the sort key of a row, without spaces
 */
export function pageOf<Row, T>(
  rows: readonly Row[],
  limit: number,
  shown: (row: Row) => T,
  key: (row: Row) => readonly string[],
): Page<T> {
  const seen = rows.slice(0, limit);
  const last = seen.at(-1);
  const more = rows.length > limit && last !== undefined;
  return {
    object: 'list',
    data: seen.map(shown),
    next: more ? cursorText(key(last)) : null,
  };
}
