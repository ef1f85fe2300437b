/**
 * A program that owns a data directory, to be killed by tests: `node run-embedded.ts <dataDir>`. Prints one line of
 * JSON when the server is up, or when it was refused; stops cleanly on SIGTERM.
 */
import { startEmbeddedPostgres } from '../store/embedded-postgres.ts';
import { silentLog } from '../store/log.ts';

try {
  const dataDir = process.argv[2] ?? '';
  const server = await startEmbeddedPostgres({ dataDir, log: silentLog });
  process.once('SIGTERM', () => void server.stop().then(() => process.exit(0)));
  console.log(JSON.stringify({ server: server.pid, connection: server.connection }));
} catch (error) {
  console.log(JSON.stringify({ refused: error instanceof Error ? error.message : String(error) }));
}
