// Installs what the lockfile says when it is not there yet, then runs the command that follows, with the
// lockfile's Node first on PATH. Runs on any Node from 18 on, since it is what brings the newer one.
//
//     node tools/ensure-installed.mjs vitest run
//
// The command is started from here rather than after an `&&`: a shell remembers where it found `node`, and would
// run the old one although the installation put a newer one in front of it.
import { spawnSync } from 'node:child_process';
import { readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const binaries = path.join(root, 'node_modules', '.bin');
const windows = process.platform === 'win32';

/** The first Node that runs TypeScript without being asked to. */
const OLDEST_NODE = [22, 18];

/** What went wrong, in words for the user; nothing more to be found in a stack. */
export class InstallationError extends Error {}

/**
 * Installs with `npm ci` unless everything is there already; npm shows its own progress.
 * @param {(line: string) => void} say
 * @throws {InstallationError}
 */
export function ensureInstalled(say) {
  if (isInstalled()) return;
  say('Installing what package-lock.json names; this is done once and may take a minute');
  // All kinds of packages, whatever NODE_ENV or npm's settings leave out otherwise: Node itself is an optional one.
  const args = ['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund'];
  const done = spawnSync('npm', args, {
    cwd: root,
    stdio: 'inherit',
    env: withoutOurBinaries(),
    shell: windows,
  });
  if (done.error)
    throw new InstallationError(`Cannot start npm: ${done.error.message}. Is npm installed and on PATH?`);
  if (done.status !== 0) {
    throw new InstallationError(
      `npm ci ended with ${done.status === null ? done.signal : `exit code ${done.status}`}; its own words are above. ` +
        'When that is mended, run the same command again',
    );
  }
}

/**
 * The Node to run this project with: the lockfile's, or else this one if it is new enough.
 * @returns {string} path of an executable that has been run
 * @throws {InstallationError}
 */
export function findNode() {
  const brought = path.join(binaries, windows ? 'node.cmd' : 'node');
  if (realPath(brought) === realPath(process.execPath) || versionOf(brought) !== null) return brought;
  if (isNewEnough(process.versions.node)) return process.execPath;
  throw new InstallationError(
    `Node ${process.versions.node} is too old, and npm has none for ${process.platform}-${process.arch} that runs here. ` +
      `Install Node ${OLDEST_NODE.join('.')} or newer and run the same command again`,
  );
}

/**
 * True when node_modules holds what the lockfile names. npm writes its own copy of the lockfile there, last of all;
 * times are not compared, because git gives a file a new one at every checkout.
 */
function isInstalled() {
  const wanted = packagesOf(path.join(root, 'package-lock.json'));
  const found = packagesOf(path.join(root, 'node_modules', '.package-lock.json'));
  if (wanted === null || found === null) return false;
  return Object.entries(wanted).every(([place, entry]) => {
    const there = found[place];
    if (place === '') return true;
    if (there === undefined) return entry.optional === true;
    return there.version === entry.version && there.integrity === entry.integrity;
  });
}

/** @param {string} file @returns {Record<string, {version?: string, integrity?: string, optional?: boolean}> | null} */
function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages;
  } catch {
    return null;
  }
}

/** npm must not run on the Node that it is about to delete and install. */
function withoutOurBinaries() {
  const others = (process.env.PATH ?? '')
    .split(path.delimiter)
    .filter((folder) => realPath(folder) !== realPath(binaries));
  return { ...process.env, PATH: others.join(path.delimiter) };
}

/** @param {string} file @returns {string | null} null when it does not run here */
function versionOf(file) {
  const done = spawnSync(file, ['--version'], { encoding: 'utf8', shell: windows });
  return done.status === 0 ? done.stdout.trim() : null;
}

/** @param {string} version */
function isNewEnough(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
}

/** @param {string} file @returns {string | null} */
function realPath(file) {
  try {
    return realpathSync(file);
  } catch {
    return null;
  }
}

/** @param {string} command @param {string[]} args @returns {number} the exit status */
function run(command, args) {
  const PATH = binaries + path.delimiter + (process.env.PATH ?? '');
  const env = { ...process.env, PATH };
  const done = spawnSync(command, args, { cwd: root, stdio: 'inherit', env, shell: windows });
  if (done.error) console.error(`Cannot start "${command}": ${done.error.message}`);
  return done.status ?? 1;
}

if (process.argv[1] !== undefined && realPath(process.argv[1]) === realPath(fileURLToPath(import.meta.url))) {
  const [command, ...args] = process.argv.slice(2);
  try {
    ensureInstalled(console.log);
    process.exitCode = command === undefined ? 0 : run(command, args);
  } catch (error) {
    if (!(error instanceof InstallationError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
