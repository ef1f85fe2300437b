import { ApiError } from '@zerogpu/protocol';
import { expect, it } from 'vitest';
import { queryOf, refuseUnknownNames } from './known-names.ts';

const KNOWN = ['group_by', 'status_class', 'from', 'to'];

function refusalOf(url: string): ApiError | null {
  try {
    refuseUnknownNames('query parameter', queryOf(url), KNOWN);
    return null;
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
}

it('takes the last of several values, and nothing from an address without a query', () => {
  expect(queryOf('/api/x?to=1&to=2%20&from')).toEqual({ to: '2 ', from: '' });
  expect(queryOf('/api/x')).toEqual({});
  expect(refusalOf('/api/x?to=1&from=2')).toBeNull();
  expect(refusalOf('/api/x?')).toBeNull();
});

it('refuses a name that is not known, and says which was meant', () => {
  expect(refusalOf('/api/x?from=1&by=model')).toMatchObject({
    code: 'invalid_value',
    param: 'by',
    message: 'Unknown query parameter "by"; did you mean "group_by"?',
  });
  for (const name of ['status_clas', 'From', '', '__proto__', 'constructor', 'toString']) {
    expect(refusalOf(`/api/x?${name}=4xx`), name).toMatchObject({ code: 'invalid_value', param: name });
  }
});

it('says no long name back in full, and none that breaks a line', () => {
  const refusal = refusalOf(`/api/x?${'a'.repeat(5_000)}=1`);
  expect(refusal?.message.length).toBeLessThan(150);
  expect(refusalOf('/api/x?a%0Ab=1')?.message).not.toContain('\n');
});
