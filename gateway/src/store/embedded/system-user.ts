import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { EmbeddedPostgresError, USE_A_SERVER } from './embedded-error.ts';

/** Whom the server runs as, when that is not ourselves. */
export interface SystemUser {
  readonly uid: number;
  readonly gid: number;
}

/** In this order: every Unix has one of them, and none owns anything. */
const UNPRIVILEGED = ['nobody', 'daemon'];

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** An existing user without rights: PostgreSQL refuses to run as root. */
export async function unprivilegedUser(): Promise<SystemUser> {
  const users = parsePasswd(await readFile('/etc/passwd', 'utf8').catch(() => ''));
  for (const name of UNPRIVILEGED) {
    const user = users.get(name);
    if (user && user.uid !== 0) return user;
  }
  throw new EmbeddedPostgresError(
    `Cannot start the embedded database as root: PostgreSQL refuses to run as root, and there is no user ${UNPRIVILEGED.join(' or ')} to run it as. Start as an ordinary user. ${USE_A_SERVER}`,
  );
}

/** Pure; ids below zero (macOS writes -2) are taken as the unsigned numbers that they stand for. */
export function parsePasswd(text: string): Map<string, SystemUser> {
  const users = new Map<string, SystemUser>();
  for (const line of text.split('\n')) {
    const [name, , uid, gid] = line.split(':');
    if (!name || !/^-?\d+$/.test(uid ?? '') || !/^-?\d+$/.test(gid ?? '')) continue;
    users.set(name, { uid: Number(uid) >>> 0, gid: Number(gid) >>> 0 });
  }
  return users;
}

/** True when the user may pass through the folder and all above it. Looks at mode bits only. */
export async function canTraverse(folder: string, user: SystemUser): Promise<boolean> {
  for (let at = resolve(folder); ; at = dirname(at)) {
    const { mode, uid, gid } = await stat(at);
    const shift = uid === user.uid ? 6 : gid === user.gid ? 3 : 0;
    if (((mode >> shift) & 1) === 0) return false;
    if (at === dirname(at)) return true;
  }
}
