/** What lists of callers have in common, those of files and of batches: how a page is asked for, and what it says of itself. */
import { ApiError, type IdKind, isId } from '@zerogpu/protocol';

export interface PageSize {
  readonly usual: number;
  readonly most: number;
}

/** How many a page may have. @throws ApiError invalid_limit */
export function limitOf(query: URLSearchParams, { usual, most }: PageSize): number {
  const text = query.get('limit');
  if (text === null) return usual;
  const limit = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= most) return limit;
  throw new ApiError('invalid_limit', {
    message: `limit must be an integer from 1 to ${most}`,
    param: 'limit',
  });
}

/**
 * A place in the order and not a row, as ids sort by time: a page goes on also behind what is not there any more.
 * @returns null at the beginning
 * @throws ApiError invalid_value
 */
export function afterOf(query: URLSearchParams, kind: IdKind): string | null {
  const after = query.get('after');
  if (after === null || isId(kind, after)) return after;
  throw new ApiError('invalid_value', { message: `after must be the id of a ${kind}`, param: 'after' });
}

type Named = { readonly id: string } | undefined;

/** The end of a list, behind `data`. */
export const endsOf = (first: Named, last: Named, more: boolean) => ({
  first_id: first?.id ?? null,
  last_id: last?.id ?? null,
  has_more: more,
});
