import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type ServicePlaces, serviceUnit, systemPlaces, userPlaces, writeService } from './service.ts';

let root: string;
beforeEach(() => {
  // Not the folder for temporary files, which may be one person's.
  root = mkdtempSync('/var/tmp/zerogpu-service-');
  chmodSync(root, 0o755);
});
afterEach(() => rmSync(root, { recursive: true }));

/** A program of one file, as other hosts have it. */
function bundle(folder: string): string {
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, 'zerogpu.mjs');
  writeFileSync(file, '#!/usr/bin/env node\n');
  return file;
}

const inRoot = (places: ServicePlaces): ServicePlaces => ({
  ...places,
  unitFile: path.join(root, places.unitFile),
  programFolder: path.join(root, places.programFolder),
});

it('keeps the program where no cache is emptied, and runs it there', async () => {
  const places = inRoot(systemPlaces('/var/lib/zerogpu-node'));
  const running = { node: '/usr/bin/env', program: bundle(path.join(root, 'cache')) };
  const unit = serviceUnit(places, running, 'http://x', { NODE_EXTRA_CA_CERTS: '/etc/ca.pem' });
  await writeService(places, running, unit);
  const kept = path.join(places.programFolder, 'zerogpu.mjs');
  expect(statSync(kept).mode & 0o777).toBe(0o755);
  const text = readFileSync(places.unitFile, 'utf8');
  expect(text).toContain(`ExecStart=/usr/bin/env ${kept} node run --plain --state /var/lib/zerogpu-node\n`);
  expect(text).toContain('Environment=NODE_EXTRA_CA_CERTS=/etc/ca.pem\n');
});

it('refuses a Node that the service’s own user cannot read, before anything is written', async () => {
  const places = inRoot(systemPlaces('/var/lib/zerogpu-node'));
  const hidden = path.join(root, 'private');
  const running = { node: bundle(hidden), program: bundle(path.join(root, 'cache')) };
  chmodSync(hidden, 0o700);
  await expect(writeService(places, running, 'unit')).rejects.toThrow('cannot read Node at');
  expect(existsSync(places.unitFile)).toBe(false);
});

it('of a user lies where the customs of the system say', () => {
  const env = { XDG_CONFIG_HOME: '/elsewhere', XDG_DATA_HOME: 'relative' };
  expect(userPlaces('/state', '/srv/rose', env)).toMatchObject({
    unitFile: '/elsewhere/systemd/user/zerogpu-node.service',
    programFolder: '/srv/rose/.local/share/zerogpu-node',
  });
});
