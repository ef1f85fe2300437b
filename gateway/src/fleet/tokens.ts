/** Join tokens: made, listed, revoked. Their text is shown once and kept nowhere. */
import {
  ApiError,
  JOIN_TOKEN_PREFIX,
  makeSecret,
  maskSecret,
  type NodePool,
  VERSION,
} from '@zerogpu/protocol';
import type { PoolClient } from 'pg';
import { notThere } from '../admin/access.ts';
import { limitOf, type PageQuery, placeOf } from '../admin/paging.ts';
import { SqlValues } from '../admin/sql-values.ts';
import { isUuid, UUID_FORM } from '../store/tenant-fence.ts';
import type { Scope } from './scope.ts';

/** Of one organization, or of the operator's pools: each is a row that stays, and more than these nobody tells apart. */
const MAX_ACTIVE_TOKENS = 1_000;

export interface TokenRow {
  readonly id: string;
  readonly pool: NodePool;
  readonly name: string;
  readonly masked: string;
  readonly uses_left: number | null;
  readonly nodes: number;
  readonly created_by: string | null;
  readonly creator: string | null;
  readonly created_at: Date;
  /** Microseconds since 1970. */
  readonly micros: bigint;
  readonly expires_at: Date | null;
  readonly revoked_at: Date | null;
}

/** Tenants see the names of their own alone; operators' those of all. */
const creatorOf = ({ organizationId }: Scope) =>
  organizationId === null
    ? '(SELECT p.name FROM people p WHERE p.id = t.created_by)'
    : 'member_name(t.created_by)';

const columnsOf = (scope: Scope) => `t.id, t.pool, t.name, t.masked, t.uses_left, t.created_by,
  ${creatorOf(scope)} AS creator, t.created_at, (extract(epoch FROM t.created_at) * 1000000)::bigint AS micros,
  t.expires_at, t.revoked_at,
  (SELECT count(*)::int FROM nodes n WHERE n.join_token_id = t.id AND n.revoked_at IS NULL) AS nodes`;

/** @returns one more than a page when there is another */
export async function listTokens(
  db: PoolClient,
  scope: Scope,
  query: PageQuery,
): Promise<readonly TokenRow[]> {
  const values = new SqlValues();
  const where = [scope.where(values, 't')];
  const [micros, id] = placeOf(query, [/^\d{1,17}$/, UUID_FORM]) ?? [];
  if (micros !== undefined) {
    const before = `'epoch'::timestamptz + ${values.add(micros)}::bigint * interval '1 microsecond'`;
    where.push(`(t.created_at, t.id) < (${before}, ${values.add(id)}::uuid)`);
  }
  const text = `SELECT ${columnsOf(scope)} FROM join_tokens t WHERE ${where.join(' AND ')}
    ORDER BY t.created_at DESC, t.id DESC LIMIT ${limitOf(query) + 1}`;
  return (await db.query<TokenRow>(text, values.list)).rows;
}

export interface NewToken {
  readonly name: string;
  readonly pool: NodePool;
  readonly uses: number | null;
  readonly expires: Date | null;
  readonly createdBy: string | null;
}

const INSERT = `
INSERT INTO join_tokens (hash, organization_id, name, masked, pool, uses_left, created_by, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id`;

/** @returns the row, and the token's text */
export async function createToken(
  db: PoolClient,
  scope: Scope,
  { name, pool, uses, expires, createdBy }: NewToken,
  hash: (token: string) => Buffer,
): Promise<{ readonly row: TokenRow; readonly token: string }> {
  await checkRoom(db, scope);
  const token = makeSecret(JOIN_TOKEN_PREFIX);
  const what = [hash(token), scope.organizationId, name, maskSecret(token), pool, uses, createdBy, expires];
  const { rows } = await db.query<{ id: string }>(INSERT, what);
  return { row: await findToken(db, scope, rows[0]?.id ?? ''), token };
}

async function checkRoom(db: PoolClient, scope: Scope): Promise<void> {
  const values = new SqlValues();
  const text = `
    SELECT count(*)::int AS active FROM join_tokens t WHERE ${scope.where(values, 't')}
      AND t.revoked_at IS NULL AND coalesce(t.uses_left, 1) > 0 AND (t.expires_at IS NULL OR t.expires_at > now())`;
  const { rows } = await db.query<{ active: number }>(text, values.list);
  if ((rows[0]?.active ?? 0) < MAX_ACTIVE_TOKENS) return;
  throw new ApiError('state_conflict', {
    message: `There are ${MAX_ACTIVE_TOKENS} join tokens that admit nodes, which is as many as there may be; revoke some`,
  });
}

/** @throws ApiError not_found */
async function findToken(db: PoolClient, scope: Scope, id: string): Promise<TokenRow> {
  if (!isUuid(id)) throw notThere('join token');
  const values = new SqlValues();
  const text = `SELECT ${columnsOf(scope)} FROM join_tokens t
    WHERE ${scope.where(values, 't')} AND t.id = ${values.add(id)}`;
  const { rows } = await db.query<TokenRow>(text, values.list);
  if (rows[0] === undefined) throw notThere('join token');
  return rows[0];
}

/** @throws ApiError not_found, state_conflict */
export async function revokeToken(db: PoolClient, scope: Scope, id: string): Promise<TokenRow> {
  await findToken(db, scope, id);
  const text = 'UPDATE join_tokens SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL';
  const { rowCount } = await db.query(text, [id]);
  if (rowCount === 1) return findToken(db, scope, id);
  throw new ApiError('state_conflict', { message: 'The join token is revoked, which is for good' });
}

export function shownToken(row: TokenRow, now: number) {
  const { micros: _, creator, created_by, created_at, expires_at, revoked_at, ...rest } = row;
  return {
    ...rest,
    status: statusOf(row, now),
    created_at: created_at.toISOString(),
    created_by: created_by === null ? null : { id: created_by, name: creator },
    expires_at: expires_at?.toISOString() ?? null,
    revoked_at: revoked_at?.toISOString() ?? null,
  };
}

function statusOf({ revoked_at, expires_at, uses_left }: TokenRow, now: number) {
  if (revoked_at !== null) return 'revoked' as const;
  if (expires_at !== null && expires_at.getTime() <= now) return 'expired' as const;
  return uses_left === 0 ? ('used_up' as const) : ('active' as const);
}

/** Undefined and null are no end. */
export function expiryOf(text: string | null | undefined, now: number): Date | null {
  if (text === undefined || text === null) return null;
  const at = new Date(text);
  // An invalid date is later than nothing.
  if (at.getTime() > now) return at;
  throw new ApiError('invalid_value', {
    message: `expires_at must be a time to come, not "${text}"`,
    param: 'expires_at',
  });
}

/** Ready to paste on the device that is to join. */
export function waysToJoin(publicUrl: string, token: string) {
  const url = publicUrl.replace(/\/+$/, '');
  // npx keeps what it once got from an address: a new version needs another.
  const program = `npx --yes '${url}/node/zerogpu.tgz?${VERSION}' node`;
  return {
    command: `${program} join ${url} ${token}`,
    install_command: `${program} install ${url} ${token}`,
    link: `${url}/node?token=${token}`,
  };
}
