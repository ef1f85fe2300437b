import { makeSecret, RESET_PREFIX } from '@zerogpu/protocol';
import type { Pool, PoolClient } from 'pg';
import type { Secrets } from '../store/secrets.ts';

/** Time to find the mail; short enough that one forgotten in a mailbox opens nothing. */
const LASTS = "interval '1 hour'";
const INSERT = `
WITH swept AS (DELETE FROM password_resets WHERE expires_at < now())
INSERT INTO password_resets (hash, person_id, expires_at)
SELECT $1, id, now() + ${LASTS} FROM people WHERE email = $2 RETURNING person_id`;
const EXISTS = 'SELECT 1 FROM password_resets WHERE hash = $1 AND expires_at > now()';
const TAKE = 'DELETE FROM password_resets WHERE hash = $1 AND expires_at > now() RETURNING person_id';
const DROP = 'DELETE FROM password_resets WHERE person_id = $1';

/** @returns the token of a link that sets a new password once; null when there is no such account */
export async function makeReset(pool: Pool, secrets: Secrets, email: string): Promise<string | null> {
  const token = makeSecret(RESET_PREFIX);
  const { rows } = await pool.query(INSERT, [secrets.hashToken(token), email.toLowerCase()]);
  return rows.length > 0 ? token : null;
}

/** Whether a token would be taken: before a password is hashed for it. */
export async function isReset(pool: Pool, secrets: Secrets, token: string): Promise<boolean> {
  return (await pool.query(EXISTS, [secrets.hashToken(token)])).rows.length > 0;
}

/** Uses a token up, and all others of its person. @returns whose it was; null when it is not valid any more */
export async function takeReset(db: PoolClient, secrets: Secrets, token: string): Promise<string | null> {
  const { rows } = await db.query<{ person_id: string }>(TAKE, [secrets.hashToken(token)]);
  const personId = rows[0]?.person_id;
  if (personId === undefined) return null;
  await dropResets(db, personId);
  return personId;
}

/** When the password was changed: a link that was sent before, perhaps to a thief of a mailbox, opens nothing more. */
export async function dropResets(db: PoolClient, personId: string): Promise<void> {
  await db.query(DROP, [personId]);
}
