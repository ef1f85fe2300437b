import { ApiError } from '@zerogpu/protocol';

/**
 * PostgreSQL has no place for the character U+0000 in a text, nor for half of a surrogate pair in JSON: what holds one is
 * refused here, for every route, instead of failing where it is written.
 * @param value a body that was parsed, and so is not deeper than the reader allows, or a query
 * @throws ApiError invalid_value
 */
export function refuseUnstorable(value: unknown, param = ''): void {
  if (typeof value === 'string') {
    const wrong = wrongIn(value);
    if (wrong === null) return;
    throw new ApiError('invalid_value', { message: `${param} must ${wrong}`, param: param.slice(0, 200) });
  }
  if (typeof value !== 'object' || value === null) return;
  for (const [name, field] of Object.entries(value)) {
    const path = Array.isArray(value) ? `${param}[${name}]` : param === '' ? name : `${param}.${name}`;
    refuseUnstorable(field, path);
  }
}

function wrongIn(text: string): string | null {
  if (text.includes('\0')) return 'not hold the character U+0000';
  return text.isWellFormed() ? null : 'be Unicode: half of a surrogate pair stands for nothing';
}
