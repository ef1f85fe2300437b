/**
 * The lockfile is one that `npm ci` takes: every package that another one names is in it, and every room's
 * package.json says what the lockfile says of it. `npm install` leaves packages of other platforms out when it cannot
 * get them, and `npm ci` then refuses the lockfile; `node tools/check-lockfile.ts --mend` puts those back.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Finding, isProgram, ROOT, readText, report } from './repo.ts';

const FILE = 'package-lock.json';

/** What the check needs of an entry. */
export interface LockEntry {
  readonly version?: string;
  readonly link?: boolean;
  readonly dev?: boolean;
  readonly license?: string;
  readonly engines?: Readonly<Record<string, string>>;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly optional?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

export type Packages = Readonly<Record<string, LockEntry>>;

/** A package that is named and not there. */
interface Missing {
  readonly name: string;
  readonly range: string;
  /** The entry that names it. */
  readonly by: string;
}

const KINDS = ['dependencies', 'optionalDependencies', 'devDependencies'] as const;

export function missingPackages(packages: Packages): Missing[] {
  const missing: Missing[] = [];
  for (const [by, entry] of Object.entries(packages)) {
    for (const kind of KINDS) {
      for (const [name, range] of Object.entries(entry[kind] ?? {})) {
        if (!isThere(packages, by, name)) missing.push({ name, range, by });
      }
    }
  }
  return missing;
}

/** As Node looks for it: in the node_modules of the entry's own folder and of every folder above. */
function isThere(packages: Packages, from: string, name: string): boolean {
  for (let folder = from; ; folder = folder.includes('/') ? path.posix.dirname(folder) : '') {
    if (path.posix.join(folder, 'node_modules', name) in packages) return true;
    if (folder === '') return false;
  }
}

/** Rooms whose package.json names other packages than the lockfile says. */
export function changedRooms(packages: Packages, read: (folder: string) => LockEntry): string[] {
  const rooms = Object.keys(packages).filter((folder) => !folder.split('/').includes('node_modules'));
  return rooms.filter((room) => {
    const wanted = read(room);
    return KINDS.some((kind) => sorted(wanted[kind]) !== sorted(packages[room]?.[kind]));
  });
}

function sorted(names: Readonly<Record<string, string>> | undefined): string {
  return JSON.stringify(Object.entries(names ?? {}).sort());
}

/** The entry of a package for another platform, as far as its name tells; null when it does not. */
export function platformEntry(missing: Missing, by: LockEntry): LockEntry | null {
  const platform = /-(android|darwin|freebsd|linux|win32)-(arm64|x64)(-musl)?$/.exec(missing.name);
  if (!platform || !/^\d/.test(missing.range)) return null;
  const [, os = '', cpu = '', musl] = platform;
  return {
    version: missing.range,
    cpu: [cpu],
    ...(by.dev ? { dev: true } : {}),
    ...(musl ? { libc: ['musl'] } : {}),
    ...(by.license ? { license: by.license } : {}),
    optional: true,
    os: [os],
    ...(by.engines ? { engines: by.engines } : {}),
  };
}

function mended(packages: Packages): Packages {
  const added = missingPackages(packages).flatMap((missing): [string, LockEntry][] => {
    const entry = platformEntry(missing, packages[missing.by] ?? {});
    return entry ? [[`node_modules/${missing.name}`, entry]] : [];
  });
  const { '': root = {}, ...others } = packages;
  const all = [...Object.entries(others), ...added].sort(([a], [b]) => (a < b ? -1 : 1));
  return { '': root, ...Object.fromEntries(all) };
}

function findings(packages: Packages, read: (folder: string) => LockEntry): Finding[] {
  const mend = 'npm ci would refuse it; run "node tools/check-lockfile.ts --mend"';
  return [
    ...missingPackages(packages).map(({ name, by }): Finding => {
      return { file: FILE, line: 0, message: `lacks ${name}, which ${by || 'the root'} names: ${mend}` };
    }),
    ...changedRooms(packages, read).map((room): Finding => {
      const file = path.posix.join(room, 'package.json');
      return { file, line: 0, message: 'names other packages than package-lock.json; run "npm install"' };
    }),
  ];
}

if (isProgram(import.meta)) {
  const lock = JSON.parse(readText(FILE));
  if (process.argv.includes('--mend')) {
    lock.packages = mended(lock.packages);
    writeFileSync(path.join(ROOT, FILE), `${JSON.stringify(lock, null, 2)}\n`);
  }
  const read = (folder: string): LockEntry => JSON.parse(readText(path.posix.join(folder, 'package.json')));
  report(findings(lock.packages, read), `${Object.keys(lock.packages).length} entries name all they need`);
}
