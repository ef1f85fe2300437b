import { join } from 'node:path';
import { readFileIfThere } from '../private-files.ts';
import { preparePlace } from './place.ts';

/** Lines of `postmaster.pid`, as PostgreSQL writes it. */
const PORT_LINE = 3;
const SOCKET_LINE = 4;

/**
 * Where the server listens that a running gateway keeps for a data directory: for an operator's command beside it.
 * @returns null when none runs
 */
export async function findRunningServer(
  dataDir: string,
): Promise<{ readonly host: string; readonly port: number } | null> {
  const { home } = await preparePlace(dataDir);
  const lines = (await readFileIfThere(join(home, 'data', 'postmaster.pid')))?.split('\n') ?? [];
  const [port, host] = [Number(lines[PORT_LINE]), lines[SOCKET_LINE]?.trim()];
  return host && Number.isSafeInteger(port) ? { host, port } : null;
}
