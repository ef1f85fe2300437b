/** A database of its own on the server that the tests were given. */
import { randomBytes } from 'node:crypto';
import { moneyTypes } from '@zerogpu/ledger';
import pg from 'pg';

export const SERVER = process.env['ZEROGPU_TEST_DATABASE_URL'];
export const SERVER_REQUIRED = (process.env['ZEROGPU_TEST_REQUIRE'] ?? '').split(',').includes('postgres');

export interface ScratchDatabase {
  readonly url: string;
  readonly pool: pg.Pool;
  drop(): Promise<void>;
}

export async function makeDatabase(): Promise<ScratchDatabase> {
  if (!SERVER) {
    throw new Error('ZEROGPU_TEST_REQUIRE asks for a server, and ZEROGPU_TEST_DATABASE_URL names none');
  }
  const name = `zerogpu_test_${randomBytes(6).toString('hex')}`;
  await onServer(`CREATE DATABASE ${name}`);
  const url = new URL(SERVER);
  url.pathname = name;
  const pool = new pg.Pool({ connectionString: url.href, types: moneyTypes, max: 8 });
  // Dropping the database with force ends what is left of its connections.
  pool.on('error', () => undefined);
  const drop = async () => {
    await pool.end();
    await onServer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  };
  return { url: url.href, pool, drop };
}

async function onServer(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: SERVER });
  await client.connect();
  await client.query(statement);
  await client.end();
}
