/** The statements that sum rollups. Pure. */
import type { Dimension } from '@zerogpu/protocol';
import { SqlValues, type Statement } from '../admin/sql-values.ts';
import type { Resolution, Segment } from './time-range.ts';

/** What narrows the requests of a project; absent asks for all. */
export interface RollupFilter {
  readonly status?: string;
  readonly model?: string;
  readonly key_id?: string;
  readonly endpoint?: string;
  readonly route?: string;
}

export const COLUMN_OF: Readonly<Record<Dimension, string>> = {
  model: 'model',
  key: 'key_id',
  status: 'status',
  route: 'route_class',
  endpoint: 'endpoint',
};
/** Of a dashboard's table; a project has tens of keys and models. */
export const MOST_GROUPS = 500;
/** Lines of a chart that eyes tell apart. */
export const MOST_SERIES = 10;
const MOST_FACETS = 2_000;

/** `sum` of bigint is numeric: back to whole numbers, and the histogram as digits. */
const SUMS = `
sum(requests)::bigint AS requests, coalesce(sum(requests) FILTER (WHERE status >= 400), 0)::bigint AS errors,
sum(input_tokens)::bigint AS input_tokens, sum(output_tokens)::bigint AS output_tokens, sum(cost)::bigint AS cost,
sum(latency_ms_sum) AS latency_ms_sum, trunc(sum(latency_histogram))::text AS latency_histogram`;
const FIGURES = `requests, input_tokens, output_tokens, cost, latency_ms_sum, latency_histogram`;

/** Sums of all and of each group, those of all first. */
export function totalsStatement(
  projectId: string,
  segments: readonly Segment[],
  filter: RollupFilter,
  groupBy: readonly Dimension[],
): Statement {
  const values = new SqlValues();
  const columns = groupBy.map((dimension) => COLUMN_OF[dimension]);
  const rollups = rollupsOf(projectId, segments, filter, null, [...columns, 'status'], values);
  if (columns.length === 0) {
    return { text: `SELECT ${SUMS} FROM (${rollups}) u HAVING count(*) > 0`, values: values.list };
  }
  const list = columns.join(', ');
  const text = `
SELECT ${list}, grouping(${columns[0]}) = 1 AS whole, ${SUMS} FROM (${rollups}) u
GROUP BY GROUPING SETS ((${list}), ()) HAVING count(*) > 0
ORDER BY whole DESC, requests DESC, ${list} LIMIT ${MOST_GROUPS + 2}`;
  return { text, values: values.list };
}

/** Sums per bucket of time, of the groups with the most requests. */
export function seriesStatement(
  projectId: string,
  segments: readonly Segment[],
  filter: RollupFilter,
  groupBy: readonly Dimension[],
  bucket: Resolution,
): Statement {
  const values = new SqlValues();
  const columns = groupBy.map((dimension) => COLUMN_OF[dimension]);
  const rollups = rollupsOf(projectId, segments, filter, bucket, [...columns, 'status'], values);
  if (columns.length === 0) {
    return { text: `SELECT at, ${SUMS} FROM (${rollups}) u GROUP BY at ORDER BY at`, values: values.list };
  }
  const list = columns.join(', ');
  const text = `
WITH points AS (SELECT at, ${list}, ${SUMS} FROM (${rollups}) u GROUP BY at, ${list}),
ranked AS (
  SELECT ${list}, row_number() OVER (ORDER BY sum(requests) DESC, ${list}) AS rank FROM points
  GROUP BY ${list} ORDER BY rank LIMIT ${MOST_SERIES + 1})
SELECT * FROM points JOIN ranked USING (${list}) ORDER BY rank, at`;
  return { text, values: values.list };
}

/** How many requests each value of each dimension has; the dimension's column is the one that is not null. */
export function facetsStatement(
  projectId: string,
  segments: readonly Segment[],
  filter: RollupFilter,
): Statement {
  const values = new SqlValues();
  const columns = Object.values(COLUMN_OF);
  const text = `
SELECT ${columns.join(', ')}, sum(requests)::bigint AS requests
FROM (${rollupsOf(projectId, segments, filter, null, columns, values)}) u
GROUP BY GROUPING SETS (${columns.map((column) => `(${column})`).join(', ')})
ORDER BY requests DESC LIMIT ${MOST_FACETS}`;
  return { text, values: values.list };
}

/** Sums of each project of an organization. */
export function usageStatement(organizationId: string, segments: readonly Segment[]): Statement {
  const values = new SqlValues();
  const mine = `(SELECT id FROM projects WHERE organization_id = ${values.add(organizationId)})`;
  const parts = segments.map(
    (segment) => `
SELECT project_id, status, ${FIGURES} FROM usage_rollups
WHERE project_id IN ${mine} AND ${boundsOf(segment, values)}`,
  );
  const text = `SELECT project_id, ${SUMS} FROM (${parts.join(' UNION ALL ')}) u GROUP BY project_id`;
  return { text, values: values.list };
}

/** @param bucket of a series, whose beginning is selected as `at`; null for none */
function rollupsOf(
  projectId: string,
  segments: readonly Segment[],
  filter: RollupFilter,
  bucket: Resolution | null,
  columns: readonly string[],
  values: SqlValues,
): string {
  const project = values.add(projectId);
  const conditions = conditionsOf(filter, values);
  const list = [...new Set(columns), FIGURES].join(', ');
  const parts = segments.map((segment) => {
    const at = bucket === null ? '' : `${atOf(segment, bucket)} AS at, `;
    const where = [`project_id = ${project}`, boundsOf(segment, values), ...conditions].join(' AND ');
    return `SELECT ${at}${list} FROM usage_rollups WHERE ${where}`;
  });
  return parts.join(' UNION ALL ');
}

const atOf = ({ resolution }: Segment, bucket: Resolution) =>
  resolution === bucket ? 'bucket' : `date_trunc('${bucket}', bucket, 'UTC')`;

function boundsOf({ resolution, lower, upper }: Segment, values: SqlValues): string {
  const [from, to] = [values.add(new Date(lower)), values.add(new Date(upper))];
  return `resolution = '${resolution}' AND bucket >= ${from} AND bucket < ${to}`;
}

function conditionsOf({ status, model, key_id, endpoint, route }: RollupFilter, values: SqlValues): string[] {
  return [
    status === undefined ? '' : statusCondition(status, values),
    model === undefined ? '' : `model = ${values.add(model)}`,
    key_id === undefined ? '' : `key_id = ${values.add(key_id)}`,
    endpoint === undefined ? '' : `endpoint = ${values.add(endpoint)}`,
    route === undefined ? '' : `route_class = ${values.add(route)}`,
  ].filter((condition) => condition !== '');
}

function statusCondition(status: string, values: SqlValues): string {
  if (!status.endsWith('xx')) return `status = ${values.add(Number(status))}`;
  const first = Number(status[0]) * 100;
  return `status BETWEEN ${values.add(first)} AND ${values.add(first + 99)}`;
}
