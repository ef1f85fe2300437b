/**
 * The starter with stand-ins for gateway and node: small programs that keep a journal and do as a test tells them.
 * It finds everything from where it lies itself, so a copy of it in a folder supervises what that folder holds.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ROOT } from './support/managed-process.ts';

interface Entry {
  readonly who: 'gateway' | 'node' | 'worker';
  readonly event: 'started' | 'ended' | 'orphaned';
  readonly pid: number;
  readonly args: string[];
}

const STAND_IN = (who: Entry['who'], ready: string): string => `
  import { appendFileSync, existsSync } from 'node:fs';
  const dataDir = process.env.ZEROGPU_DATA_DIR;
  const journal = (event) => appendFileSync(process.env.JOURNAL, JSON.stringify(
    { who: '${who}', event, pid: process.pid, args: process.argv.slice(2) }) + '\\n');
  const end = (event) => () => { journal(event); process.exit(0); };
  journal('started');
  process.on('SIGTERM', process.env.STUBBORN === '${who}' ? () => {} : end('ended'));
  process.on('disconnect', end('orphaned'));
  if (process.env.FAILING === '${who}') process.exit(Number(process.env.EXIT_CODE));
  setInterval(() => {}, 1000);
  process.send(${ready});
`;
const GATEWAY = STAND_IN(
  'gateway',
  `{ type: 'ready', url: 'http://127.0.0.1:' + (process.env.MOVING ? process.pid : 8080), dataDir,
     nodeTokenFile: dataDir + '/node-token', firstBoot: true, credentialsFile: dataDir + '/credentials.env' }`,
);
const NODE = STAND_IN('node', `{ type: 'ready', models: [] }`);
const WORKER = STAND_IN('worker', `{ type: 'ready', gateways: 1 }`);

let folder: string;
let starter: ChildProcess | null = null;
let output = '';

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'zerogpu-start-'));
  for (const place of ['tools', 'gateway/src', 'node/src', 'node_modules/.bin']) {
    await mkdir(path.join(folder, place), { recursive: true });
  }
  for (const file of ['start.mjs', 'tools/ensure-installed.mjs', 'package.json']) {
    await copyFile(path.join(ROOT, file), path.join(folder, file));
  }
  // Nothing to install.
  for (const lock of ['package-lock.json', 'node_modules/.package-lock.json']) {
    await writeFile(path.join(folder, lock), '{"packages":{}}');
  }
  await symlink(process.execPath, path.join(folder, 'node_modules/.bin/node'));
  await writeFile(path.join(folder, 'gateway/src/main.ts'), GATEWAY);
  await writeFile(path.join(folder, 'node/src/main.ts'), NODE);
  await writeFile(path.join(folder, 'gateway/src/worker.ts'), WORKER);
  output = '';
});

afterEach(async () => {
  if (starter?.exitCode === null && starter.signalCode === null) {
    starter.kill('SIGKILL');
    await ended();
  }
  starter = null;
  for (const { pid } of await journal()) end(pid);
  await rm(folder, { recursive: true });
});

function start(env: Record<string, string> = {}, cwd = folder): void {
  const ours = { JOURNAL: path.join(folder, 'journal'), ZEROGPU_DATA_DIR: 'data', ...env };
  starter = spawn(process.execPath, [path.join(folder, 'start.mjs')], {
    cwd,
    env: { ...process.env, ...ours },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [starter.stdout, starter.stderr]) {
    stream?.on('data', (data) => {
      output += data;
    });
  }
}

/** The exit code, or the signal. */
async function ended(): Promise<number | NodeJS.Signals | null> {
  const child = starter;
  if (!child) throw new Error('not started');
  if (child.exitCode === null && child.signalCode === null) {
    await new Promise((resolve) => {
      child.once('close', resolve);
    });
  }
  return child.exitCode ?? child.signalCode;
}

async function journal(): Promise<Entry[]> {
  const text = await readFile(path.join(folder, 'journal'), 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

/** Waits for the nth entry of a kind. */
async function entry(who: Entry['who'], event: Entry['event'], nth = 1): Promise<Entry> {
  for (;;) {
    const found = (await journal()).filter((line) => line.who === who && line.event === event)[nth - 1];
    if (found) return found;
    await sleep(10);
  }
}

async function said(text: string): Promise<void> {
  while (!output.includes(text)) await sleep(10);
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself, as it should.
  }
}

test('starts a gateway, then a node that finds it, and says how to ask', async () => {
  start();
  await said('ZeroGPU is ready at http://127.0.0.1:8080');
  await said('source data/credentials.env');
  const data = path.join(folder, 'data');
  const node = await entry('node', 'started');
  expect(node.args).toEqual([
    ...['--gateway', 'http://127.0.0.1:8080', '--token-file', `${data}/node-token`],
    ...['--state', `${data}/node-1`, '--name', 'local node 1'],
  ]);
});

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  '%s ends nodes, then the gateway, then itself',
  async (signal) => {
    start({ ZEROGPU_LOCAL_NODES: '2' });
    await said('is ready');
    starter?.kill(signal);
    expect(await ended()).toBe(0);
    const events = (await journal()).filter(({ event }) => event === 'ended').map(({ who }) => who);
    expect(events).toEqual(['node', 'node', 'gateway']);
  },
);

test('runs as many workers as it is told, none by default, and ends them before the nodes that they need', async () => {
  start({ ZEROGPU_LOCAL_WORKERS: '2' });
  await said('one gateway, 1 local node, 2 local workers');
  await said('is ready');
  const first = await entry('worker', 'started');
  await entry('worker', 'started', 2);
  end(first.pid);
  await said('The local worker');
  await entry('worker', 'started', 3);
  starter?.kill('SIGTERM');
  expect(await ended()).toBe(0);
  const events = (await journal()).filter(({ event }) => event === 'ended').map(({ who }) => who);
  expect(events).toEqual(['worker', 'worker', 'node', 'gateway']);
});

test('a worker that will not do does not take the gateway down', async () => {
  start({ ZEROGPU_LOCAL_WORKERS: '1', FAILING: 'worker', EXIT_CODE: '2' });
  await said('The local worker 1 does not run; the gateway goes on without it');
  await said('ZeroGPU is ready');
});

test('a second signal ends even a child that will not', async () => {
  start({ STUBBORN: 'node' });
  await said('is ready');
  starter?.kill('SIGINT');
  await said('Ending');
  starter?.kill('SIGINT');
  expect(await ended()).toBe(1);
});

test('starts a killed node and a killed gateway again, each alone', async () => {
  start();
  await said('is ready');
  end((await entry('node', 'started')).pid);
  await entry('node', 'started', 2);
  end((await entry('gateway', 'started')).pid);
  await entry('gateway', 'started', 2);
  await said('The gateway is back');
  expect((await journal()).filter(({ who }) => who === 'node')).toHaveLength(2);
});

test('tells nodes of a gateway that came back elsewhere', async () => {
  start({ MOVING: 'yes' });
  await said('is ready');
  end((await entry('gateway', 'started')).pid);
  const { pid } = await entry('gateway', 'started', 2);
  const { args } = await entry('node', 'started', 2);
  expect(args.slice(0, 2)).toEqual(['--gateway', `http://127.0.0.1:${pid}`]);
});

test('a gateway with a wrong setting is not started again, and its exit code is ours', async () => {
  start({ FAILING: 'gateway', EXIT_CODE: '2' });
  expect(await ended()).toBe(2);
  expect(await journal()).toHaveLength(1);
});

test('a gateway that never comes up is given up after five starts', async () => {
  start({ FAILING: 'gateway', EXIT_CODE: '7' });
  expect(await ended()).toBe(1);
  expect(output).toContain('ended 5 times before it was ready, last with exit code 7');
  expect(await journal()).toHaveLength(5);
});

test('a node that will not do does not take the gateway down', async () => {
  start({ FAILING: 'node', EXIT_CODE: '2' });
  await said('ZeroGPU is ready');
  expect(output).toContain('The local node 1 does not run; the gateway goes on without it');
});

test('nothing outlives a starter that was killed', async () => {
  start();
  await said('is ready');
  starter?.kill('SIGKILL');
  await entry('gateway', 'orphaned');
  await entry('node', 'orphaned');
});

test('keeps its data beside itself, wherever it is started from', async () => {
  start({ ZEROGPU_DATA_DIR: '' }, tmpdir());
  const { args } = await entry('node', 'started');
  expect(args).toContain(path.join(folder, '.zerogpu', 'node-1'));
});

test('started by npm, it ends when the shell between them was ended', async () => {
  const shell = {
    npm_lifecycle_event: 'start',
    NODE: process.execPath,
    STARTER: path.join(folder, 'start.mjs'),
  };
  starter = spawn('sh', ['-c', '"$NODE" "$STARTER"; exit $?'], {
    cwd: folder,
    env: { ...process.env, ...shell, JOURNAL: path.join(folder, 'journal'), ZEROGPU_DATA_DIR: 'data' },
    stdio: 'ignore',
  });
  await entry('node', 'started');
  starter.kill('SIGTERM');
  await entry('node', 'ended');
  await entry('gateway', 'ended');
});

/** An npm of the test, which does what the script says and then exits with the code. */
async function fakeNpm(script: string): Promise<Record<string, string>> {
  const bin = path.join(folder, 'bin');
  await mkdir(bin);
  await writeFile(path.join(bin, 'npm'), `#!/bin/sh\necho "npm was asked to $*"\n${script}\n`, {
    mode: 0o755,
  });
  return { PATH: `${bin}:${process.env['PATH']}` };
}

const NEW_LOCK =
  '{"packages":{"":{},"node_modules/a":{"version":"2.0.0"},"node_modules/b":{"version":"1.0.0","optional":true}}}';

test('installs when the lockfile names what is not there, and starts then', async () => {
  await writeFile(path.join(folder, 'package-lock.json'), NEW_LOCK);
  const env = await fakeNpm('cp package-lock.json node_modules/.package-lock.json');
  start(env);
  await said('ZeroGPU is ready');
  expect(output).toContain('npm was asked to ci --include=dev --include=optional');
});

test('does not install when only an optional package of another machine is missing', async () => {
  await writeFile(path.join(folder, 'package-lock.json'), NEW_LOCK);
  const installed = '{"packages":{"node_modules/a":{"version":"2.0.0"}}}';
  await writeFile(path.join(folder, 'node_modules/.package-lock.json'), installed);
  start(await fakeNpm('exit 1'));
  await said('ZeroGPU is ready');
  expect(output).not.toContain('npm was asked');
});

test('says so when npm cannot install', async () => {
  await writeFile(path.join(folder, 'package-lock.json'), NEW_LOCK);
  start(await fakeNpm('exit 7'));
  expect(await ended()).toBe(1);
  expect(output).toContain('npm ci ended with exit code 7');
  expect(await journal()).toEqual([]);
});

test('refuses more workers than the database has room for', async () => {
  start({ ZEROGPU_LOCAL_WORKERS: '5' });
  expect(await ended()).toBe(2);
  expect(output).toContain('ZEROGPU_LOCAL_WORKERS must be an integer from 0 to 4, not "5"');
});

test.each(['many', '65', '-1', '1.5'])('refuses ZEROGPU_LOCAL_NODES %s', async (number) => {
  start({ ZEROGPU_LOCAL_NODES: number });
  expect(await ended()).toBe(2);
  expect(output).toContain(`ZEROGPU_LOCAL_NODES must be an integer from 0 to 64, not "${number}"`);
  expect(await journal()).toEqual([]);
});

test.each([
  [{}, 'To add other devices start with HOST=0.0.0.0; the join token is in data/node-token'],
  [{ HOST: '10.0.0.7' }, "/node/zerogpu.tgz?0.1.0' node join http://10.0.0.7:8080 TOKEN"],
  [{ ZEROGPU_PUBLIC_URL: 'https://ai.example.com/' }, 'open https://ai.example.com/node in its browser'],
])('says how another device joins, with %j', async (env, words) => {
  start({ HOST: '', ...env });
  await said(words);
});

test('what other devices get is made after everything is ready, and told when it cannot be', async () => {
  await writeFile(
    path.join(folder, 'tools/build-node.ts'),
    `import { writeSync } from 'node:fs'; writeSync(2, 'No bundler'); process.exit(1);`,
  );
  start();
  await said('Other devices cannot get their software here. No bundler');
  expect(output.indexOf('is ready')).toBeLessThan(output.indexOf('No bundler'));
});
