import {
  chmodSync,
  chownSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { StateFolder, userStateFolder } from './state-folder.ts';

let root: string;
let folder: StateFolder;
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'zerogpu-state-'));
  folder = new StateFolder(path.join(root, 'state'));
});
afterEach(() => rmSync(root, { recursive: true }));

const SETTINGS = { gateway: 'http://10.0.0.7:8080', flags: { name: 'desk' } };

it('keeps where it joined and with what, for its owner alone', async () => {
  expect(await folder.settings()).toBeNull();
  await folder.join(SETTINGS, 'token');
  expect(await folder.settings()).toEqual(SETTINGS);
  // Joining again without a token keeps the one that is there.
  await folder.join(SETTINGS, null);
  expect(readdirSync(folder.path).sort()).toEqual(['join-token', 'settings.json']);
  for (const name of ['join-token', 'settings.json'])
    expect(statSync(folder.file(name)).mode & 0o777).toBe(0o600);
});

it('says what to do when it cannot be read or written', async () => {
  await folder.join(SETTINGS, null);
  for (const text of ['{', '{}', '{"gateway":"x"}', '{"gateway":"http://x","flags":{"a":1}}']) {
    writeFileSync(folder.file('settings.json'), text);
    await expect(folder.settings()).rejects.toThrow('join again: zerogpu node join');
  }
  writeFileSync(path.join(root, 'file'), '');
  await expect(new StateFolder(path.join(root, 'file')).join(SETTINGS, null)).rejects.toThrow(
    'name another folder with --state',
  );
});

it('moves with everything that makes the device the same node', async () => {
  await folder.join(SETTINGS, 'token');
  await folder.write('device-key.json', '{}');
  await folder.write('running.json', '{}');
  const target = new StateFolder(path.join(root, 'service'));
  await folder.copyTo(target);
  expect(readdirSync(target.path).sort()).toEqual(['device-key.json', 'join-token', 'settings.json']);
  await folder.copyTo(folder);
});

it('of another user stays theirs when root writes to it', async () => {
  // Only root can give a folder away; anybody else's is their own before and after.
  const isRoot = process.getuid?.() === 0;
  const [owner, group] = isRoot ? [65534, 65534] : [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  await folder.join(SETTINGS, null);
  chownSync(folder.path, owner, group);
  chmodSync(folder.path, 0o700);
  await folder.join(SETTINGS, 'token');
  for (const name of ['settings.json', 'join-token']) expect(statSync(folder.file(name)).uid).toBe(owner);
});

it('of another user cannot have root write elsewhere', async () => {
  await folder.join(SETTINGS, null);
  const victim = path.join(root, 'victim');
  writeFileSync(victim, 'whole', { mode: 0o644 });
  for (const name of ['settings.json', 'join-token']) {
    for (const link of [`${name}.${process.pid}`, name]) {
      rmSync(folder.file(link), { force: true });
      symlinkSync(victim, folder.file(link));
    }
  }
  await folder.join(SETTINGS, 'token');
  expect([readFileSync(victim, 'utf8'), statSync(victim).mode & 0o777]).toEqual(['whole', 0o644]);
  expect(await folder.settings()).toEqual(SETTINGS);
});

it('names a gateway by its address alone, which stands in a file of systemd’s', async () => {
  await folder.join(SETTINGS, null);
  const kept = (gateway: string) =>
    writeFileSync(folder.file('settings.json'), JSON.stringify({ gateway, flags: {} }));
  kept('http://10.0.0.7:8080/\nExecStartPre=/bin/evil');
  expect((await folder.settings())?.gateway).toBe('http://10.0.0.7:8080');
  kept('file:///etc/passwd');
  await expect(folder.settings()).rejects.toThrow('join again');
});

it('is removed with what is ours in it, and with nothing else', async () => {
  await folder.join(SETTINGS, 'token');
  for (const name of ['device-key.json', 'running.json', 'speeds.json']) await folder.write(name, '{}');
  writeFileSync(folder.file('thesis.txt'), 'years of work');
  await folder.purge();
  expect(readdirSync(folder.path)).toEqual(['thesis.txt']);
  rmSync(folder.file('thesis.txt'));
  await folder.purge();
  await folder.purge();
  expect(readdirSync(root)).toEqual([]);
});

it('of a user lies where the customs of each system say', () => {
  expect(userStateFolder({}, 'linux', '/srv/rose')).toBe('/srv/rose/.local/state/zerogpu/node');
  expect(userStateFolder({ XDG_STATE_HOME: '/state' }, 'linux', '/srv/rose')).toBe('/state/zerogpu/node');
  expect(userStateFolder({ XDG_STATE_HOME: 'relative' }, 'linux', '/srv/rose')).toContain('/srv/rose/');
  expect(userStateFolder({}, 'darwin', '/srv/rose')).toBe(
    '/srv/rose/Library/Application Support/zerogpu/node',
  );
});
