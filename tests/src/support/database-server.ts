/** Tests on a PostgreSQL server by address, each with a database of its own there. */
import { randomBytes } from 'node:crypto';
import { moneyTypes } from '@zerogpu/ledger';
import pg from 'pg';
import { describe } from 'vitest';

const SERVER = process.env['ZEROGPU_TEST_DATABASE_URL'];
const REQUIRED = (process.env['ZEROGPU_TEST_REQUIRE'] ?? '').split(',').includes('postgres');

/** Runs tests that need the server; skipped where there is none, unless it is required: then they fail. */
export function describeOnServer(name: string, tests: () => void): void {
  const how = SERVER ? '' : ' (skipped: set ZEROGPU_TEST_DATABASE_URL to a server)';
  describe.skipIf(!SERVER && !REQUIRED)(`${name}${how}`, tests);
}

export interface ScratchDatabase {
  readonly url: string;
  readonly pool: pg.Pool;
  /** Nobody is let in any more, and who is in it is thrown out, as when the server is away; or all may come back. */
  admit(admitted: boolean): Promise<void>;
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
  const admit = async (admitted: boolean) => {
    await onServer(`ALTER DATABASE ${name} ALLOW_CONNECTIONS ${admitted}`);
    if (admitted) return;
    await onServer(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`);
  };
  const drop = async () => {
    await pool.end();
    await onServer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  };
  return { url: url.href, pool, admit, drop };
}

/** Runs one statement on the server's own maintenance database. */
async function onServer(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: SERVER });
  await client.connect();
  await client.query(statement);
  await client.end();
}
