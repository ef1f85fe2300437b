import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import type { Pool, PoolClient } from 'pg';

/** A folder of numbered migrations: `0001_name.sql`, `0002_…`, without gaps, each applied once, never edited. */
export interface MigrationSet {
  readonly name: string;
  readonly folder: URL;
}

export interface Migration {
  readonly set: string;
  readonly number: number;
  readonly name: string;
  readonly sql: string;
  /** SHA-256 of the file, hexadecimal. */
  readonly checksum: string;
}

/** The database and the code do not fit; says what to do. A restart does not mend it. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError';
}

/** Any number does, as long as every gateway takes the same one. */
const LOCK = 7_301_884_620n;

const CREATE_TABLE = `
CREATE TABLE IF NOT EXISTS schema_migrations (
  set text NOT NULL,
  number int NOT NULL,
  name text NOT NULL,
  checksum text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (set, number)
)`;
const APPLIED = 'SELECT set, number, name, checksum FROM schema_migrations ORDER BY set, number';
const RECORD = 'INSERT INTO schema_migrations (set, number, name, checksum) VALUES ($1, $2, $3, $4)';

type Applied = Omit<Migration, 'sql'>;

/**
 * Brings a database up to date: all that is missing, in one transaction, one gateway at a time.
 * @param sets in the order of their dependence
 * @returns what was applied now
 * @throws MigrationError when an applied file was edited, or the database is newer than this code
 */
export async function migrate(pool: Pool, sets: readonly MigrationSet[]): Promise<Migration[]> {
  const wanted = (await Promise.all(sets.map(readMigrations))).flat();
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    // Waiting for another gateway's migrations, or filling a large table, may take longer than a query of a request may.
    await client.query('SET LOCAL statement_timeout = 0');
    await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
    const pending = await applyPending(client, wanted);
    await client.query('COMMIT');
    client.release();
    return pending;
  } catch (error) {
    // The connection goes with its transaction.
    client.release(true);
    throw error;
  }
}

async function applyPending(client: PoolClient, wanted: readonly Migration[]): Promise<Migration[]> {
  await client.query(CREATE_TABLE);
  const { rows } = await client.query<Applied>(APPLIED);
  const pending = pendingMigrations(wanted, rows);
  for (const migration of pending) {
    await client.query(migration.sql);
    await client.query(RECORD, [migration.set, migration.number, migration.name, migration.checksum]);
  }
  return pending;
}

/** What is yet to be applied, in order. Pure. @throws MigrationError */
export function pendingMigrations(wanted: readonly Migration[], applied: readonly Applied[]): Migration[] {
  const known = new Map(wanted.map((m) => [`${m.set}/${m.number}`, m]));
  for (const row of applied) {
    const file = known.get(`${row.set}/${row.number}`);
    if (!file) {
      throw new MigrationError(
        `The database is newer than this program: it has migration ${row.set}/${row.name}, which is not known here. Start the version that made it, or a later one`,
      );
    }
    if (file.checksum !== row.checksum) {
      throw new MigrationError(
        `Migration ${row.set}/${row.name} was changed after it was applied to this database. Put the file back as it was and add a new migration instead`,
      );
    }
  }
  const done = new Set(applied.map((row) => `${row.set}/${row.number}`));
  return wanted.filter((m) => !done.has(`${m.set}/${m.number}`));
}

/** @throws MigrationError when the numbers have a gap or a file has no number */
export async function readMigrations(set: MigrationSet): Promise<Migration[]> {
  const names = (await readdir(set.folder)).filter((name) => name.endsWith('.sql')).sort();
  return Promise.all(
    names.map(async (name, index) => {
      const number = Number(/^(\d{4})_[a-z0-9_]+\.sql$/.exec(name)?.[1]);
      if (number !== index + 1) {
        throw new MigrationError(
          `Migration ${set.name}/${name} is out of order: expected number ${index + 1}, written as 0001_name.sql`,
        );
      }
      const sql = await readFile(new URL(name, set.folder), 'utf8');
      return { set: set.name, number, name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}
