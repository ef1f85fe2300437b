/** Organizations as rows. */
import { randomUUID } from 'node:crypto';
import { openWallet } from '@zerogpu/ledger';
import { ApiError, type MemberRole } from '@zerogpu/protocol';
import type { Pool, PoolClient } from 'pg';
import { notThere } from '../admin/access.ts';

/** More than anybody runs; each has a wallet and its accounts in the ledger for ever. */
const MAX_OWNED = 50;

const SELECT = `
SELECT o.id, o.name, m.role, o.created_at FROM organizations o
JOIN members m ON m.organization_id = o.id`;
const LIST = `${SELECT} WHERE m.person_id = $1 ORDER BY o.created_at, o.id`;
const GET = `${SELECT} WHERE o.id = $1 AND m.person_id = $2`;
/** Of one person's calls at once, one after the other: else all would count before any adds. */
const LOCK_PERSON = 'SELECT 1 FROM people WHERE id = $1 FOR NO KEY UPDATE';
const COUNT_OWNED = "SELECT count(*)::int AS count FROM members WHERE person_id = $1 AND role = 'owner'";
const INSERT = 'INSERT INTO organizations (id, name, wallet_id) VALUES ($1, $2, $3)';
const INSERT_OWNER = "INSERT INTO members (organization_id, person_id, role) VALUES ($1, $2, 'owner')";
const RENAME = 'UPDATE organizations SET name = $2 WHERE id = $1';

interface Row {
  readonly id: string;
  readonly name: string;
  readonly role: MemberRole;
  readonly created_at: Date;
}

const shown = (row: Row) => ({ ...row, created_at: row.created_at.toISOString() });

export async function listOrganizations(pool: Pool, personId: string) {
  return (await pool.query<Row>(LIST, [personId])).rows.map(shown);
}

/** @throws ApiError not_found */
export async function getOrganization(db: PoolClient, id: string, personId: string) {
  const row = (await db.query<Row>(GET, [id, personId])).rows[0];
  if (row === undefined) throw notThere('organization');
  return shown(row);
}

/** With an empty wallet, and its owner. @throws ApiError state_conflict */
export async function addOrganization(db: PoolClient, name: string, personId: string) {
  await db.query(LOCK_PERSON, [personId]);
  const { rows } = await db.query<{ count: number }>(COUNT_OWNED, [personId]);
  if ((rows[0]?.count ?? 0) >= MAX_OWNED) {
    throw new ApiError('state_conflict', { message: `You own ${MAX_OWNED} organizations already` });
  }
  const id = randomUUID();
  const walletId = await openWallet(db, id);
  await db.query(INSERT, [id, name, walletId]);
  await db.query(INSERT_OWNER, [id, personId]);
  return getOrganization(db, id, personId);
}

export async function renameOrganization(db: PoolClient, id: string, name: string): Promise<void> {
  await db.query(RENAME, [id, name]);
}
