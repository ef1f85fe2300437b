/** What a list of files is asked. Pure. */
import { ApiError } from '@zerogpu/protocol';
import { afterOf, limitOf } from '../caller-list.ts';
import type { ListQuestion } from './file-store.ts';

/** One answer of some megabytes; what else there is comes with `after`. */
const PAGE = { usual: 10_000, most: 10_000 };
const PURPOSES = ['batch', 'batch_output'];

/** @throws ApiError invalid_purpose, invalid_limit, invalid_value */
export function listQuestion(query: URLSearchParams): ListQuestion {
  return {
    purpose: purposeOf(query),
    order: orderOf(query),
    after: afterOf(query, 'file'),
    limit: limitOf(query, PAGE),
  };
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
