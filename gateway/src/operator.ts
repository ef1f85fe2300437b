/** Commands of the operator, beside a running gateway or without one: `npm run admin -- reset-link <email>`. */
import type { Pool } from 'pg';
import { ConfigError, readConfig } from './config.ts';
import { addressForOthers } from './own-address.ts';
import { addOperator, listOperators, removeOperator } from './people/operators.ts';
import { makeReset } from './people/password-reset.ts';
import { linkTo } from './people/people-services.ts';
import { EmbeddedPostgresError } from './store/embedded-postgres.ts';
import { silentLog } from './store/log.ts';
import { MigrationError } from './store/migrate.ts';
import { openStoreBeside, StoreError } from './store/open-store.ts';
import { DataDirError, loadSecrets, SecretError } from './store/secrets.ts';

const USAGE = `Usage: npm run admin -- reset-link <email>
  prints a link with which this person sets a new password, once and within an hour

       npm run admin -- operator list
       npm run admin -- operator add <email>
       npm run admin -- operator remove <email>
  who runs this installation: sees and changes the operator’s nodes and strangers’ in the admin API`;

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
async function main(words: readonly string[]): Promise<number> {
  const [command, ...rest] = words;
  const [first, second] = rest;
  if (command === 'reset-link' && first && rest.length === 1) return resetLink(first);
  if (command === 'operator' && first === 'list' && rest.length === 1) return beside(listed);
  if (command === 'operator' && second && rest.length === 2) {
    if (first === 'add') return beside((pool) => added(pool, second));
    if (first === 'remove') return beside((pool) => removed(pool, second));
  }
  console.error(USAGE);
  return 2;
}

async function resetLink(email: string): Promise<number> {
  const config = readConfig(process.env);
  const secrets = await loadSecrets(config.dataDir, config.secret);
  return beside(async (pool) => {
    const token = await makeReset(pool, secrets, email);
    if (token === null) return nobody(email);
    // To the terminal of whoever asked for it, and nowhere else.
    const address = addressForOthers(`http://${config.host}:${config.port}`, config.host);
    console.log(linkTo(config.publicUrl ?? address, 'reset-password', token));
    return 0;
  });
}

async function listed(pool: Pool): Promise<number> {
  const operators = await listOperators(pool);
  for (const { email, name } of operators) console.log(`${email}  ${name}`);
  if (operators.length === 0)
    console.error('There is no operator; npm run admin -- operator add <email> makes one');
  return 0;
}

async function added(pool: Pool, email: string): Promise<number> {
  const found = await addOperator(pool, email);
  if (!found) return nobody(email);
  console.log(`${email} is an operator`);
  return 0;
}

async function removed(pool: Pool, email: string): Promise<number> {
  if (!(await removeOperator(pool, email))) {
    console.error(`There is no operator with the address ${email}`);
    return 1;
  }
  console.log(`${email} is no operator any more`);
  return 0;
}

function nobody(email: string): number {
  console.error(`There is no account with the address ${email}`);
  return 1;
}

/** Works on the database, beside a running gateway or without one. */
async function beside(work: (pool: Pool) => Promise<number>): Promise<number> {
  const { dataDir, databaseUrl } = readConfig(process.env);
  const store = await openStoreBeside({ dataDir, databaseUrl, log: silentLog });
  try {
    return await work(store.pool);
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
