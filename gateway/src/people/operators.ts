import type { Pool } from 'pg';

/** A person who runs this installation. */
export interface Operator {
  readonly email: string;
  readonly name: string;
}

const LIST = `
SELECT p.email, p.name FROM operators o JOIN people p ON p.id = o.person_id ORDER BY o.created_at, p.email`;
const FIND = 'SELECT id FROM people WHERE email = lower($1)';
const ADD = 'INSERT INTO operators (person_id) VALUES ($1) ON CONFLICT DO NOTHING';
const REMOVE = 'DELETE FROM operators o USING people p WHERE p.id = o.person_id AND p.email = lower($1)';

export async function listOperators(pool: Pool): Promise<readonly Operator[]> {
  return (await pool.query<Operator>(LIST)).rows;
}

/** @returns false when there is no such account */
export async function addOperator(pool: Pool, email: string): Promise<boolean> {
  const { rows } = await pool.query<{ id: string }>(FIND, [email]);
  if (rows[0] === undefined) return false;
  await pool.query(ADD, [rows[0].id]);
  return true;
}

/** @returns false when they are none */
export async function removeOperator(pool: Pool, email: string): Promise<boolean> {
  return (await pool.query(REMOVE, [email])).rowCount === 1;
}
