/** People and their passwords, as rows. */
import type { Pool, PoolClient } from 'pg';

export interface PersonRow {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly created_at: Date;
}

const COLUMNS = 'p.id, p.email, p.name, p.created_at';
const BY_EMAIL = `
SELECT ${COLUMNS}, c.password_hash FROM people p JOIN credentials c ON c.person_id = p.id WHERE p.email = $1`;
const BY_ID = `SELECT ${COLUMNS} FROM people p WHERE p.id = $1`;
const INSERT = `
INSERT INTO people AS p (email, name) VALUES ($1, $2) ON CONFLICT (email) DO NOTHING RETURNING ${COLUMNS}`;
const RENAME = `UPDATE people AS p SET name = $2 WHERE p.id = $1 RETURNING ${COLUMNS}`;
const INSERT_CREDENTIALS = 'INSERT INTO credentials (person_id, password_hash) VALUES ($1, $2)';
const HASH = 'SELECT password_hash FROM credentials WHERE person_id = $1';
const LOCK_HASH = 'SELECT 1 FROM credentials WHERE person_id = $1 AND password_hash = $2 FOR SHARE';
const SET_HASH = 'UPDATE credentials SET password_hash = $2, changed_at = now() WHERE person_id = $1';
const REPLACE_HASH = `
UPDATE credentials SET password_hash = $3, changed_at = now() WHERE person_id = $1 AND password_hash = $2
RETURNING person_id`;

export type PersonWithHash = PersonRow & { readonly password_hash: string };

export async function findByEmail(pool: Pool, email: string): Promise<PersonWithHash | null> {
  return (await pool.query<PersonWithHash>(BY_EMAIL, [email])).rows[0] ?? null;
}

export async function readPerson(pool: Pool, id: string): Promise<PersonRow> {
  return onlyPerson((await pool.query<PersonRow>(BY_ID, [id])).rows);
}

/** @returns null when the address has an account */
export async function addPerson(
  db: PoolClient,
  email: string,
  name: string,
  passwordHash: string,
): Promise<PersonRow | null> {
  const person = (await db.query<PersonRow>(INSERT, [email, name])).rows[0];
  if (person === undefined) return null;
  await db.query(INSERT_CREDENTIALS, [person.id, passwordHash]);
  return person;
}

export async function renamePerson(db: PoolClient, id: string, name: string): Promise<PersonRow> {
  return onlyPerson((await db.query<PersonRow>(RENAME, [id, name])).rows);
}

export async function readPasswordHash(pool: Pool, id: string): Promise<string | null> {
  return (await pool.query<{ password_hash: string }>(HASH, [id])).rows[0]?.password_hash ?? null;
}

/** Whether this is still the hash; it then stays so until the transaction ends. */
export async function keepsPasswordHash(db: PoolClient, id: string, passwordHash: string): Promise<boolean> {
  return (await db.query(LOCK_HASH, [id, passwordHash])).rows.length > 0;
}

export async function setPasswordHash(db: PoolClient, id: string, passwordHash: string): Promise<void> {
  await db.query(SET_HASH, [id, passwordHash]);
}

/** @returns false when it was not `before` any more */
export async function replacePasswordHash(
  db: PoolClient,
  id: string,
  before: string,
  passwordHash: string,
): Promise<boolean> {
  return (await db.query(REPLACE_HASH, [id, before, passwordHash])).rows.length > 0;
}

function onlyPerson(rows: readonly PersonRow[]): PersonRow {
  const row = rows[0];
  if (row === undefined) throw new Error('A person who is signed in has no row');
  return row;
}
