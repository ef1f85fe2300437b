import { ApiError } from '@zerogpu/protocol';

/**
 * PostgreSQL has no place for the character U+0000 in a text: what holds one is refused here, for every route, instead
 * of failing where it is written.
 * @param value a body that was parsed, and so is not deeper than the reader allows, or a query
 * @throws ApiError invalid_value
 */
export function refuseNul(value: unknown, param = ''): void {
  if (typeof value === 'string') {
    if (!value.includes('\0')) return;
    const message = `${param} must not hold the character U+0000`;
    throw new ApiError('invalid_value', { message, param: param.slice(0, 200) });
  }
  if (typeof value !== 'object' || value === null) return;
  for (const [name, field] of Object.entries(value)) {
    const path = Array.isArray(value) ? `${param}[${name}]` : param === '' ? name : `${param}.${name}`;
    refuseNul(field, path);
  }
}
