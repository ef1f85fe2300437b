/** Reads of the rollups, each within a transaction behind the tenant fence. */

import type { Static } from '@sinclair/typebox';
import type {
  AnalyticsFacets,
  AnalyticsGroup,
  AnalyticsSeries,
  AnalyticsTotals,
  Dimension,
} from '@zerogpu/protocol';
import type { PoolClient } from 'pg';
import { rowsOf } from '../admin/sql-values.ts';
import { added, figuresOf, NOTHING, type Sums } from './figures.ts';
import {
  facetsStatement,
  MOST_GROUPS,
  MOST_SERIES,
  type RollupFilter,
  seriesStatement,
  totalsStatement,
  usageStatement,
} from './rollup-statement.ts';
import {
  bucketOf,
  type RangeQuery,
  type Resolution,
  rangeOf,
  segmentsOf,
  type TimeRange,
} from './time-range.ts';

export interface AnalyticsQuery extends RangeQuery, RollupFilter {
  readonly group_by?: string;
  readonly bucket?: Resolution;
}

type Group = Static<typeof AnalyticsGroup>;
type Key = NonNullable<Group['key']>;

/** One row of sums with the columns of the dimensions that were grouped by. */
interface GroupRow extends Sums {
  readonly model?: string | null;
  readonly key_id?: string | null;
  readonly status?: number | null;
  readonly route_class?: string | null;
  readonly endpoint?: string | null;
  readonly whole?: boolean;
  readonly at?: Date;
  readonly rank?: bigint;
}

/** Stands in rollups for a refused call without a known key. */
const NO_KEY = '00000000-0000-0000-0000-000000000000';
const ROLLED = 'SELECT until FROM usage_rolled';
const KEYS = 'SELECT id, name, masked FROM api_keys WHERE project_id = $1 AND id = ANY ($2)';
const PROJECTS = 'SELECT id, name FROM projects WHERE organization_id = $1 ORDER BY created_at, id';

/** @throws ApiError invalid_value */
export async function readTotals(
  db: PoolClient,
  projectId: string,
  query: AnalyticsQuery,
  now: number,
): Promise<Static<typeof AnalyticsTotals>> {
  const range = rangeOf(query, now);
  const dimensions = dimensionsOf(query);
  const segments = segmentsOf(range, 'day', await rolledUntil(db));
  const rows = await rowsOf<GroupRow>(db, totalsStatement(projectId, segments, query, dimensions));
  const totals = dimensions.length === 0 ? rows[0] : rows.find((row) => row.whole === true);
  const groups = dimensions.length === 0 ? [] : rows.filter((row) => row.whole !== true);
  const keys = await keysOf(db, projectId, groups);
  return {
    ...shownRange(range),
    totals: figuresOf(totals ?? NOTHING),
    groups: groups
      .slice(0, MOST_GROUPS)
      .map((row) => ({ group: groupOf(row, dimensions, keys), figures: figuresOf(row) })),
    more_groups: groups.length > MOST_GROUPS,
  };
}

/** @throws ApiError invalid_value */
export async function readSeries(
  db: PoolClient,
  projectId: string,
  query: AnalyticsQuery,
  now: number,
): Promise<Static<typeof AnalyticsSeries>> {
  const range = rangeOf(query, now);
  const bucket = bucketOf(query.bucket, range);
  const dimensions = dimensionsOf(query);
  const segments = segmentsOf(range, bucket, await rolledUntil(db));
  const rows = await rowsOf<GroupRow>(db, seriesStatement(projectId, segments, query, dimensions, bucket));
  const keys = await keysOf(db, projectId, rows);
  const lines = Map.groupBy(rows, (row) => Number(row.rank ?? 1));
  const series = [...lines].map(([, points]) => ({
    group: points[0] ? groupOf(points[0], dimensions, keys) : {},
    points: points.map((row) => ({ at: row.at?.toISOString() ?? '', figures: figuresOf(row) })),
  }));
  return {
    ...shownRange(range),
    bucket,
    series: series.slice(0, MOST_SERIES),
    more_groups: series.length > MOST_SERIES,
  };
}

/** @throws ApiError invalid_value */
export async function readFacets(
  db: PoolClient,
  projectId: string,
  query: AnalyticsQuery,
  now: number,
): Promise<Static<typeof AnalyticsFacets>> {
  const range = rangeOf(query, now);
  const segments = segmentsOf(range, 'day', await rolledUntil(db));
  const rows = await rowsOf<GroupRow>(db, facetsStatement(projectId, segments, query));
  const keys = await keysOf(db, projectId, rows);
  const counted = <T>(value: (row: GroupRow) => T | undefined) =>
    rows.flatMap((row) => {
      const found = value(row);
      return found === undefined ? [] : [{ value: found, requests: Number(row.requests) }];
    });
  return {
    ...shownRange(range),
    models: counted((row) => nameOf(row.model)),
    keys: counted((row) => keyOf(row.key_id, keys)),
    statuses: counted((row) => row.status ?? undefined),
    routes: counted((row) => nameOf(row.route_class)),
    endpoints: counted((row) => row.endpoint ?? undefined),
  };
}

/** What each project of an organization used, those without any too. @throws ApiError invalid_value */
export async function readUsage(db: PoolClient, organizationId: string, query: RangeQuery, now: number) {
  const range = rangeOf(query, now);
  const segments = segmentsOf(range, 'day', await rolledUntil(db));
  const { rows: projects } = await db.query<{ id: string; name: string }>(PROJECTS, [organizationId]);
  const rows = await rowsOf<Sums & { project_id: string }>(db, usageStatement(organizationId, segments));
  const sums = new Map(rows.map((row) => [row.project_id, row]));
  return {
    object: 'list' as const,
    data: projects.map((project) => ({ project, figures: figuresOf(sums.get(project.id) ?? NOTHING) })),
    next: null,
    ...shownRange(range),
    totals: figuresOf(added(rows)),
  };
}

/** Days are made up to here; none yet is the beginning of time. */
async function rolledUntil(db: PoolClient): Promise<number> {
  const { rows } = await db.query<{ until: Date }>(ROLLED);
  return rows[0]?.until.getTime() ?? 0;
}

function dimensionsOf({ group_by }: AnalyticsQuery): readonly Dimension[] {
  // The schema lets nothing but dimensions through.
  return group_by === undefined ? [] : ([...new Set(group_by.split(','))] as Dimension[]);
}

function shownRange({ from, to }: TimeRange): { readonly from: string; readonly to: string } {
  return { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
}

type Keys = ReadonlyMap<string, Key>;

async function keysOf(db: PoolClient, projectId: string, rows: readonly GroupRow[]): Promise<Keys> {
  const ids = [...new Set(rows.map((row) => row.key_id).filter((id) => typeof id === 'string'))];
  if (ids.length === 0) return new Map();
  const { rows: keys } = await db.query<Key & { id: string }>(KEYS, [projectId, ids]);
  return new Map(keys.map((key) => [key.id, key]));
}

function groupOf(row: GroupRow, dimensions: readonly Dimension[], keys: Keys): Group {
  const values: Record<Dimension, unknown> = {
    model: nameOf(row.model),
    key: keyOf(row.key_id, keys),
    status: row.status,
    route: nameOf(row.route_class),
    endpoint: row.endpoint,
  };
  return Object.fromEntries(dimensions.map((dimension) => [dimension, values[dimension]]));
}

/** Undefined where the row is of another dimension; null for the empty name, which is that of none. */
function nameOf(name: string | null | undefined): string | null | undefined {
  return name === null || name === undefined ? undefined : name || null;
}

function keyOf(id: string | null | undefined, keys: Keys): Key | null | undefined {
  if (id === null || id === undefined) return undefined;
  return id === NO_KEY ? null : (keys.get(id) ?? { id, name: null, masked: null });
}
