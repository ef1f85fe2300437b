// Installs what the lockfile says when it is not there yet, then runs the command that follows, with the
// lockfile's Node first on PATH. Runs on any Node from 18 on, since it is what brings the newer one.
//
//     node tools/ensure-installed.mjs vitest run
//
// The command is started from here rather than after an `&&`: a shell remembers where it found `node`, and would
// run the old one although the installation put a newer one in front of it.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const windows = process.platform === 'win32';

/** npm writes its own copy of the lockfile last, so a copy older than the lockfile means an unfinished or old one. */
function isInstalled() {
  const done = path.join(root, 'node_modules', '.package-lock.json');
  return existsSync(done) && statSync(done).mtimeMs >= statSync(path.join(root, 'package-lock.json')).mtimeMs;
}

/** @param {string} command @param {string[]} args @returns {number} the exit status */
function run(command, args) {
  const bin = path.join(root, 'node_modules', '.bin');
  const env = { ...process.env, PATH: bin + path.delimiter + (process.env.PATH ?? '') };
  const done = spawnSync(command, args, { cwd: root, stdio: 'inherit', env, shell: windows });
  if (done.error) console.error(`Cannot start "${command}": ${done.error.message}`);
  return done.status ?? 1;
}

if (!isInstalled()) {
  console.log('Installing what package-lock.json names (once)');
  const status = run('npm', ['ci', '--no-audit', '--no-fund']);
  if (status !== 0) {
    console.error('Cannot install the dependencies; see npm above, then run the command again');
    process.exit(status);
  }
}

const [command, ...args] = process.argv.slice(2);
process.exitCode = command === undefined ? 0 : run(command, args);
