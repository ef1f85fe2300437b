import { expect, it } from 'vitest';
import { nearest } from './nearest.ts';

it('finds the name with the fewest slips, or the one that a part was written of', () => {
  const known = ['model', 'key_id', 'group_by', 'status_class', 'from', 'to'];
  expect(nearest('status_clas', known)).toBe('status_class');
  expect(nearest('form', known)).toBe('from');
  expect(nearest('by', known)).toBe('group_by');
  expect(nearest('key', known)).toBe('key_id');
});
