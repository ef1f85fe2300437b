/** Commands of the operator, beside a running gateway or without one: `npm run admin -- reset-link <email>`. */
import { type Config, ConfigError, readConfig } from './config.ts';
import { makeReset } from './people/password-reset.ts';
import { linkTo } from './people/people-services.ts';
import { EmbeddedPostgresError } from './store/embedded-postgres.ts';
import { silentLog } from './store/log.ts';
import { MigrationError } from './store/migrate.ts';
import { openStoreBeside, StoreError } from './store/open-store.ts';
import { DataDirError, loadSecrets, SecretError } from './store/secrets.ts';

const USAGE = `Usage: npm run admin -- reset-link <email>
  prints a link with which this person sets a new password, once and within an hour`;

/** Said in words for the operator: a stack would only hide them. */
const OPERATOR_ERRORS = [
  ConfigError,
  SecretError,
  DataDirError,
  MigrationError,
  StoreError,
  EmbeddedPostgresError,
];

/** @returns the exit code */
async function main([command, email, ...rest]: readonly string[]): Promise<number> {
  if (command !== 'reset-link' || !email || rest.length > 0) {
    console.error(USAGE);
    return 2;
  }
  const config = readConfig(process.env);
  const token = await makeToken(config, email);
  if (token === null) {
    console.error(`There is no account with the address ${email}`);
    return 1;
  }
  // To the terminal of whoever asked for it, and nowhere else.
  console.log(linkTo(config.publicUrl ?? `http://${config.host}:${config.port}`, 'reset-password', token));
  return 0;
}

async function makeToken(config: Config, email: string): Promise<string | null> {
  const { dataDir, databaseUrl } = config;
  const secrets = await loadSecrets(dataDir, config.secret);
  const store = await openStoreBeside({ dataDir, databaseUrl, log: silentLog });
  try {
    return await makeReset(store.pool, secrets, email);
  } finally {
    await store.close();
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const told = OPERATOR_ERRORS.some((kind) => error instanceof kind) && error instanceof Error;
  console.error(told ? error.message : error);
  process.exitCode = 1;
}
