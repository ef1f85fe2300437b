import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { speedFile } from './speed-file.ts';

let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'zerogpu-speed-'));
});

afterEach(async () => {
  await rm(home, { recursive: true });
});

test('gives back what was written, and leaves no draft', async () => {
  const speeds = new Map([['a 1', { baseMs: 0.5, perThousandMs: 12, at: 1000 }]]);
  const file = speedFile(join(home, 'state', 'speeds.json'));
  await file.write(speeds);
  await file.write(speeds);
  expect(await file.read()).toEqual(speeds);
  expect(await readdir(join(home, 'state'))).toEqual(['speeds.json']);
});

test.each([
  '',
  'null',
  '[1]',
  '"x"',
  '{"a":null,"b":{"baseMs":-1,"perThousandMs":1,"at":1},"c":{"baseMs":"1"}}',
])('%j holds none', async (text) => {
  await writeFile(join(home, 'speeds.json'), text);
  expect(await speedFile(join(home, 'speeds.json')).read()).toEqual(new Map());
});
