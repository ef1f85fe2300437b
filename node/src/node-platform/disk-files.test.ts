import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeManifest } from '../testing/in-test-runtime.ts';
import { diskFiles } from './disk-files.ts';

let folder: string;
const CONTENT = 'weights';
const manifest = {
  ...makeManifest('a'),
  files: [{ path: 'model.zlm', bytes: 7, sha256: createHash('sha256').update(CONTENT).digest('hex') }],
};

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zerogpu-files-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

test('gives the file that the manifest describes', async () => {
  await writeFile(join(folder, 'model.zlm'), CONTENT);
  expect(Buffer.from(await diskFiles(folder, manifest).read('model.zlm')).toString()).toBe(CONTENT);
});

test.each(['weightz', 'weights and more', ''])('refuses a file that holds %j', async (content) => {
  await writeFile(join(folder, 'model.zlm'), content);
  await expect(diskFiles(folder, manifest).read('model.zlm')).rejects.toThrow('is damaged');
});

test('refuses a file that is not there, or not in the manifest', async () => {
  await expect(diskFiles(folder, manifest).read('model.zlm')).rejects.toThrow('ENOENT');
  await expect(diskFiles(folder, manifest).read('../secret')).rejects.toThrow('names no file');
});
