/** What our programs of this room have in common: settings, log, how they end, and what they say when they cannot run. */
import pino from 'pino';
import { type Config, ConfigError, readConfig } from './config.ts';
import { ListenError } from './listen-error.ts';
import { StorageSettingError } from './storage/storage-setting-error.ts';
import { DataDirBusyError, EmbeddedPostgresError } from './store/embedded-postgres.ts';
import type { Log } from './store/log.ts';
import { MigrationError } from './store/migrate.ts';
import { StoreError } from './store/open-store.ts';
import { DataDirError, SecretError } from './store/secrets.ts';

/** A restart cannot mend it. */
const EXIT_FOR_GOOD = 2;

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

/** Runs a program until it throws or ends by itself. */
export async function runProgram(main: (config: Config, log: Log) => Promise<void>): Promise<void> {
  // A reader of our output that went away is no reason to stop working.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  try {
    const config = readConfig(process.env);
    await main(
      config,
      pino({ level: config.logLevel, base: null }, pino.destination({ fd: 2, sync: false })),
    );
  } catch (error) {
    console.error(isOneOf(error, OPERATOR_ERRORS) ? error.message : error);
    process.exit(isOneOf(error, FOR_GOOD) ? EXIT_FOR_GOOD : 1);
  }
}

/** Ends in order on the first signal or when the parent is gone; the second signal ends at once. */
export function endWithTheProcess(close: () => Promise<void>): void {
  let asked = 0;
  const end = async () => {
    if (++asked > 1) process.exit(1);
    await close();
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, end);
  if (process.connected) process.once('disconnect', end);
}

/** Tells whoever started us; a person who started us by hand reads the words. */
export function sayReady(ready: object, words: string): void {
  const message = { type: 'ready', ...ready };
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
  else console.log(words);
}

function isOneOf(error: unknown, kinds: readonly (new (...args: never[]) => Error)[]): error is Error {
  return kinds.some((kind) => error instanceof kind);
}
