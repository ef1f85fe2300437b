import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ScriptedGateway } from './testing/scripted-gateway.ts';

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url));

let state: string;
let gateway: ScriptedGateway;
let child: ChildProcess | null = null;
/** When the process and its output are over. Its 'close' event would not come after a disconnect. */
let over: Promise<unknown> = Promise.resolve();
let output = '';

beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), 'zerogpu-node-'));
  gateway = await ScriptedGateway.start();
  await writeFile(join(state, 'token'), 'zgpu-join-secret\n');
  output = '';
});

afterEach(async () => {
  if (child?.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL');
    await ended();
  }
  child = null;
  await gateway.stop();
  await rm(state, { recursive: true });
});

function start(...more: string[]): void {
  const flags = ['--gateway', gateway.url, '--state', state, '--token-file', join(state, 'token'), ...more];
  child = spawn(process.execPath, [MAIN, ...flags], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  const streams = [child.stdout, child.stderr].filter((stream) => stream !== null);
  for (const stream of streams) {
    stream.on('data', (data) => {
      output += data;
    });
  }
  over = Promise.all([once(child, 'exit'), ...streams.map((stream) => once(stream, 'close'))]);
}

async function ended(): Promise<number | NodeJS.Signals | null> {
  await over;
  return child?.exitCode ?? child?.signalCode ?? null;
}

test('joins with the token of the file, shows it nowhere, and tells its parent when it is ready', async () => {
  start();
  const ready = new Promise((resolve) => child?.once('message', resolve));
  const node = await gateway.accept();
  expect((await node.greet()).joinToken).toBe('zgpu-join-secret');
  node.send({ type: 'welcome', nodeId: 'node_1', heartbeatMs: 60_000 });
  expect(await ready).toMatchObject({ type: 'ready', models: expect.any(Array) });
  expect(output).toContain('as node_1');
  expect(output).not.toContain('secret');
});

test('is the same node after a restart', async () => {
  start();
  const first = await (await gateway.accept()).greet();
  child?.kill('SIGKILL');
  await ended();
  start();
  const second = await (await gateway.accept()).greet();
  expect(second.publicKey).toBe(first.publicKey);
  expect(JSON.parse(await readFile(join(state, 'device-key.json'), 'utf8')).x).toBe(first.publicKey);
});

test.each(['SIGTERM', 'SIGINT'] as const)('%s drains and ends well', async (signal) => {
  start();
  const node = await gateway.welcome();
  await node.next('load');
  child?.kill(signal);
  await node.next('draining');
  expect(await node.closed).toBe(1000);
  expect(await ended()).toBe(0);
});

test('drains when its parent is gone', async () => {
  start();
  const node = await gateway.welcome();
  await node.next('load');
  child?.disconnect();
  await node.next('draining');
  expect(await ended()).toBe(0);
});

test('ends in words and for good when the gateway does not want it', async () => {
  start();
  const node = await gateway.accept();
  await node.greet();
  node.send({ type: 'refused', code: 'revoked', message: 'this node was revoked' });
  expect(await ended()).toBe(2);
  expect(output).toContain('The gateway refuses this node (revoked): this node was revoked');
  expect(output).not.toContain('Ready');
});

test('goes on trying while there is no gateway', async () => {
  await gateway.stop();
  start();
  while (!output.includes('trying again')) await sleep(10);
  gateway = await ScriptedGateway.start(gateway.port);
  await gateway.welcome();
});

test('ends with one line and exit code 2 on a wrong flag', async () => {
  start('--slots', 'many');
  expect(await ended()).toBe(2);
  expect(output).toBe('--slots must be an integer from 1 to 1024, not "many"\n');
});
