/** The gateway's memory after many hostile requests is about what it was before. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sendHostile } from './support/hostile-requests.ts';
import { type Platform, startPlatform } from './support/platform.ts';
import { ScriptedNode } from './support/scripted-node.ts';

/** Until every path is compiled and every pool, cache and buffer has its size. */
const WARM_UP = 12_000;
const REQUESTS = 10_000;
const MOST_GROWTH = 1.2;
const CALLERS = 16;
/** Half a second each. */
const REST_LOOKS = 20;

let platform: Platform;
let node: ScriptedNode;

beforeAll(async () => {
  platform = await startPlatform({ nodes: 0, env: { ZEROGPU_LOG_LEVEL: 'silent' } });
  const joinToken = (await readFile(path.join(platform.dataDir, 'node-token'), 'utf8')).trim();
  node = await ScriptedNode.join({ url: platform.url, joinToken });
});
afterAll(async () => {
  await node.leave();
  await platform.stop();
});

test.runIf(process.platform === 'linux')(
  `${REQUESTS} hostile requests leave the memory as it was`,
  async () => {
    await hostile(WARM_UP, 1);
    const before = await restingBytes();
    const { statuses, misbehaviours } = await hostile(REQUESTS, 1_000_000);
    const after = await restingBytes();
    const mb = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MB`;
    console.log(
      `Resident: ${mb(before)} before, ${mb(after)} after ${REQUESTS} requests: ${JSON.stringify(statuses)}`,
    );
    expect(misbehaviours).toEqual([]);
    expect(after / before).toBeLessThan(MOST_GROWTH);
  },
);

function hostile(count: number, seed: number): ReturnType<typeof sendHostile> {
  return sendHostile({ url: platform.url, apiKey: platform.apiKey, count, callers: CALLERS, seed });
}

/** The least within some seconds of rest: what a busy moment or a late collection adds is no leak. */
async function restingBytes(): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let look = 0; look < REST_LOOKS; look++) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    least = Math.min(least, await residentBytes());
  }
  return least;
}

/** Of the gateway's process alone: the database is another one. */
async function residentBytes(): Promise<number> {
  const status = await readFile(`/proc/${platform.gateway.pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}
