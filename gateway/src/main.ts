/** The gateway as a process of its own: `node gateway/src/main.ts`. */
import { setTimeout as sleep } from 'node:timers/promises';
import pino from 'pino';
import { type Config, ConfigError, readConfig } from './config.ts';
import { type Gateway, openGateway } from './gateway.ts';
import { ListenError } from './listen-error.ts';
import { StorageSettingError } from './storage/storage-setting-error.ts';
import { DataDirBusyError, EmbeddedPostgresError } from './store/embedded-postgres.ts';
import type { Log } from './store/log.ts';
import { MigrationError } from './store/migrate.ts';
import { StoreError } from './store/open-store.ts';
import { DataDirError, SecretError } from './store/secrets.ts';

/** A restart cannot mend it. */
const EXIT_FOR_GOOD = 2;
const GRACE_MS = 10_000;
/** An idle gateway ends in a second, database and all; a busy one takes longer, and is worth a second try by hand. */
const OWNER_ENDS_MS = 5_000;
const BUSY_LOOK_MS = 500;

/** Said in words for the operator: a stack would only hide them. */
const OPERATOR_ERRORS = [
  ConfigError,
  SecretError,
  DataDirError,
  ListenError,
  MigrationError,
  StoreError,
  EmbeddedPostgresError,
  StorageSettingError,
];
/** The others a restart may mend: a database may come back. */
const FOR_GOOD = [ConfigError, SecretError, DataDirError, ListenError, MigrationError, DataDirBusyError];

async function main(): Promise<void> {
  // A reader of our output that went away is no reason to stop working.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  const config = readConfig(process.env);
  const log = pino({ level: config.logLevel, base: null }, pino.destination({ fd: 2, sync: false }));
  const gateway = await openWhenFree(config, log);
  endWithTheProcess(gateway);
  if (gateway.firstBoot !== null) showCredentials(gateway.firstBoot);
  announce(gateway);
}

/**
 * A starter that was killed leaves a gateway that is just ending: it gets the time to. One that does not end is
 * somebody's running gateway.
 */
async function openWhenFree(config: Config, log: Log): Promise<Gateway> {
  const until = Date.now() + OWNER_ENDS_MS;
  for (let told = false; ; told = true) {
    try {
      return await openGateway(config, log);
    } catch (error) {
      if (!(error instanceof DataDirBusyError) || Date.now() > until) throw error;
      if (!told)
        console.log(`The data directory ${config.dataDir} is in use; waiting for that gateway to end`);
      await sleep(BUSY_LOOK_MS);
    }
  }
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
