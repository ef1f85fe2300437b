import { ApiError } from '@zerogpu/protocol';

/**
 * @param text of the form that the schema `Moment` allows
 * @returns milliseconds since 1970
 * @throws ApiError invalid_value: a thirteenth month fits the form too
 */
export function momentOf(text: string, param: string): number {
  const at = Date.parse(text);
  if (Number.isFinite(at) && at >= 0) return at;
  throw new ApiError('invalid_value', { message: `${param} must be a time since 1970`, param });
}
