import { chmod, chown, lstat, mkdir, mkdtemp, realpath, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readFileIfThere, writePrivateFile } from '../private-files.ts';
import { EmbeddedPostgresError, USE_A_SERVER } from './embedded-error.ts';
import { canTraverse, isRoot, type SystemUser, unprivilegedUser } from './system-user.ts';

/** Where the embedded database lives and whom it runs as. */
export interface Place {
  /** Holds `data`, `run` and `server.log`; 0700, owned by whom the server runs as. */
  readonly home: string;
  /** Null: as ourselves. */
  readonly user: SystemUser | null;
  /** Where programs may be copied to when they cannot run where they are installed. */
  readonly copyTo: string;
}

/** Kept in the data directory when the database lies elsewhere. */
const RECORD = 'postgres.place';
/** For root, when the data directory lies where nobody else may go; all survive a reboot. */
const SYSTEM_FOLDERS = ['/var/lib/zerogpu', '/usr/local/var/zerogpu', '/var/tmp/zerogpu'];
/** A socket's path must fit into 104 bytes on macOS, 108 on Linux. */
const MAX_SOCKET_PATH = 100;

/** Chooses, makes and remembers the place. @throws EmbeddedPostgresError that says what to do */
export async function preparePlace(dataDir: string): Promise<Place> {
  const real = await realpath(dataDir);
  const place = await choosePlace(real);
  await mkdir(place.home, { recursive: true, mode: 0o700 });
  await ownFolder(place.home, place.user);
  return place;
}

async function choosePlace(dataDir: string): Promise<Place> {
  const inside = join(dataDir, 'postgres');
  const recorded = await readRecord(dataDir);
  if (!isRoot()) {
    await refuseForeign(inside, recorded);
    return { home: inside, user: null, copyTo: join(dataDir, 'postgres-programs') };
  }
  if (recorded !== null) return rootPlace(recorded, await ownerOf(recorded));
  const owner = await ownerIfThere(join(inside, 'data'));
  if (owner) return existingInside(dataDir, inside, owner);
  const user = await unprivilegedUser();
  if (await canTraverse(dataDir, user)) return rootPlace(inside, user);
  return outside(dataDir, user);
}

function rootPlace(home: string, user: SystemUser): Place {
  return { home, user, copyTo: `${SYSTEM_FOLDERS[0]}/programs` };
}

async function existingInside(dataDir: string, inside: string, owner: SystemUser): Promise<Place> {
  if (!(await canTraverse(dataDir, owner))) {
    throw new EmbeddedPostgresError(
      `The database in ${inside} belongs to user id ${owner.uid}, who may not enter ${dataDir}. Open the folders above it (chmod a+x), or move the data directory. ${USE_A_SERVER}`,
    );
  }
  return rootPlace(inside, owner);
}

async function outside(dataDir: string, user: SystemUser): Promise<Place> {
  for (const folder of SYSTEM_FOLDERS) {
    const made = await mkdir(folder, { recursive: true, mode: 0o711 }).then(
      () => true,
      () => false,
    );
    if (!made || !(await canTraverse(folder, user))) continue;
    // Never by the data directory's path: a new clone at an old one's place must not find the old one's database.
    const home = await mkdtemp(join(folder, 'database-'));
    // For whoever finds the folder later and wonders whose it is.
    await writePrivateFile(join(home, 'data-directory'), `${dataDir}\n`);
    await writePrivateFile(join(dataDir, RECORD), `${JSON.stringify({ home, dataDir })}\n`);
    return { home, user, copyTo: join(folder, 'programs') };
  }
  throw new EmbeddedPostgresError(
    `Cannot start the embedded database as root: no other user may enter ${dataDir}, and none of ${SYSTEM_FOLDERS.join(', ')} can be used instead. Set ZEROGPU_DATA_DIR to a folder that others may enter, or start as an ordinary user. ${USE_A_SERVER}`,
  );
}

/** The database's folder when it lies elsewhere; null when it lies in the data directory. */
async function readRecord(dataDir: string): Promise<string | null> {
  const text = await readFileIfThere(join(dataDir, RECORD)).catch(() => null);
  if (text === null) return null;
  const record = parseRecord(text, join(dataDir, RECORD));
  if (record.dataDir !== dataDir && (await ownerIfThere(record.dataDir))) {
    throw new EmbeddedPostgresError(
      `${dataDir} is a copy of ${record.dataDir}, and both point at the database in ${record.home}. Remove ${join(dataDir, RECORD)} to start with an empty database here, or use the original`,
    );
  }
  if (!(await ownerIfThere(record.home))) {
    throw new EmbeddedPostgresError(
      `The database of ${dataDir} was kept in ${record.home}, which is not there any more. Put it back, or remove ${join(dataDir, RECORD)} to start with an empty database`,
    );
  }
  return record.home;
}

function parseRecord(text: string, path: string): { home: string; dataDir: string } {
  try {
    const { home, dataDir } = JSON.parse(text);
    if (typeof home === 'string' && typeof dataDir === 'string') return { home, dataDir };
  } catch {
    // Said below.
  }
  throw new EmbeddedPostgresError(
    `${path} is damaged. It names the folder of this data directory's database, usually below ${SYSTEM_FOLDERS[0]}; write it as {"home": …, "dataDir": …}`,
  );
}

/** An ordinary user cannot use what root made. */
async function refuseForeign(inside: string, recorded: string | null): Promise<void> {
  const home = recorded ?? inside;
  const owner = await ownerIfThere(home);
  if (recorded === null && (owner === null || owner.uid === process.getuid?.())) return;
  throw new EmbeddedPostgresError(
    `The database in ${home} was made by another user (now user id ${owner?.uid ?? 'unknown'}). Start as root or as that user, or use another data directory with ZEROGPU_DATA_DIR. ${USE_A_SERVER}`,
  );
}

async function ownerIfThere(path: string): Promise<SystemUser | null> {
  return lstat(path).then(
    ({ uid, gid }) => ({ uid, gid }),
    () => null,
  );
}

/** Who runs a database that exists; a folder of root's was made by a start that got no further. */
async function ownerOf(home: string): Promise<SystemUser> {
  const { uid, gid } = await stat(home);
  return uid === 0 ? unprivilegedUser() : { uid, gid };
}

export async function ownFolder(path: string, user: SystemUser | null): Promise<void> {
  if (user) await chown(path, user.uid, user.gid);
  await chmod(path, 0o700);
}

/** A folder for the socket that nobody else may enter: in the home, or in the system's for short-lived things. */
export async function prepareSocketFolder(place: Place): Promise<string> {
  const inside = join(place.home, 'run');
  // The server splits its list of folders at commas and unquotes it.
  const fits = Buffer.byteLength(join(inside, '.s.PGSQL.5432')) <= MAX_SOCKET_PATH && !/[",]/.test(inside);
  const folder = fits ? inside : await mkdtemp(join(tmpdir(), 'zerogpu-'));
  if (fits) await mkdir(inside, { recursive: true, mode: 0o700 });
  await ownFolder(folder, place.user);
  return folder;
}
