import { ApiError, type PrivacyTier, type projectRoutes } from '@zerogpu/protocol';
import type { PoolClient } from 'pg';
import { notThere } from '../admin/access.ts';
import type { AdminContext, Handlers } from '../admin/handler.ts';

/** A project per customer of a large company; a list of them is some megabytes. */
export const MAX_PROJECTS = 10_000;

const COLUMNS = `id, organization_id, name, environment, allowed_models, stand_ins, requests_per_minute,
  tokens_per_minute, payload_policy, payload_days, privacy, upstreams, status, created_at`;
const LIST = `SELECT ${COLUMNS} FROM projects WHERE organization_id = $1 ORDER BY created_at, id`;
const GET = `SELECT ${COLUMNS} FROM projects WHERE organization_id = $1 AND id = $2`;
/** Made one after the other: a second creation waits here, and then counts the first one's project too. */
const LOCK_ORGANIZATION = 'SELECT 1 FROM organizations WHERE id = $1 FOR NO KEY UPDATE';
const COUNT = 'SELECT count(*)::int AS projects FROM projects WHERE organization_id = $1';
const INSERT = `
INSERT INTO projects (organization_id, name, environment) VALUES ($1, $2, $3) RETURNING ${COLUMNS}`;
const SET_STATUS = `
UPDATE projects SET status = $3 WHERE organization_id = $1 AND id = $2 RETURNING ${COLUMNS}`;
/** What may be changed; a name of a column, never a caller's text. */
const SETTINGS = [
  'name',
  'environment',
  'allowed_models',
  'stand_ins',
  'requests_per_minute',
  'tokens_per_minute',
  'payload_policy',
  'payload_days',
  'privacy',
  'upstreams',
] as const;

type Environment = 'development' | 'staging' | 'production';

interface Row {
  readonly id: string;
  readonly organization_id: string;
  readonly name: string;
  readonly environment: Environment;
  readonly allowed_models: string[] | null;
  readonly stand_ins: boolean | null;
  readonly requests_per_minute: number | null;
  readonly tokens_per_minute: number | null;
  readonly payload_policy: 'none' | 'errors' | 'all';
  readonly payload_days: number;
  readonly privacy: PrivacyTier;
  readonly upstreams: boolean;
  readonly status: 'active' | 'archived';
  readonly created_at: Date;
}

const shown = (row: Row) => ({ ...row, created_at: row.created_at.toISOString() });

export const projectHandlers: Handlers<keyof typeof projectRoutes> = {
  async listProjects({ organizationId, tenant }) {
    const { rows } = await tenant((db) => db.query<Row>(LIST, [organizationId]));
    return { object: 'list', data: rows.map(shown), next: null };
  },

  async createProject({ organizationId, body, tenant, audit, keep }) {
    const { name, environment = 'development' } = body;
    return tenant(async (db) => {
      await checkRoom(db, organizationId);
      const row = one(await db.query<Row>(INSERT, [organizationId, name, environment]));
      await audit(db, { kind: 'project', id: row.id, details: { name, environment } });
      return keep(db, shown(row));
    });
  },

  async getProject({ organizationId, projectId, tenant }) {
    return shown(one(await tenant((db) => db.query<Row>(GET, [organizationId, projectId]))));
  },

  async updateProject({ organizationId, projectId, body, tenant, audit }) {
    const given = SETTINGS.filter((setting) => body[setting] !== undefined);
    const assignments = given.map((setting, i) => `${setting} = $${i + 3}`).join(', ');
    const update = `UPDATE projects SET ${assignments} WHERE organization_id = $1 AND id = $2 RETURNING ${COLUMNS}`;
    const values = [organizationId, projectId, ...given.map((setting) => body[setting])];
    return tenant(async (db) => {
      const row = one(await db.query<Row>(update, values));
      await audit(db, { kind: 'project', id: row.id, details: body });
      return shown(row);
    });
  },

  archiveProject: (context) => setStatus(context, 'archived'),
  restoreProject: (context) => setStatus(context, 'active'),
};

async function checkRoom(db: PoolClient, organizationId: string): Promise<void> {
  await db.query(LOCK_ORGANIZATION, [organizationId]);
  const { rows } = await db.query<{ projects: number }>(COUNT, [organizationId]);
  if ((rows[0]?.projects ?? 0) < MAX_PROJECTS) return;
  const message = `The organization has ${MAX_PROJECTS} projects, which is as many as it may have`;
  throw new ApiError('state_conflict', { message });
}

function setStatus(
  { organizationId, projectId, tenant, audit }: AdminContext<'archiveProject' | 'restoreProject'>,
  status: Row['status'],
) {
  return tenant(async (db: PoolClient) => {
    const before = one(await db.query<Row>(`${GET} FOR UPDATE`, [organizationId, projectId]));
    if (before.status === status) {
      throw new ApiError('state_conflict', { message: `The project is ${status} already` });
    }
    const row = one(await db.query<Row>(SET_STATUS, [organizationId, projectId, status]));
    await audit(db, { kind: 'project', id: row.id });
    return shown(row);
  });
}

function one({ rows }: { readonly rows: readonly Row[] }): Row {
  const row = rows[0];
  if (row === undefined) throw notThere('project');
  return row;
}
