import { ApiError } from '@zerogpu/protocol';
import { nearest } from '../nearest.ts';

/** Longer than any name that is known; what is said back to the caller is bounded. */
const MAX_NAME = 60;

/** What stands behind `?` of an address. One text a name: the last one wins, as in a form. */
export function queryOf(url: string): Record<string, string> {
  const at = url.indexOf('?');
  return Object.fromEntries(new URLSearchParams(at < 0 ? '' : url.slice(at + 1)));
}

/**
 * A filter that is spelled wrong would otherwise filter nothing, a setting set nothing, and the answer look like that of
 * the right one.
 * @param what the names are of
 * @param known at least one
 * @throws ApiError invalid_value
 */
export function refuseUnknownNames(
  what: 'query parameter' | 'field',
  given: Readonly<Record<string, unknown>>,
  known: readonly string[],
): void {
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const param = unknown.slice(0, MAX_NAME);
  const message = `Unknown ${what} ${JSON.stringify(param)}; did you mean "${nearest(param, known)}"?`;
  throw new ApiError('invalid_value', { message, param });
}
