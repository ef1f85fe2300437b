/** A node that has no weights gets them from the gateway, keeps them, and goes on where it stopped. */
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findManifest, MANIFESTS } from '@zerogpu/catalogue';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Platform } from './support/platform.ts';

const IAB = 'zlm-v1-iab-classify-edge';
const SUMMARY = 'zlm-v1-summary-cloud';
const LIMITS = ['--cpu', '80', '--only', `${SUMMARY},${IAB}`, '--disk', '64', '--place', '52.5,13.4'];
const hashOf = (model: string) => findManifest(model)?.files[0]?.sha256 ?? '';

let home: string;
let platform: Platform;

beforeAll(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'zerogpu-fetch-'));
  const nodeFlags = ['--models', path.join(home, 'nothing'), '--state', path.join(home, 'state'), ...LIMITS];
  platform = await Platform.start({ nodes: 0, nodeFlags });
}, 120_000);

afterAll(async () => {
  await platform?.stop();
  await rm(home, { recursive: true, force: true });
}, 60_000);

const stored = () => readdir(path.join(home, 'state', 'models'));
const fetched = (output: string) => [...output.matchAll(/Fetching (\S+) version/g)].map(([, model]) => model);
const summary = async () =>
  (
    await platform.fetch('/v1/summary', {
      text: 'The bridge is old. It was built in 1890. It will be closed.',
    })
  ).status;

test('weights come from the gateway, are verified, kept and gone on with', async () => {
  const first = await platform.addNode();
  expect(fetched(first.output).sort()).toEqual([IAB, SUMMARY]);
  expect((await stored()).sort()).toEqual([hashOf(IAB), hashOf(SUMMARY)].sort());
  expect(await summary()).toBe(200);
  await first.stop(15_000);

  // As after a device that went off in the middle of one file, and whose disk spoiled another.
  const [large, small] = [hashOf(IAB), hashOf(SUMMARY)].map((hash) =>
    path.join(home, 'state', 'models', hash),
  );
  await rename(large!, `${large}.part`);
  await truncate(`${large}.part`, 4_000_000);
  await writeFile(small!, 'rotten');
  const second = await platform.addNode();
  expect(fetched(second.output).sort()).toEqual([IAB, SUMMARY]);
  for (const file of [large!, small!]) {
    expect(
      createHash('sha256')
        .update(await readFile(file))
        .digest('hex'),
    ).toBe(path.basename(file));
  }
  expect(await summary()).toBe(200);
  await second.stop(15_000);

  // Everything is there: nothing is fetched, and the node is the same one.
  const third = await platform.addNode();
  expect(fetched(third.output)).toEqual([]);
  expect(await summary()).toBe(200);
}, 180_000);

test('every built-in’s weights are given, to whoever asks', async () => {
  for (const { files } of MANIFESTS.filter(({ family }) => family === 'built-in')) {
    for (const { sha256, bytes } of files) {
      const answer = await fetch(`${platform.url}/v1/nodes/models/${sha256}`, { method: 'HEAD' });
      expect([answer.status, answer.headers.get('content-length')]).toEqual([200, String(bytes)]);
    }
  }
  const none = await fetch(`${platform.url}/v1/nodes/models/${'0'.repeat(64)}`);
  expect([none.status, none.headers.get('access-control-allow-origin')]).toEqual([404, '*']);
  expect(await none.json()).toMatchObject({ error: { code: 'not_found' } });
});
