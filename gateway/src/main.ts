/** The gateway as a process of its own: `node gateway/src/main.ts`. */
import pino from 'pino';
import { ConfigError, readConfig } from './config.ts';
import { type Gateway, openGateway } from './gateway.ts';
import { EmbeddedPostgresError } from './store/embedded-postgres.ts';
import { MigrationError } from './store/migrate.ts';
import { StoreError } from './store/open-store.ts';
import { SecretError } from './store/secrets.ts';

/** A restart cannot mend it. */
const EXIT_FOR_GOOD = 2;
const GRACE_MS = 10_000;

/** Said in words for the operator: a stack would only hide them. */
const OPERATOR_ERRORS = [ConfigError, SecretError, MigrationError, StoreError, EmbeddedPostgresError];
/** Of these a restart can mend the last two: a database may come back. */
const FOR_GOOD = [ConfigError, SecretError, MigrationError];

async function main(): Promise<void> {
  // A reader of our output that went away is no reason to stop working.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  const config = readConfig(process.env);
  const log = pino({ level: config.logLevel, base: null }, pino.destination({ fd: 2, sync: false }));
  const gateway = await openGateway(config, log);
  endWithTheProcess(gateway);
  if (gateway.firstBoot !== null) showCredentials(gateway.firstBoot);
  announce(gateway);
}

/** Ends in order on the first signal or when the parent is gone; the second signal ends at once. */
function endWithTheProcess(gateway: Gateway): void {
  let asked = 0;
  const end = async () => {
    if (++asked > 1) process.exit(1);
    await gateway.close(GRACE_MS);
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, end);
  if (process.connected) process.once('disconnect', end);
}

/** Once, and to a person only: what goes to a terminal does not stay in a log file. */
function showCredentials(made: NonNullable<Gateway['firstBoot']>): void {
  if (!process.stdout.isTTY) return;
  console.log(
    [
      '',
      '  Made for you, shown this once (and kept in credentials.env):',
      `    API key         ${made.apiKey}`,
      `    Project         ${made.projectId}`,
      `    Administrator   ${made.adminEmail}`,
      `    Password        ${made.adminPassword}`,
      '',
    ].join('\n'),
  );
}

/** Tells whoever started us; a person who started us by hand reads it. */
function announce(gateway: Gateway): void {
  const { url, dataDir, nodeTokenFile, credentialsFile } = gateway;
  const ready = {
    type: 'ready',
    url,
    dataDir,
    nodeTokenFile,
    credentialsFile,
    firstBoot: gateway.firstBoot !== null,
  };
  if (process.connected) process.send?.(ready, undefined, undefined, () => undefined);
  else console.log(`The gateway listens on ${url}; credentials are in ${credentialsFile}`);
}

function isOneOf(error: unknown, kinds: readonly (new (...args: never[]) => Error)[]): error is Error {
  return kinds.some((kind) => error instanceof kind);
}

try {
  await main();
} catch (error) {
  console.error(isOneOf(error, OPERATOR_ERRORS) ? error.message : error);
  process.exit(isOneOf(error, FOR_GOOD) ? EXIT_FOR_GOOD : 1);
}
