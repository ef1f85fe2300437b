import { expect, test } from 'vitest';
import { deferred } from './deferred.ts';

test('is settled from outside', async () => {
  const good = deferred<number>();
  good.resolve(1);
  good.resolve(2);
  expect(await good.promise).toBe(1);
  const bad = deferred<number>();
  bad.reject(new Error('no'));
  await expect(bad.promise).rejects.toThrow('no');
});
