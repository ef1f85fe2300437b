/** The command as a process of its own, with a scripted `systemctl` and a server that says it is alive. */
import { execFile } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { JOIN_TOKEN_PREFIX, makeSecret, VERSION } from '@zerogpu/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const PROGRAM = path.join(import.meta.dirname, 'main.ts');
const TOKEN = makeSecret(JOIN_TOKEN_PREFIX);
const UNIT = '.config/systemd/user/zerogpu-node.service';
const STATE = '.local/state/zerogpu/node';

let home: string;
let gateway: Server;
let url: string;

beforeEach(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'zerogpu-cli-'));
  gateway = createServer((_request, response) => {
    response.writeHead(200, { connection: 'close' }).end('{"status":"ok"}');
  });
  await new Promise<void>((resolve) => gateway.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${Object(gateway.address()).port}`;
});

afterEach(async () => {
  await new Promise((resolve) => gateway.close(resolve));
  await rm(home, { recursive: true });
});

interface Ended {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

function zerogpu(...args: string[]): Promise<Ended> {
  const env = { HOME: home, PATH: path.join(home, 'bin') };
  return new Promise((resolve) => {
    execFile(process.execPath, [PROGRAM, ...args], { env }, (error, out, err) =>
      resolve({ status: error === null ? 0 : Number(error.code), out, err }),
    );
  });
}

/** A systemctl that keeps a journal; `fails` is the command that it does not manage. */
async function systemd(fails = 'none'): Promise<void> {
  await mkdir(path.join(home, 'bin'), { recursive: true });
  const file = path.join(home, 'bin/systemctl');
  await writeFile(
    file,
    `#!/bin/sh
echo "$@" >> "$HOME/asked"
case "$*" in
  *is-system-running*) echo running ;;
  *is-active*) echo inactive; exit 3 ;;
  *${fails}*) echo "Job failed, see its journal" >&2; exit 1 ;;
esac
`,
  );
  await chmod(file, 0o755);
}

const asked = async () => (await readFile(path.join(home, 'asked'), 'utf8')).trim().split('\n');
const fileAt = (name: string) => readFile(path.join(home, name), 'utf8');

describe('zerogpu', () => {
  it('says its version and what it can do', async () => {
    expect(await zerogpu('--version')).toMatchObject({ status: 0, out: `${VERSION}\n` });
    for (const args of [[], ['--help'], ['help']]) {
      expect(await zerogpu(...args)).toMatchObject({
        status: 0,
        out: expect.stringContaining('node join <address>'),
      });
    }
    expect(await zerogpu('node', '--help')).toMatchObject({
      status: 0,
      out: expect.stringContaining('node uninstall'),
    });
    expect(await zerogpu('node', 'join', '--help')).toMatchObject({
      status: 0,
      out: expect.stringContaining('--cpu-share PERCENT'),
    });
  });

  it.each([
    [['nodes'], 'There is no command "nodes"'],
    [['node', 'jion'], 'There is no command "node jion"'],
    [['node', 'join'], 'Say where: zerogpu node join ADDRESS TOKEN'],
    [['node', 'join', '127.0.0.1:1'], 'A join token is needed'],
    [['node', 'join', '127.0.0.1:1', TOKEN], 'Nothing listens at 127.0.0.1:1'],
    [['node', 'join', '127.0.0.1:1', TOKEN, '--cpu-share', '101'], '--cpu-share must be'],
    [['node', 'join', '127.0.0.1:1', TOKEN, '--cup', '1'], "Unknown option '--cup'"],
    [['node', 'run'], 'has not joined a gateway yet'],
    [['node', 'install', '--user'], 'systemd'],
  ])('%j ends with 2 and a line that says what to do', async (args, words) => {
    const { status, out, err } = await zerogpu(...args);
    expect([status, out]).toEqual([2, '']);
    expect(err).toContain(words);
    expect(err).not.toMatch(/\n\s+at /);
    expect(err).not.toContain(TOKEN);
    expect(existsSync(path.join(home, STATE))).toBe(false);
  });
});

describe('the service', () => {
  it('is installed with the token in a file of its owner alone, started, and removed without a trace', async () => {
    await systemd();
    const installed = await zerogpu(
      'node',
      'install',
      url,
      TOKEN,
      '--user',
      '--name',
      'desk',
      '--cpu-share',
      '25',
    );
    expect(installed).toMatchObject({ status: 0, out: expect.stringContaining('loginctl enable-linger') });
    const unit = await fileAt(UNIT);
    expect(unit).toContain(`node run --plain --state ${path.join(home, STATE)}\n`);
    expect(unit + installed.out).not.toContain(TOKEN);
    expect(await fileAt(`${STATE}/join-token`)).toBe(`${TOKEN}\n`);
    expect(statSync(path.join(home, STATE, 'join-token')).mode & 0o777).toBe(0o600);
    expect(statSync(path.join(home, STATE)).mode & 0o777).toBe(0o700);
    expect(JSON.parse(await fileAt(`${STATE}/settings.json`))).toEqual({
      gateway: url,
      flags: { name: 'desk', 'cpu-share': '25' },
    });
    expect((await asked()).slice(1)).toEqual([
      '--user daemon-reload',
      '--user enable zerogpu-node',
      '--user restart zerogpu-node',
    ]);

    const removed = await zerogpu('node', 'uninstall', '--user');
    expect(removed).toMatchObject({ status: 0, out: expect.stringContaining('Kept') });
    expect(await asked()).toContain('--user disable --now zerogpu-node');
    expect(existsSync(path.join(home, UNIT))).toBe(false);
    expect(existsSync(path.join(home, STATE))).toBe(true);
    expect(await zerogpu('node', 'uninstall', '--user', '--purge')).toMatchObject({ status: 0 });
    expect(existsSync(path.join(home, STATE))).toBe(false);
    expect(await zerogpu('node', 'uninstall', '--user')).toMatchObject({ out: 'No service is installed\n' });
  });

  it('takes the gateway and limits that were joined before, and new limits', async () => {
    await systemd();
    await mkdir(path.join(home, STATE), { recursive: true });
    await writeFile(
      path.join(home, STATE, 'settings.json'),
      JSON.stringify({ gateway: url, flags: { memory: '512', name: 'desk' } }),
    );
    expect(await zerogpu('node', 'install', '--user', '--name', 'attic')).toMatchObject({ status: 0 });
    expect(JSON.parse(await fileAt(`${STATE}/settings.json`)).flags).toEqual({
      memory: '512',
      name: 'attic',
    });
    expect(await zerogpu('node', 'status', '--user')).toMatchObject({
      out: expect.stringContaining('limits    memory 512, name attic'),
    });
  });

  it('is shown without a change', async () => {
    const shown = await zerogpu('node', 'install', '127.0.0.1:1', '--print', '--user');
    expect(shown).toMatchObject({
      status: 0,
      out: expect.stringContaining('Description=ZeroGPU node for http://127.0.0.1:1\n'),
    });
    expect(existsSync(path.join(home, '.config'))).toBe(false);
  });

  it('that does not start is told with the words of systemd', async () => {
    await systemd('restart');
    expect(await zerogpu('node', 'install', url, TOKEN, '--user')).toEqual({
      status: 2,
      out: '',
      err: 'systemctl restart zerogpu-node failed: Job failed, see its journal\n',
    });
  });
});
