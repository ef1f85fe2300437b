import { Type } from '@sinclair/typebox';
import { Dollars, listOf, nullable, paging, Time, Uuid } from './common.ts';
import { declare, project } from './route.ts';

/** From where an answer came: a node at the edge, one of the organization's own, the operator's cloud, another server. */
export const RouteClass = Type.Union(
  [Type.Literal('edge'), Type.Literal('own'), Type.Literal('cloud'), Type.Literal('upstream')],
  { description: '"edge", "own", "cloud" or "upstream"' },
);

/** What narrows requests down, in the log as in analytics. */
export const requestFilters = {
  status: Type.Optional(
    Type.String({
      pattern: '^[1-5](\\d\\d|xx)$',
      description: 'a status such as "429", or a class of them such as "4xx"',
    }),
  ),
  model: Type.Optional(
    Type.String({ minLength: 1, maxLength: 256, description: 'the id of a model, of 1 to 256 characters' }),
  ),
  key_id: Type.Optional(Uuid),
  endpoint: Type.Optional(
    Type.String({ pattern: '^[a-z0-9_-]{1,40}$', description: 'an endpoint such as "responses"' }),
  ),
  route: Type.Optional(RouteClass),
};

/** Only the log knows these: analytics are sums. */
const rowFilters = {
  latency_min: Type.Optional(
    Type.String({ pattern: '^\\d{1,8}$', description: 'a whole number of milliseconds' }),
  ),
  latency_max: Type.Optional(
    Type.String({ pattern: '^\\d{1,8}$', description: 'a whole number of milliseconds' }),
  ),
  id: Type.Optional(
    Type.String({
      pattern: '^[0-9a-z_]{4,30}$',
      description: '4 to 30 characters of a request id, from anywhere in it',
    }),
  ),
};

/** A time that a caller gives: always with its offset, so that it means the same everywhere. */
export const Moment = Type.String({
  pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d(:\\d\\d(\\.\\d{1,9})?)?(Z|[+-]\\d\\d:\\d\\d)$',
  description: 'a time such as 2026-11-21T17:05:00Z',
});

const timeFilters = { from: Type.Optional(Moment), to: Type.Optional(Moment) };

const keyShown = nullable(Type.Object({ id: Uuid, name: Type.String(), masked: Type.String() }));

const row = {
  id: Type.String(),
  created_at: Time,
  settled_at: Time,
  endpoint: Type.String(),
  model: nullable(Type.String({ description: 'that answered, else that was asked for' })),
  requested_model: nullable(Type.String()),
  status: Type.Integer(),
  error_code: nullable(Type.String()),
  finish_reason: nullable(Type.String()),
  streamed: Type.Boolean(),
  input_tokens: Type.Integer(),
  output_tokens: Type.Integer(),
  cost: Dollars,
  key: keyShown,
  route: nullable(
    Type.Object({
      class: nullable(RouteClass),
      region: nullable(Type.String()),
      attempts: Type.Integer(),
      hedged: Type.Boolean(),
      fallback: Type.Boolean(),
    }),
  ),
  latency: Type.Object({
    total_ms: Type.Number(),
    queue_ms: nullable(Type.Number()),
    network_ms: nullable(Type.Number()),
    model_ms: nullable(Type.Number()),
  }),
};

export const LoggedRequest = Type.Object(row, { $id: 'LoggedRequest' });

export const LoggedRequestDetail = Type.Object(
  {
    ...row,
    error: nullable(
      Type.Object({ code: Type.String(), message: Type.String({ description: 'what this code means' }) }),
    ),
    why: nullable(
      Type.Array(
        Type.Object({
          node: nullable(Type.String({ description: 'its id, if it is the organization’s own' })),
          class: RouteClass,
          region: nullable(Type.String()),
          total_ms: Type.Number(),
          network_ms: Type.Number(),
          queue_ms: Type.Number(),
          service_ms: Type.Number(),
          load_ms: Type.Number(),
          penalty_ms: Type.Number({ description: 'for failures of late' }),
        }),
        {
          description:
            'the nodes that came into question, the chosen one first, with the milliseconds that the request was predicted to take there',
        },
      ),
    ),
    /** Only a node of the organization itself is named. */
    node: nullable(Type.Object({ id: Type.String(), name: Type.String() })),
    payload: Type.Object({
      stored: Type.Boolean({ description: 'whether bodies of this request are kept' }),
      /** Null when nothing is kept, and to viewers, who may only see that there is something. */
      request: nullable(Type.String()),
      answer: nullable(Type.String()),
      request_truncated: Type.Boolean({ description: 'whether only the beginning is kept' }),
      answer_truncated: Type.Boolean(),
    }),
  },
  { $id: 'LoggedRequestDetail' },
);

/** Rows of an export unless told: what a spreadsheet opens. */
export const EXPORT_ROWS = 100_000;

export const logRoutes = declare({
  listRequests: {
    method: 'get',
    path: '/api/projects/{projectId}/requests',
    tag: 'logs',
    summary: 'The requests of a project, newest first unless told',
    description:
      'Of the last 30 days unless `from` says otherwise. With `id` a page may hold fewer rows than asked for, even none, and still have a `next`: each page looks through a bounded number of requests.',
    access: project('viewer'),
    query: Type.Object({
      ...requestFilters,
      ...rowFilters,
      ...timeFilters,
      sort: Type.Optional(
        Type.Union([Type.Literal('time'), Type.Literal('latency')], { description: '"time" or "latency"' }),
      ),
      order: Type.Optional(
        Type.Union([Type.Literal('asc'), Type.Literal('desc')], { description: '"asc" or "desc"' }),
      ),
      ...paging,
    }),
    answer: listOf(LoggedRequest),
    errors: ['query_timeout'],
  },
  tailRequests: {
    method: 'get',
    path: '/api/projects/{projectId}/requests/tail',
    tag: 'logs',
    summary: 'Requests as they settle, as server-sent events',
    description:
      'Events `request` with a request as in the list; `gap` when so many settled that some were left out; `end` when the session or the membership has ended. The header `last-event-id` goes on where a connection broke; a request may then come twice.',
    access: project('viewer'),
    query: Type.Object({ ...requestFilters, ...rowFilters }),
    answer: LoggedRequest,
    content: ['text/event-stream'],
    errors: ['rate_limit_exceeded', 'query_timeout'],
  },
  exportRequests: {
    method: 'get',
    path: '/api/projects/{projectId}/requests/export',
    tag: 'logs',
    summary: `The requests of a project as a file, newest first: at most ${EXPORT_ROWS} rows unless \`rows\` says more`,
    access: project('viewer'),
    query: Type.Object({
      ...requestFilters,
      ...rowFilters,
      ...timeFilters,
      format: Type.Optional(
        Type.Union([Type.Literal('csv'), Type.Literal('jsonl')], { description: '"csv" or "jsonl"' }),
      ),
      rows: Type.Optional(
        Type.String({ pattern: '^[1-9]\\d{0,8}$', description: 'a number from 1 to 999999999' }),
      ),
    }),
    answer: LoggedRequest,
    content: ['text/csv', 'application/jsonl'],
    errors: ['rate_limit_exceeded', 'query_timeout'],
  },
  getRequest: {
    method: 'get',
    path: '/api/projects/{projectId}/requests/{requestId}',
    tag: 'logs',
    summary: 'One request with all that is kept of it',
    description: 'Bodies are shown to developers and above.',
    access: project('viewer'),
    answer: LoggedRequestDetail,
    errors: ['query_timeout'],
  },
});
