import { ApiError, idForm, isId, type NODE_ORDERS, type NodeState } from '@zerogpu/protocol';
import type { PoolClient } from 'pg';
import { notThere } from '../admin/access.ts';
import { limitOf, type PageQuery, placeOf } from '../admin/paging.ts';
import { SqlValues } from '../admin/sql-values.ts';
import { columnsOf, NAME, type NodeRow, stateIn } from './node-rows.ts';
import type { Scope } from './scope.ts';

export interface NodeQuery extends PageQuery {
  readonly state?: NodeState;
  readonly pool?: string;
  readonly model?: string;
  readonly region?: string;
  readonly device_class?: string;
  readonly search?: string;
  readonly order?: (typeof NODE_ORDERS)[number];
}

const MICROS = /^\d{1,17}$/;
const BASE64 = /^[\w-]*$/;
const NODE_ID = idForm('node');
const at = (micros: string) => `'epoch'::timestamptz + ${micros}::bigint * interval '1 microsecond'`;

interface Order {
  readonly by: string;
  readonly first: RegExp;
  /** What lies behind the place that a cursor names. */
  behind(first: string, id: string): string;
  read(first: string): string;
  write(row: NodeRow): string;
}

/** In bytes, so that the order does not hang on the machine's language. */
const LOWER = `lower(${NAME}) COLLATE "C"`;

const ORDERS: Readonly<Record<(typeof NODE_ORDERS)[number], Order>> = {
  newest: {
    by: 'n.created_at DESC, n.id DESC',
    first: MICROS,
    behind: (first, id) => `(n.created_at, n.id) < (${at(first)}, ${id})`,
    read: (first) => first,
    write: ({ micros }) => String(micros),
  },
  last_seen: {
    by: 'n.last_seen_at DESC, n.id DESC',
    first: MICROS,
    behind: (first, id) => `(n.last_seen_at, n.id) < (${at(first)}, ${id})`,
    read: (first) => first,
    write: ({ seen_micros }) => String(seen_micros),
  },
  name: {
    by: `${LOWER}, n.id`,
    first: BASE64,
    behind: (first, id) => `(${LOWER}, n.id) > (lower(${first}::text), ${id})`,
    read: (first) => Buffer.from(first, 'base64url').toString('utf8'),
    write: ({ name }) => Buffer.from(name).toString('base64url'),
  },
};

const orderOf = ({ order = 'newest' }: NodeQuery) => ORDERS[order];

/** The sort key of a row, for the cursor. */
export function cursorOf(query: NodeQuery): (row: NodeRow) => readonly string[] {
  return (row) => [orderOf(query).write(row), row.id];
}

/** @returns one more than a page when there is another */
export async function listNodes(
  db: PoolClient,
  scope: Scope,
  query: NodeQuery,
  alive: readonly string[],
): Promise<readonly NodeRow[]> {
  const order = orderOf(query);
  const place = placeOf(query, [order.first, NODE_ID]);
  const values = new SqlValues();
  const gateways = values.add(alive);
  const where = [scope.where(values, 'n'), ...filtersOf(query, values, gateways)];
  if (place !== null) {
    const [first, id = ''] = place;
    where.push(order.behind(values.add(storable(order.read(first))), values.add(id)));
  }
  const text = `SELECT ${columnsOf(gateways)} FROM nodes n WHERE ${where.join(' AND ')}
    ORDER BY ${order.by} LIMIT ${limitOf(query) + 1}`;
  return (await db.query<NodeRow>(text, values.list)).rows;
}

/** A cursor is made by us, but anybody may send one. */
function storable(text: string): string {
  if (!text.includes('\0')) return text;
  throw new ApiError('invalid_value', {
    message: 'after must be the next of the page before',
    param: 'after',
  });
}

function filtersOf(query: NodeQuery, values: SqlValues, gateways: string): string[] {
  const { state, pool, model, region, device_class, search } = query;
  const where: string[] = [];
  if (state === undefined) where.push('n.revoked_at IS NULL');
  else where.push(`${stateIn(gateways)} = ${values.add(state)}`);
  if (pool !== undefined) where.push(`n.pool = ${values.add(pool)}`);
  if (region !== undefined) where.push(`n.region = ${values.add(region)}`);
  if (device_class !== undefined) where.push(`n.device_class = ${values.add(device_class)}`);
  if (model !== undefined) where.push(`n.models @> ${values.add(JSON.stringify([{ id: model }]))}::jsonb`);
  if (search !== undefined) {
    const text = `lower(${values.add(search)})`;
    where.push(`(position(${text} IN lower(${NAME})) > 0 OR position(${text} IN lower(n.name)) > 0)`);
  }
  return where;
}

/**
 * @param lock for who changes it
 * @throws ApiError not_found
 */
export async function findNode(
  db: PoolClient,
  scope: Scope,
  nodeId: string,
  alive: readonly string[],
  lock = false,
): Promise<NodeRow> {
  // A NUL in a path would be an error of the database.
  if (!isId('node', nodeId)) throw notThere('node');
  const values = new SqlValues();
  const gateways = values.add(alive);
  const text = `SELECT ${columnsOf(gateways)} FROM nodes n
    WHERE ${scope.where(values, 'n')} AND n.id = ${values.add(nodeId)}${lock ? ' FOR NO KEY UPDATE' : ''}`;
  const { rows } = await db.query<NodeRow>(text, values.list);
  if (rows[0] === undefined) throw notThere('node');
  return rows[0];
}
