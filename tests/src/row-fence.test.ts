/**
 * The second fence between tenants, row-level security, by itself: statements without any predicate, as the role that
 * the admin API works with, see and change nothing of anybody else. Walks every table that there is.
 */
import type { PoolClient } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MAKERS, made, type Place, REFERENCES } from './support/admin-objects.ts';
import { makeTenant, type Tenant } from './support/admin-tenants.ts';
import { ALL_ROUTES, announced } from './support/scripted-node.ts';
import { TestGateway } from './support/test-gateway.ts';

interface Table {
  readonly name: string;
  readonly oid: number;
  /** Of organization_id, project_id, those that it has. */
  readonly owners: readonly ('organization_id' | 'project_id')[];
  readonly fenced: boolean;
  /** A part of another table: nobody reads it by its own name. */
  readonly partition: boolean;
  readonly readable: boolean;
  readonly writable: boolean;
  /** Those that tenants may read. */
  readonly columns: readonly string[];
}

/** What tenants may read without a policy, and why. */
const SHARED: Readonly<Record<string, string>> = {
  'public.usage_rolled': 'one time for the whole server: up to where days are added up',
};

const TABLES = `
SELECT n.nspname || '.' || c.relname AS name, c.oid::int AS oid, c.relrowsecurity AS fenced, c.relispartition AS partition,
  has_schema_privilege('zerogpu_tenant', n.oid, 'USAGE') AND has_any_column_privilege('zerogpu_tenant', c.oid, 'SELECT') AS readable,
  has_schema_privilege('zerogpu_tenant', n.oid, 'USAGE') AND has_any_column_privilege('zerogpu_tenant', c.oid, 'UPDATE') AS writable,
  ARRAY(SELECT a.attname::text FROM pg_attribute a
    WHERE a.attrelid = c.oid AND a.attname IN ('organization_id', 'project_id') ORDER BY 1) AS owners,
  ARRAY(SELECT quote_ident(a.attname) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0
    AND has_column_privilege('zerogpu_tenant', c.oid, a.attnum, 'SELECT') ORDER BY a.attnum) AS columns
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') ORDER BY 1`;

let gateway: TestGateway;
let one: Tenant;
let two: Tenant;
let tables: readonly Table[];

beforeAll(async () => {
  gateway = await TestGateway.start();
  await gateway.join({ models: ALL_ROUTES.map((id) => announced(id)) });
  one = await makeTenant(gateway);
  two = await makeTenant(gateway);
  for (const tenant of [one, two]) {
    await makeEverything({ gateway, tenant, projectId: tenant.projectId, params: {} });
    await makeEverything({ gateway, tenant, projectId: tenant.otherProjectId, params: {} });
  }
  tables = (await gateway.pool.query<Table>(TABLES)).rows;
});
afterAll(() => gateway.stop());

async function makeEverything(place: Place): Promise<void> {
  const params: Record<string, string> = {};
  await made(place, 'updateProject', { payload_policy: 'all' });
  for (const [param, make] of Object.entries(MAKERS))
    params[param] = await make({ ...place, params: { ...params } });
  for (const make of Object.values(REFERENCES)) await make({ ...place, params });
  await made(place, 'setOrganizationBudget', { monthly_limit: '10.00' });
  await made(place, 'setProjectBudget', { monthly_limit: '10.00' });
  await made(place, 'updateAlertRules', { runway_days: 3 });
  await made(place, 'updateProjectAlertRules', { budget_percents: [50] });
  await made(place, 'setAutoRecharge', {
    enabled: false,
    threshold: '5.00',
    amount: '25.00',
    monthly_cap: '100.00',
  });
  await made(place, 'refundPayment', {}, { paymentId: params['paymentId'] ?? '' });
  await made(place, 'readEvents', { up_to: await REFERENCES['up_to']?.(place) });
  await made(place, 'removeMember', undefined, { personId: params['personId'] ?? '' });
  await made(place, 'archiveProject');
  await made(place, 'restoreProject');
  const minutes = `
    INSERT INTO fleet_minutes (pool, organization_id, minute, done) VALUES ('organization', $1, now(), 1)
    ON CONFLICT DO NOTHING`;
  await gateway.pool.query(minutes, [place.tenant.organizationId]);
}

/** A transaction as a tenant, which leaves nothing behind. */
async function asTenant<T>(
  organizationId: string,
  projectId: string,
  work: (db: PoolClient) => Promise<T>,
): Promise<T> {
  const db = await gateway.pool.connect();
  try {
    await db.query(
      `BEGIN; SET LOCAL ROLE zerogpu_tenant; SET LOCAL zerogpu.organization_id = '${organizationId}';
       SET LOCAL zerogpu.project_id = '${projectId}'`,
    );
    return await work(db);
  } finally {
    await db.query('ROLLBACK');
    db.release();
  }
}

const tenantTables = () => tables.filter(({ owners }) => owners.length > 0);
const readable = () => tables.filter((table) => table.readable);

interface Owners {
  readonly organization_id?: string | null;
  readonly project_id?: string | null;
}

/** Whose the rows are that a statement without a predicate gives. */
async function ownersSeen(db: PoolClient, { name, owners }: Table): Promise<readonly Owners[]> {
  return (await db.query<Owners>(`SELECT DISTINCT ${owners.join(', ')} FROM ${name}`)).rows;
}

test('there are tables that tenants read, with rows of both', async () => {
  expect(tenantTables().length).toBeGreaterThan(15);
  const empty: string[] = [];
  for (const table of tenantTables().filter((each) => each.readable)) {
    const db = await gateway.pool.connect();
    const rows = await ownersSeen(db, table).finally(() => db.release());
    const has = ({ organizationId, projectId }: Tenant) =>
      rows.some((row) => row.organization_id === organizationId || row.project_id === projectId);
    if (!has(one) || !has(two)) empty.push(table.name);
  }
  expect(empty).toEqual([]);
});

test('what tenants can read is behind a policy, or shared for a reason', () => {
  expect(tables.filter((table) => table.partition && table.readable)).toEqual([]);
  const open = readable().filter(({ fenced }) => !fenced);
  expect(open.map(({ name }) => name)).toEqual(Object.keys(SHARED));
  expect(readable().length).toBeGreaterThan(15);
});

describe('a statement without a predicate', () => {
  test('sees rows of its own organization alone', async () => {
    await asTenant(one.organizationId, '', async (db) => {
      for (const table of tenantTables().filter((each) => each.readable)) {
        const projects = [one.projectId, one.otherProjectId, null, undefined];
        for (const row of await ownersSeen(db, table)) {
          if (row.organization_id !== undefined)
            expect(row.organization_id, table.name).toBe(one.organizationId);
          expect(projects, table.name).toContain(row.project_id);
        }
      }
    });
  });

  test('sees rows of its own project alone, and does see them', async () => {
    const seen = new Set<string>();
    await asTenant(one.organizationId, one.projectId, async (db) => {
      for (const table of tenantTables().filter((each) => each.readable)) {
        for (const row of await ownersSeen(db, table)) {
          seen.add(table.name);
          if (row.organization_id !== undefined)
            expect(row.organization_id, table.name).toBe(one.organizationId);
          expect([one.projectId, null, undefined], table.name).toContain(row.project_id);
        }
      }
    });
    expect([...seen]).toEqual(
      expect.arrayContaining(['public.projects', 'public.api_keys', 'public.requests']),
    );
  });

  test('sees no row that another tenant sees', async () => {
    const rowsSeen = async (tenant: Tenant, { name, columns }: Table) =>
      asTenant(tenant.organizationId, tenant.projectId, async (db) => {
        const text = `SELECT to_jsonb(t)::text AS row FROM (SELECT ${columns.join(', ')} FROM ${name}) t`;
        return (await db.query<{ row: string }>(text)).rows.map(({ row }) => row);
      });
    for (const table of readable().filter(({ name }) => !(name in SHARED))) {
      const theirs = new Set(await rowsSeen(two, table));
      const both = (await rowsSeen(one, table)).filter((row) => theirs.has(row));
      expect(both, table.name).toEqual([]);
    }
  });

  test('sees nothing when no tenant is named, or one that is not there', async () => {
    const count = async (organizationId: string, projectId: string, { name }: Table) =>
      asTenant(organizationId, projectId, async (db) => {
        const { rows } = await db.query<{ count: number }>(`SELECT count(*)::int AS count FROM ${name}`);
        return rows[0]?.count;
      });
    for (const table of readable().filter(({ fenced }) => fenced)) {
      expect(await count('', '', table), table.name).toBe(0);
      expect(await count(crypto.randomUUID(), crypto.randomUUID(), table), table.name).toBe(0);
      // One's own organization with another's project.
      if (table.owners.includes('project_id') && !table.owners.includes('organization_id')) {
        expect(await count(one.organizationId, crypto.randomUUID(), table), table.name).toBe(0);
      }
    }
  });
});

describe('a change without a predicate', () => {
  test('reaches rows of its own alone', async () => {
    for (const table of tenantTables().filter(({ writable }) => writable)) {
      const column = await writableColumn(table);
      await asTenant(one.organizationId, one.projectId, async (db) => {
        const text = `UPDATE ${table.name} SET ${column} = ${column} RETURNING ${table.owners.join(', ')}`;
        for (const row of (await db.query<Owners>(text)).rows) {
          if (row.organization_id !== undefined)
            expect(row.organization_id, table.name).toBe(one.organizationId);
          expect([one.projectId, null, undefined], table.name).toContain(row.project_id);
        }
      });
    }
  });

  test('cannot write a row in another’s name', async () => {
    let tried = 0;
    for (const table of tenantTables()) {
      const theirs = await rowOf(table, two);
      if (theirs === null) continue;
      const insert = `INSERT INTO ${table.name} OVERRIDING SYSTEM VALUE SELECT * FROM jsonb_populate_record(NULL::${table.name}, $1)`;
      const writing = asTenant(one.organizationId, one.projectId, (db) => db.query(insert, [theirs]));
      // Refused by privilege or by policy, before anything else is looked at.
      await expect(writing, table.name).rejects.toMatchObject({ code: '42501' });
      tried++;
    }
    expect(tried).toBeGreaterThan(15);
  });
});

async function writableColumn({ oid }: Table): Promise<string> {
  const text = `
    SELECT attname::text AS name FROM pg_attribute
    WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped AND attidentity = '' AND attgenerated = ''
      AND has_column_privilege('zerogpu_tenant', attrelid, attnum, 'UPDATE') ORDER BY attnum LIMIT 1`;
  const { rows } = await gateway.pool.query<{ name: string }>(text, [oid]);
  return rows[0]?.name ?? '';
}

/** One row of a tenant, as JSON. */
async function rowOf({ name, owners }: Table, { organizationId, projectId }: Tenant): Promise<string | null> {
  const column = owners[0] ?? 'project_id';
  const id = column === 'organization_id' ? organizationId : projectId;
  const text = `SELECT to_jsonb(t)::text AS row FROM ${name} t WHERE ${column} = $1 LIMIT 1`;
  const { rows } = await gateway.pool.query<{ row: string }>(text, [id]);
  return rows[0]?.row ?? null;
}
