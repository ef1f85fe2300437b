import { findManifest } from '@zerogpu/catalogue';
import {
  API_KEY_PREFIX,
  ApiError,
  type BodyOf,
  type keyRoutes,
  makeSecret,
  maskSecret,
  roleSuffices,
} from '@zerogpu/protocol';
import type { PoolClient } from 'pg';
import { notThere } from '../admin/access.ts';
import type { AdminContext, Handlers } from '../admin/handler.ts';
import { limitOf, pageOf, placeOf } from '../admin/paging.ts';
import { isUuid, UUID_FORM } from '../store/tenant-fence.ts';

export interface KeyServices {
  /** How a key is stored and found. */
  hashKey(text: string): Buffer;
}

/**
 * Each key is a row that a gateway remembers for a second: this many are a tenth of its memory for keys, so that no
 * project can push the others out. Whoever needs a key per customer needs a project per customer.
 */
export const MAX_ACTIVE_KEYS = 1_000;

const COLUMNS = `id, project_id, name, masked, created_by, member_name(created_by) AS creator, created_at,
  (extract(epoch FROM created_at) * 1000000)::bigint AS micros, expires_at, revoked_at, last_used_at,
  allowed_models, requests_per_minute, tokens_per_minute`;
const LIST = `
SELECT ${COLUMNS} FROM api_keys
WHERE project_id = $1
  AND ($2::bigint IS NULL OR (created_at, id) < ('epoch'::timestamptz + $2::bigint * interval '1 microsecond', $3::uuid))
ORDER BY created_at DESC, id DESC LIMIT $4`;
const GET = `SELECT ${COLUMNS} FROM api_keys WHERE project_id = $1 AND id = $2`;
/** Keys are made one after the other: a second creation waits here, and then counts the first one's key too. */
const LOCK_PROJECT = `
SELECT status, allowed_models FROM projects WHERE organization_id = $1 AND id = $2 FOR NO KEY UPDATE`;
const COUNT_ACTIVE = `
SELECT count(*)::int AS active FROM api_keys
WHERE project_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)`;
const INSERT = `
INSERT INTO api_keys (project_id, name, hash, masked, created_by, expires_at, allowed_models, requests_per_minute,
  tokens_per_minute)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING ${COLUMNS}`;
const REVOKE = `
UPDATE api_keys SET revoked_at = $3 WHERE project_id = $1 AND id = $2 RETURNING ${COLUMNS}`;

/** What may be changed; a name of a column, never a caller's text. */
const SETTINGS = [
  'name',
  'expires_at',
  'allowed_models',
  'requests_per_minute',
  'tokens_per_minute',
] as const;

interface Row {
  readonly id: string;
  readonly project_id: string;
  readonly name: string;
  readonly masked: string;
  readonly created_by: string | null;
  readonly creator: string | null;
  readonly created_at: Date;
  /** Microseconds since 1970, as the database sorts them; a Date has only milliseconds. */
  readonly micros: bigint;
  readonly expires_at: Date | null;
  readonly revoked_at: Date | null;
  readonly last_used_at: Date | null;
  readonly allowed_models: string[] | null;
  readonly requests_per_minute: number | null;
  readonly tokens_per_minute: number | null;
}

interface ProjectRow {
  readonly status: 'active' | 'archived';
  readonly allowed_models: readonly string[] | null;
}

export function makeKeyHandlers({ hashKey }: KeyServices): Handlers<keyof typeof keyRoutes> {
  return {
    async listKeys({ projectId, query, now, tenant }) {
      const limit = limitOf(query);
      const [micros, id] = placeOf(query, [/^\d{1,17}$/, UUID_FORM]) ?? [null, null];
      const { rows } = await tenant((db) => db.query<Row>(LIST, [projectId, micros, id, limit + 1]));
      const key = (row: Row) => [String(row.micros), row.id];
      return pageOf(rows, limit, (row) => shown(row, now), key);
    },

    createKey: (context) => createKey(context, hashKey),

    async getKey({ projectId, params, now, tenant }) {
      return shown(await tenant((db) => find(db, projectId, params.keyId)), now);
    },

    async updateKey(context) {
      const { organizationId, projectId, params, body, now, tenant, audit } = context;
      const expires = expiryOf(body, now);
      return tenant(async (db) => {
        const project = await lockProject(db, organizationId, projectId);
        const before = await changeable(db, context);
        checkModels(body.allowed_models, project);
        if (statusOf(before, now) === 'expired' && expires !== undefined) await checkRoom(db, projectId, now);
        const values = { ...body, expires_at: expires };
        const row = await update(db, projectId, before, values);
        await audit(db, { kind: 'key', id: params.keyId, details: body });
        return shown(row, now);
      });
    },

    async revokeKey(context) {
      const { projectId, params, now, tenant, audit } = context;
      return tenant(async (db) => {
        const { name } = await changeable(db, context);
        const { rows } = await db.query<Row>(REVOKE, [projectId, params.keyId, new Date(now)]);
        await audit(db, { kind: 'key', id: params.keyId, details: { name } });
        return shown(one(rows), now);
      });
    },
  };
}

async function createKey(context: AdminContext<'createKey'>, hashKey: KeyServices['hashKey']) {
  const { organizationId, projectId, person, body, now, tenant, audit, keep } = context;
  const { name, allowed_models = null, requests_per_minute = null, tokens_per_minute = null } = body;
  const expires = expiryOf(body, now) ?? null;
  const text = makeSecret(API_KEY_PREFIX);
  return tenant(async (db) => {
    const project = await lockProject(db, organizationId, projectId);
    if (project.status === 'archived') {
      throw new ApiError('state_conflict', { message: 'The project is archived; restore it first' });
    }
    checkModels(allowed_models, project);
    await checkRoom(db, projectId, now);
    const who = [projectId, name, hashKey(text), maskSecret(text), person?.id ?? null];
    const what = [expires, allowed_models, requests_per_minute, tokens_per_minute];
    const row = one((await db.query<Row>(INSERT, [...who, ...what])).rows);
    await audit(db, { kind: 'key', id: row.id, details: { ...body } });
    return keep(db, { ...shown(row, now), key: text });
  });
}

async function lockProject(db: PoolClient, organizationId: string, projectId: string): Promise<ProjectRow> {
  const { rows } = await db.query<ProjectRow>(LOCK_PROJECT, [organizationId, projectId]);
  if (rows[0] === undefined) throw notThere('project');
  return rows[0];
}

async function checkRoom(db: PoolClient, projectId: string, now: number): Promise<void> {
  const { rows } = await db.query<{ active: number }>(COUNT_ACTIVE, [projectId, new Date(now)]);
  if ((rows[0]?.active ?? 0) < MAX_ACTIVE_KEYS) return;
  throw new ApiError('state_conflict', {
    message: `The project has ${MAX_ACTIVE_KEYS} active keys, which is as many as it may have; revoke some`,
  });
}

function checkModels(models: readonly string[] | null | undefined, project: ProjectRow): void {
  const wrong = (message: string) => new ApiError('invalid_value', { message, param: 'allowed_models' });
  for (const model of models ?? []) {
    if (findManifest(model) === undefined) throw wrong(`There is no model "${model}"`);
    if (project.allowed_models !== null && !project.allowed_models.includes(model)) {
      throw wrong(`The model "${model}" is not allowed to the project; allow it there first`);
    }
  }
}

/** Undefined when the body says nothing of it. */
function expiryOf(body: BodyOf<typeof keyRoutes.updateKey>, now: number): Date | null | undefined {
  const { expires_at: text } = body;
  if (text === undefined || text === null) return text;
  const at = new Date(text);
  // An invalid date is later than nothing.
  if (at.getTime() > now) return at;
  throw new ApiError('invalid_value', {
    message: `expires_at must be a time to come, not "${text}"; to end a key now, revoke it`,
    param: 'expires_at',
  });
}

/** The key, locked, if whoever asks may change it. */
async function changeable(db: PoolClient, context: AdminContext<'updateKey' | 'revokeKey'>): Promise<Row> {
  const { projectId, params, person, role } = context;
  const row = await find(db, projectId, params.keyId, 'FOR UPDATE');
  const own = row.created_by !== null && row.created_by === person?.id;
  if (!own && !(role !== null && roleSuffices(role, 'admin'))) {
    throw new ApiError('role_insufficient', {
      message: 'Somebody else made this key: changing it needs the role "admin" in the organization',
    });
  }
  if (row.revoked_at !== null) {
    throw new ApiError('state_conflict', { message: 'The key is revoked, which is for good' });
  }
  return row;
}

async function find(db: PoolClient, projectId: string, keyId: string, lock = ''): Promise<Row> {
  if (!isUuid(keyId)) throw notThere('key');
  return one((await db.query<Row>(`${GET} ${lock}`, [projectId, keyId])).rows);
}

async function update(
  db: PoolClient,
  projectId: string,
  before: Row,
  values: Readonly<Partial<Record<(typeof SETTINGS)[number], unknown>>>,
): Promise<Row> {
  const given = SETTINGS.filter((setting) => values[setting] !== undefined);
  if (given.length === 0) return before;
  const assignments = given.map((setting, i) => `${setting} = $${i + 3}`).join(', ');
  const text = `UPDATE api_keys SET ${assignments} WHERE project_id = $1 AND id = $2 RETURNING ${COLUMNS}`;
  const { rows } = await db.query<Row>(text, [
    projectId,
    before.id,
    ...given.map((setting) => values[setting]),
  ]);
  return one(rows);
}

function one(rows: readonly Row[]): Row {
  if (rows[0] === undefined) throw notThere('key');
  return rows[0];
}

function shown(row: Row, now: number) {
  const { micros: _, creator, created_by, created_at, expires_at, revoked_at, last_used_at, ...rest } = row;
  return {
    ...rest,
    status: statusOf(row, now),
    created_at: created_at.toISOString(),
    created_by: created_by === null ? null : { id: created_by, name: creator },
    expires_at: expires_at?.toISOString() ?? null,
    revoked_at: revoked_at?.toISOString() ?? null,
    last_used_at: last_used_at?.toISOString() ?? null,
  };
}

function statusOf({ revoked_at, expires_at }: Row, now: number): 'active' | 'expired' | 'revoked' {
  if (revoked_at !== null) return 'revoked';
  return expires_at !== null && expires_at.getTime() <= now ? 'expired' : 'active';
}
