/** What a list of files is asked. Pure. */
import { ApiError, isId } from '@zerogpu/protocol';
import type { ListQuestion } from './file-store.ts';

/** One answer of some megabytes; what else there is comes with `after`. */
const MOST = 10_000;
const PURPOSES = ['batch', 'batch_output'];

/** @throws ApiError invalid_purpose, invalid_limit, invalid_value */
export function listQuestion(query: URLSearchParams): ListQuestion {
  return { purpose: purposeOf(query), order: orderOf(query), after: afterOf(query), limit: limitOf(query) };
}

function purposeOf(query: URLSearchParams): string | null {
  const purpose = query.get('purpose');
  if (purpose === null || PURPOSES.includes(purpose)) return purpose;
  throw new ApiError('invalid_purpose', {
    message: 'purpose must be "batch" or "batch_output"',
    param: 'purpose',
  });
}

function orderOf(query: URLSearchParams): 'asc' | 'desc' {
  const order = query.get('order') ?? 'desc';
  if (order === 'asc' || order === 'desc') return order;
  throw new ApiError('invalid_value', { message: 'order must be "asc" or "desc"', param: 'order' });
}

/** A place in the order and not a row: whoever deletes what a page listed goes on from where the page ended. */
function afterOf(query: URLSearchParams): string | null {
  const after = query.get('after');
  if (after === null || isId('file', after)) return after;
  throw new ApiError('invalid_value', {
    message: 'after must be the id of a file, such as the last_id of the page before',
    param: 'after',
  });
}

function limitOf(query: URLSearchParams): number {
  const text = query.get('limit') ?? String(MOST);
  const limit = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= MOST) return limit;
  throw new ApiError('invalid_limit', {
    message: `limit must be an integer from 1 to ${MOST}`,
    param: 'limit',
  });
}
