import { type TSchema, Type } from '@sinclair/typebox';
import { Dollars, listOf, nullable, Time, Uuid } from './common.ts';
import { Moment, requestFilters } from './logs.ts';
import { declare, organization, project } from './route.ts';

/** By what requests can be told apart in analytics. */
export const DIMENSIONS = ['model', 'key', 'status', 'route', 'endpoint'] as const;
export type Dimension = (typeof DIMENSIONS)[number];

const timeRange = {
  range: Type.Optional(
    Type.Union([Type.Literal('1d'), Type.Literal('7d'), Type.Literal('30d')], {
      description: '"1d", "7d" or "30d"',
    }),
  ),
  from: Type.Optional(Moment),
  to: Type.Optional(Moment),
};

const names = DIMENSIONS.join('|');
const groupBy = Type.Optional(
  Type.String({
    pattern: `^(${names})(,(${names}))?$`,
    description: `one or two of ${DIMENSIONS.join(', ')}, such as "model" or "model,status"`,
  }),
);
const bucket = Type.Optional(
  Type.Union([Type.Literal('minute'), Type.Literal('hour'), Type.Literal('day')], {
    description: '"minute", "hour" or "day"',
  }),
);

/** Percentiles are read from counts in latency ranges: the upper end of the range, at most 26 % too much. */
const figures = {
  requests: Type.Integer(),
  errors: Type.Integer({ description: 'answered with a status of 400 or more' }),
  error_rate: nullable(Type.Number({ description: 'from 0 to 1; null without requests' })),
  input_tokens: Type.Integer(),
  output_tokens: Type.Integer(),
  cost: Dollars,
  latency: Type.Object({
    average_ms: nullable(Type.Number()),
    p50_ms: nullable(Type.Number()),
    p95_ms: nullable(Type.Number()),
    p99_ms: nullable(Type.Number()),
  }),
};

export const Figures = Type.Object(figures, { $id: 'Figures' });

/** The values of a group; a dimension that is not grouped by is absent. Null: of no known model, key or route. */
export const AnalyticsGroup = Type.Partial(
  Type.Object({
    model: nullable(Type.String()),
    key: nullable(Type.Object({ id: Uuid, name: nullable(Type.String()), masked: nullable(Type.String()) })),
    status: Type.Integer(),
    route: nullable(Type.String()),
    endpoint: Type.String(),
  }),
  { $id: 'AnalyticsGroup' },
);

/** From the beginning of one minute to the beginning of another, as it was used. */
const used = { from: Time, to: Time };

export const AnalyticsTotals = Type.Object(
  {
    ...used,
    totals: Figures,
    groups: Type.Array(Type.Object({ group: AnalyticsGroup, figures: Figures })),
    more_groups: Type.Boolean({ description: 'whether there are more groups than these' }),
  },
  { $id: 'AnalyticsTotals' },
);

export const AnalyticsSeries = Type.Object(
  {
    ...used,
    bucket: Type.String(),
    series: Type.Array(
      Type.Object({
        group: AnalyticsGroup,
        /** Without the points at which nothing happened. */
        points: Type.Array(Type.Object({ at: Time, figures: Figures })),
      }),
    ),
    more_groups: Type.Boolean({ description: 'whether there are more groups than these' }),
  },
  { $id: 'AnalyticsSeries' },
);

const counted = <T extends TSchema>(value: T) => Type.Array(Type.Object({ value, requests: Type.Integer() }));

export const AnalyticsFacets = Type.Object(
  {
    ...used,
    models: counted(nullable(Type.String())),
    keys: counted(
      nullable(Type.Object({ id: Uuid, name: nullable(Type.String()), masked: nullable(Type.String()) })),
    ),
    statuses: counted(Type.Integer()),
    routes: counted(nullable(Type.String())),
    endpoints: counted(Type.String()),
  },
  { $id: 'AnalyticsFacets' },
);

export const ProjectUsage = Type.Object(
  { project: Type.Object({ id: Uuid, name: Type.String() }), figures: Figures },
  { $id: 'ProjectUsage' },
);

const RANGE_IN_WORDS =
  'From the beginning of a minute to the beginning of a minute: `range`, or `from` to `to`; the last day unless told.';

export const analyticsRoutes = declare({
  getTotals: {
    method: 'get',
    path: '/api/projects/{projectId}/analytics/totals',
    tag: 'analytics',
    summary: 'Sums over a range of time, and per group',
    description: `${RANGE_IN_WORDS} At most 500 groups, those with the most requests.`,
    access: project('viewer'),
    query: Type.Object({ ...timeRange, ...requestFilters, group_by: groupBy }),
    answer: AnalyticsTotals,
    errors: ['query_timeout'],
  },
  getSeries: {
    method: 'get',
    path: '/api/projects/{projectId}/analytics/series',
    tag: 'analytics',
    summary: 'Sums per minute, hour or day (UTC), for each group',
    description: `${RANGE_IN_WORDS} At most 10 groups, those with the most requests.`,
    access: project('viewer'),
    query: Type.Object({ ...timeRange, ...requestFilters, group_by: groupBy, bucket }),
    answer: AnalyticsSeries,
    errors: ['query_timeout'],
  },
  getFacets: {
    method: 'get',
    path: '/api/projects/{projectId}/analytics/facets',
    tag: 'analytics',
    summary: 'Which models, keys, statuses, routes and endpoints there were, with their numbers of requests',
    description: RANGE_IN_WORDS,
    access: project('viewer'),
    query: Type.Object({ ...timeRange, ...requestFilters }),
    answer: AnalyticsFacets,
    errors: ['query_timeout'],
  },
  exportSeries: {
    method: 'get',
    path: '/api/projects/{projectId}/analytics/export',
    tag: 'analytics',
    summary: 'The sums per minute, hour or day and group as CSV',
    access: project('viewer'),
    query: Type.Object({ ...timeRange, ...requestFilters, group_by: groupBy, bucket }),
    answer: Figures,
    content: ['text/csv'],
    errors: ['query_timeout'],
  },
  getUsage: {
    method: 'get',
    path: '/api/organizations/{organizationId}/usage',
    tag: 'analytics',
    summary: 'What each project of an organization used',
    description: RANGE_IN_WORDS,
    access: organization('viewer'),
    query: Type.Object(timeRange),
    answer: Type.Object({ ...listOf(ProjectUsage).properties, ...used, totals: Figures }),
    errors: ['query_timeout'],
  },
});
