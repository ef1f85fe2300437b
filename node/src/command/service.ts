/** A node as a service of systemd: for the whole machine as root, for one user otherwise. */
import { spawnSync } from 'node:child_process';
import { existsSync, realpathSync, statSync } from 'node:fs';
import { chmod, copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { CommandError, codeOf } from './command-error.ts';
import { StateFolder } from './state-folder.ts';
import { SERVICE_NAME, unitText } from './unit.ts';

/** Where things go, and who is asked to start them. */
export interface ServicePlaces {
  readonly kind: 'system' | 'user';
  readonly unitFile: string;
  /** The program as one file, kept where no cache of npm's is emptied. */
  readonly programFolder: string;
  readonly stateFolder: string;
  /** Folders that hold state as well, once the service ran. */
  readonly otherState: readonly string[];
}

export function systemPlaces(stateFolder: string): ServicePlaces {
  return {
    kind: 'system',
    unitFile: `/etc/systemd/system/${SERVICE_NAME}.service`,
    programFolder: `/usr/local/lib/${SERVICE_NAME}`,
    stateFolder,
    // Where systemd puts the folder of a service whose user comes and goes.
    otherState: [`/var/lib/private/${SERVICE_NAME}`],
  };
}

export function userPlaces(stateFolder: string, home: string, env: NodeJS.ProcessEnv): ServicePlaces {
  const folder = (name: string, otherwise: string) => {
    const given = env[name];
    return given && path.isAbsolute(given) ? given : path.join(home, otherwise);
  };
  return {
    kind: 'user',
    unitFile: path.join(folder('XDG_CONFIG_HOME', '.config'), `systemd/user/${SERVICE_NAME}.service`),
    programFolder: path.join(folder('XDG_DATA_HOME', '.local/share'), SERVICE_NAME),
    stateFolder,
    otherState: [],
  };
}

/** The Node that runs now, and its program. */
export interface RunningProgram {
  readonly node: string;
  readonly program: string;
}

/** The bundle is one file and can be kept elsewhere; the repository's is many. */
export const isBundle = (program: string): boolean => path.basename(program) === 'zerogpu.mjs';

export function serviceUnit(
  places: ServicePlaces,
  running: RunningProgram,
  gateway: string,
  env: NodeJS.ProcessEnv,
): string {
  const program = isBundle(running.program)
    ? path.join(places.programFolder, 'zerogpu.mjs')
    : running.program;
  const authority = env['NODE_EXTRA_CA_CERTS'];
  return unitText({
    kind: places.kind,
    command: [running.node, program, 'node', 'run', '--plain', '--state', places.stateFolder],
    gateway,
    environment: authority ? { NODE_EXTRA_CA_CERTS: path.resolve(authority) } : {},
  });
}

/** Writes unit and program; starting it is `startService`. */
export async function writeService(
  places: ServicePlaces,
  running: RunningProgram,
  unit: string,
): Promise<void> {
  if (places.kind === 'system') {
    refuseHidden(running.node, 'Node');
    if (!isBundle(running.program)) refuseHidden(running.program, 'this program');
  }
  try {
    if (isBundle(running.program)) await keepProgram(places.programFolder, running.program);
    await mkdir(path.dirname(places.unitFile), { recursive: true });
    await writeFile(places.unitFile, unit, { mode: 0o644 });
  } catch (error) {
    throw new CommandError(`Cannot write the service (${codeOf(error)}): ${places.unitFile}`);
  }
}

async function keepProgram(folder: string, program: string): Promise<void> {
  const kept = path.join(folder, 'zerogpu.mjs');
  await mkdir(folder, { recursive: true, mode: 0o755 });
  if (path.resolve(program) !== kept) await copyFile(program, kept);
  await chmod(kept, 0o755);
}

/** The service's user has no home, and sees none: a Node of one person's folder does not run there. */
function refuseHidden(file: string, what: string): void {
  const real = realpathSync(file);
  const inHome = /^\/(?:home|root|run\/user)\//.test(real);
  for (let folder = path.dirname(real); ; folder = path.dirname(folder)) {
    const isOpen = (statSync(folder).mode & 0o001) !== 0;
    if (inHome || !isOpen) {
      throw new CommandError(
        `The service would run as a user of its own, who cannot read ${what} at ${real}. Install it for everybody ` +
          '(such as apt-get install nodejs), or run `zerogpu node install` as yourself instead of root',
      );
    }
    if (folder === path.dirname(folder)) return;
  }
}

/** Null when systemd manages this machine (or this user's services), else why it does not, in words. */
export function whyNoSystemd(kind: ServicePlaces['kind'], platform: NodeJS.Platform): string | null {
  if (platform === 'darwin')
    return 'macOS has no systemd; add `zerogpu node run` to your login items instead';
  if (platform === 'win32')
    return 'Windows has no systemd; add `zerogpu node run` to the Task Scheduler instead';
  const asked = systemctl(kind, ['is-system-running']);
  if (asked === null)
    return 'This machine has no systemd; have what starts its programs run `zerogpu node run --plain`';
  if (/^(?:running|degraded|starting|initializing|maintenance)/.test(asked.output)) return null;
  if (kind === 'user') {
    return (
      'There is no systemd for this user here, which needs a sign-in of your own (not su or sudo); ' +
      'sign in as yourself, or install as root for the whole machine'
    );
  }
  return 'systemd does not manage this machine (a container?); have what starts it run `zerogpu node run --plain`';
}

export interface Asked {
  readonly status: number;
  readonly output: string;
}

/** Null when there is no such program. */
export function systemctl(kind: ServicePlaces['kind'], args: readonly string[]): Asked | null {
  const all = kind === 'user' ? ['--user', ...args] : [...args];
  const done = spawnSync('systemctl', all, { encoding: 'utf8', timeout: 60_000 });
  if (done.error) return null;
  return { status: done.status ?? 1, output: `${done.stdout}${done.stderr}`.trim() };
}

/** @throws CommandError with systemd's own words */
export function startService({ kind }: ServicePlaces): void {
  must(kind, ['daemon-reload']);
  must(kind, ['enable', SERVICE_NAME]);
  // Not only start: a service that runs already takes the new program and settings.
  must(kind, ['restart', SERVICE_NAME]);
}

function must(kind: ServicePlaces['kind'], args: readonly string[]): void {
  const done = systemctl(kind, args);
  if (done?.status === 0) return;
  throw new CommandError(`systemctl ${args.join(' ')} failed: ${done?.output ?? 'there is no systemctl'}`);
}

/** Everything that `install` made; false when there was nothing. */
export async function removeService(places: ServicePlaces): Promise<boolean> {
  const wasThere = existsSync(places.unitFile) || existsSync(places.programFolder);
  if (existsSync(places.unitFile)) {
    systemctl(places.kind, ['disable', '--now', SERVICE_NAME]);
    await rm(places.unitFile, { force: true });
    systemctl(places.kind, ['daemon-reload']);
    systemctl(places.kind, ['reset-failed', SERVICE_NAME]);
  }
  await rm(places.programFolder, { recursive: true, force: true });
  return wasThere;
}

/** The device's state goes with it: a gateway then knows this device no more. */
export async function purgeState(folders: readonly string[]): Promise<void> {
  for (const folder of folders) await new StateFolder(folder).purge();
}
