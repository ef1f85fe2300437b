import { describe, expect, test } from 'vitest';
import { readIdempotencyKey, readSettings } from './options.ts';

const read = (options: Parameters<typeof readSettings>[0], page: string | null = null) =>
  readSettings({ apiKey: 'k', ...options }, {}, page);

describe('readSettings', () => {
  test('takes the environment where an option is absent', () => {
    const environment = {
      ZEROGPU_API_KEY: ' from-env\n',
      ZEROGPU_BASE_URL: 'http://h:1/v1',
      ZEROGPU_PROJECT_ID: 'p',
    };
    expect(readSettings({}, environment, null)).toMatchObject({
      apiKey: 'from-env',
      root: 'http://h:1',
      projectId: 'p',
      timeout: 60_000,
      maxRetries: 2,
    });
    expect(readSettings({ apiKey: 'mine', baseURL: 'http://o:2' }, environment, null)).toMatchObject({
      apiKey: 'mine',
      root: 'http://o:2',
    });
  });

  test.each([
    ['http://h:1', 'http://h:1'],
    ['http://h:1/', 'http://h:1'],
    ['http://h:1/v1', 'http://h:1'],
    ['http://h:1/v1/', 'http://h:1'],
    ['https://h/prefix/v1//', 'https://h/prefix'],
    ['https://h/v1?x=1#y', 'https://h'],
  ])('%s has the root %s', (baseURL, root) => {
    expect(read({ baseURL }).root).toBe(root);
  });

  test('a relative baseURL is relative to the page', () => {
    expect(read({ baseURL: '/v1' }, 'https://h/app/').root).toBe('https://h');
    expect(() => read({ baseURL: '/v1' })).toThrow(/baseURL must be/);
  });

  test.each<[Parameters<typeof readSettings>[0], RegExp]>([
    [{ apiKey: '' }, /API key is missing/],
    [{ apiKey: ' ' }, /API key is missing/],
    [{ apiKey: 'ключ' }, /apiKey holds a character/],
    [{ projectId: 'a b' }, /projectId holds a character/],
    [{ baseURL: 'ftp://h' }, /baseURL must be/],
    [{ baseURL: 'nothing' }, /baseURL must be/],
    [{ baseURL: 'http://user:secret@h' }, /baseURL must not hold a user name/],
    [{ timeout: 0 }, /timeout must be/],
    [{ timeout: Number.NaN }, /timeout must be/],
    [{ timeout: 2 ** 31 }, /timeout must be/],
    [{ maxRetries: -1 }, /maxRetries must be/],
    [{ maxRetries: 1.5 }, /maxRetries must be/],
    [{ maxRetries: 11 }, /maxRetries must be/],
  ])('refuses %j', (options, message) => {
    expect(() => read(options)).toThrow(message);
  });
});

test.each(['', 'a b', 'a\n', 'é', 'x'.repeat(256)])('refuses the idempotency key %j', (key) => {
  expect(() => readIdempotencyKey(key)).toThrow(/idempotencyKey must be/);
});
