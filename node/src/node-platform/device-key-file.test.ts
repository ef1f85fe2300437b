import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { deviceKeyIn } from './device-key-file.ts';

let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'zerogpu-key-'));
});

afterEach(async () => {
  await rm(home, { recursive: true });
});

test('makes a key that only its owner can read, and keeps it', async () => {
  const directory = join(home, 'state');
  const key = await deviceKeyIn(directory);
  expect((await stat(join(directory, 'device-key.json'))).mode & 0o777).toBe(0o600);
  expect(await deviceKeyIn(directory)).toEqual(key);
});

test('of several makers at once one wins, and no draft is left', async () => {
  const keys = await Promise.all([1, 2, 3].map(() => deviceKeyIn(home)));
  expect(new Set(keys.map((key) => key.x)).size).toBe(1);
  expect(await readdir(home)).toEqual(['device-key.json']);
});

test('does not replace what it cannot read', async () => {
  await writeFile(join(home, 'device-key.json'), 'half a k');
  await expect(deviceKeyIn(home)).rejects.toThrow('holds no device key');
});
