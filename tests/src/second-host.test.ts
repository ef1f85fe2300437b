/**
 * Another host joins as its owner would: it has Node and a cable to the gateway, and nothing else; no registry, no name
 * server, no file of ours.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { describeWithNamespace, makeNamespace, type NetworkNamespace } from './support/network-namespace.ts';
import { buildNodeSoftware } from './support/node-software.ts';
import { TestGateway } from './support/test-gateway.ts';

const OLDEST_MAJOR = 20;

interface InstalledNode {
  readonly version: string;
  readonly program: string;
}

/** The lockfile's Node, and the machine's own where that is another. */
function nodesHere(): InstalledNode[] {
  const own: InstalledNode = { version: process.versions.node, program: process.execPath };
  const asked = spawnSync('/usr/bin/node', ['-p', 'process.versions.node'], { encoding: 'utf8' });
  const version = asked.status === 0 ? asked.stdout.trim() : own.version;
  const isOther = version !== own.version && Number.parseInt(version, 10) >= OLDEST_MAJOR;
  return isOther ? [{ version, program: '/usr/bin/node' }, own] : [own];
}

describeWithNamespace('a second host', () => {
  let network: NetworkNamespace;
  let gateway: TestGateway;
  let home: string;
  let npm: string;
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    await buildNodeSoftware();
    network = makeNamespace();
    gateway = await TestGateway.start({ HOST: network.hostAddress });
    const where = spawnSync('sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).stdout.trim();
    npm = await realpath(where);
  });

  afterAll(async () => {
    await gateway?.stop();
    network?.remove();
  });

  beforeEach(async () => {
    home = await mkdtemp(path.join(tmpdir(), 'zerogpu-host-'));
    await mkdir(path.join(home, 'bin'));
  });

  afterEach(async () => {
    for (const child of children.splice(0)) if (child.exitCode === null) child.kill('SIGKILL');
    await rm(home, { recursive: true, force: true });
  });

  /** Runs a program there, with what a new user has. */
  function start(command: readonly string[]): {
    child: ChildProcess;
    said: () => string;
    ended: Promise<number | null>;
  } {
    const [program = '', ...args] = [...network.through, ...command];
    const env = { HOME: home, PATH: `${home}/bin:${home}/npm/bin:/usr/sbin:/usr/bin:/bin`, LANG: 'C.UTF-8' };
    const child = spawn(program, args, { cwd: home, env, stdio: ['ignore', 'pipe', 'pipe'] });
    children.push(child);
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (data) => {
        text += data;
      });
    }
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    return { child, said: () => text, ended };
  }

  async function run(...command: string[]): Promise<string> {
    const { said, ended } = start(command);
    const status = await ended;
    if (status !== 0) throw new Error(`${command.join(' ')} ended with ${status}:\n${said()}`);
    return said();
  }

  /** Waits for words; fails with everything that was said when the program ends before. */
  async function heard({ child, said }: ReturnType<typeof start>, words: string): Promise<void> {
    while (!said().includes(words)) {
      if (child.exitCode !== null) throw new Error(`It ended without "${words}":\n${said()}`);
      await sleep(20);
    }
  }

  it.each(nodesHere())('with Node $version installs, joins and serves', async ({ version, program }) => {
    await symlink(program, path.join(home, 'bin/node'));
    const began = performance.now();
    const words = await run('curl', '-sf', `${gateway.url}/node`).catch(() => null);
    if (words !== null) expect(words).toContain(`node join ${gateway.url} TOKEN`);

    await run(
      'node',
      npm,
      'install',
      '--global',
      '--prefix',
      `${home}/npm`,
      `${gateway.url}/node/zerogpu.tgz`,
    );
    const installed = performance.now();
    const node = start([
      'zerogpu',
      'node',
      'join',
      gateway.url,
      gateway.gateway.nodeTokenFile,
      '--name',
      'second host',
    ]);
    await heard(node, 'Ready with');
    const ready = performance.now();

    const asked = await gateway.call('/v1/responses', {
      model: 'zlm-v1-iab-classify-edge',
      input: 'The central bank raised interest rates again.',
    });
    const answered = performance.now();
    expect([asked.status, asked.headers.get('x-zerogpu-route')]).toEqual([200, 'edge']);
    expect(asked.json.output[0].content[0].text).toContain('{');

    const second = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
    console.info(
      `Node ${version}: installed after ${second(installed - began)}, serving ${second(ready - installed)} later, ` +
        `first answer ${second(answered - ready)} later, ${second(answered - began)} in all`,
    );

    expect(await run('zerogpu', 'node', 'status')).toContain('serving');
    node.child.kill('SIGTERM');
    expect(await node.ended).toBe(0);
    expect(node.said()).toContain('Served 1 run in ');
    expect(node.said()).not.toMatch(/warning/i);
    // It knows where it belongs, without address or token.
    const again = start(['zerogpu', 'node', 'run']);
    await heard(again, 'Ready with');
    again.child.kill('SIGINT');
    expect(await again.ended).toBe(0);
  });

  it('runs the command without installing it, and is told in words what is wrong', async () => {
    await symlink(process.execPath, path.join(home, 'bin/node'));
    const npx = path.join(path.dirname(npm), 'npx-cli.js');
    const from = `${gateway.url}/node/zerogpu.tgz`;
    expect(await run('node', npx, '--yes', from, '--version')).toMatch(/\d+\.\d+\.\d+/);
    await expect(run('node', npx, '--yes', from, 'node', 'join', gateway.url)).rejects.toThrow(
      'A join token is needed',
    );
    await expect(
      run(
        'node',
        npx,
        '--yes',
        from,
        'node',
        'join',
        'http://198.18.255.254:8080',
        gateway.gateway.nodeTokenFile,
      ),
    ).rejects.toThrow(/There is no way to 198.18.255.254:8080|No answer from/);
    await run('node', npm, 'install', '--global', '--prefix', `${home}/npm`, from);
    network.setCable(false);
    await expect(run('zerogpu', 'node', 'join', gateway.url, gateway.gateway.nodeTokenFile)).rejects.toThrow(
      /There is no way to|No answer from/,
    );
    network.setCable(true);
  });
});
