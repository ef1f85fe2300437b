/** What nodes add up to. */
import type { NodePool, NodeState } from '@zerogpu/protocol';
import type { PoolClient } from 'pg';
import { SqlValues } from '../admin/sql-values.ts';
import type { LiveNodes } from '../live-nodes.ts';
import { stateIn } from './node-rows.ts';

export interface TotalsOptions {
  /** Null for all nodes that there are. */
  readonly organizationId: string | null;
  readonly alive: readonly string[];
  readonly gatewayId: string;
  readonly live: LiveNodes;
}

interface CountRow {
  readonly pool: NodePool;
  readonly state: NodeState;
  readonly device_class: string;
  readonly region: string | null;
  readonly count: number;
}

interface ModelRow {
  readonly id: string;
  readonly nodes: number;
  readonly slots: number;
  readonly in_flight: number;
}

interface RunsRow {
  readonly hour_done: number;
  readonly hour_failed: number;
  readonly day_done: number;
  readonly day_failed: number;
}

const sumSince = (column: string, since: string) =>
  `coalesce(sum(${column}) FILTER (WHERE minute > now() - interval '${since}'), 0)::float8`;

export async function totalsOf(db: PoolClient, options: TotalsOptions) {
  const counts = await countsOf(db, options);
  const countBy = (key: (row: CountRow) => string) => {
    const sums: Record<string, number> = {};
    for (const row of counts) sums[key(row)] = (sums[key(row)] ?? 0) + row.count;
    return sums;
  };
  const runs = await runsOf(db, options);
  return {
    by_pool: countBy(({ pool }) => pool),
    nodes: counts.reduce((sum, { count }) => sum + count, 0),
    by_state: countBy(({ state }) => state),
    by_class: countBy(({ device_class }) => device_class),
    by_region: countBy(({ region }) => region ?? 'unknown'),
    models: await modelsOf(db, options),
    last_hour: { done: runs.hour_done, failed: runs.hour_failed },
    last_day: { done: runs.day_done, failed: runs.day_failed },
  };
}

const owned = (values: SqlValues, { organizationId }: TotalsOptions, column: string) =>
  organizationId === null ? 'true' : `${column} = ${values.add(organizationId)}`;

async function countsOf(db: PoolClient, options: TotalsOptions): Promise<readonly CountRow[]> {
  const values = new SqlValues();
  const state = stateIn(values.add(options.alive));
  const text = `
    SELECT n.pool, ${state} AS state, n.device_class, n.region, count(*)::int AS count FROM nodes n
    WHERE n.revoked_at IS NULL AND ${owned(values, options, 'n.organization_id')} GROUP BY 1, 2, 3, 4`;
  return (await db.query<CountRow>(text, values.list)).rows;
}

/** In flight at nodes of this gateway as they are; at others' as they were told last, some seconds ago. */
async function modelsOf(db: PoolClient, options: TotalsOptions): Promise<ModelRow[]> {
  const values = new SqlValues();
  const state = stateIn(values.add(options.alive));
  const here = values.add(options.gatewayId);
  const text = `
    SELECT m->>'id' AS id, count(*)::int AS nodes, sum((m->>'slots')::int)::int AS slots,
      coalesce(sum((m->>'in_flight')::int) FILTER (WHERE n.gateway_id <> ${here}::uuid), 0)::int AS in_flight
    FROM nodes n CROSS JOIN LATERAL jsonb_array_elements(n.models) m
    WHERE n.revoked_at IS NULL AND ${owned(values, options, 'n.organization_id')} AND ${state} = 'connected'
    GROUP BY 1 ORDER BY 1`;
  const { rows } = await db.query<ModelRow>(text, values.list);
  const inFlight = inFlightHere(options);
  return rows.map((row) => ({ ...row, in_flight: row.in_flight + (inFlight.get(row.id) ?? 0) }));
}

function inFlightHere({ live, organizationId }: TotalsOptions): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const node of live.nodes()) {
    if (organizationId !== null && node.facts.organizationId !== organizationId) continue;
    for (const { id, in_flight } of node.report()) sums.set(id, (sums.get(id) ?? 0) + in_flight);
  }
  return sums;
}

async function runsOf(db: PoolClient, options: TotalsOptions): Promise<RunsRow> {
  const values = new SqlValues();
  const text = `
    SELECT ${sumSince('done', '1 hour')} AS hour_done, ${sumSince('failed', '1 hour')} AS hour_failed,
      ${sumSince('done', '1 day')} AS day_done, ${sumSince('failed', '1 day')} AS day_failed
    FROM fleet_minutes WHERE minute > now() - interval '1 day' AND ${owned(values, options, 'organization_id')}`;
  const { rows } = await db.query<RunsRow>(text, values.list);
  return rows[0] ?? { hour_done: 0, hour_failed: 0, day_done: 0, day_failed: 0 };
}
