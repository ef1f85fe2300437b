import { expect, it } from 'vitest';
import { makeKept } from './kept.ts';

it('loads once what is asked for by many, and forgets what was not asked for longest', async () => {
  const loaded: string[] = [];
  const kept = makeKept<string>(2);
  const get = (key: string) =>
    kept.get(key, async () => {
      loaded.push(key);
      return `${key}!`;
    });
  expect(await Promise.all([get('a'), get('a'), get('b'), get('a')])).toEqual(['a!', 'a!', 'b!', 'a!']);
  expect(loaded).toEqual(['a', 'b']);
  await get('c');
  await get('a');
  expect(loaded).toEqual(['a', 'b', 'c']);
  await get('b');
  expect(loaded).toEqual(['a', 'b', 'c', 'b']);
});

it('does not keep what could not be loaded', async () => {
  const kept = makeKept<string>(2);
  await expect(kept.get('a', () => Promise.reject(new Error('away')))).rejects.toThrow('away');
  expect(await kept.get('a', async () => 'back')).toBe('back');
});
