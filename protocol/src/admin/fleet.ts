/** Nodes and join tokens: an organization's own, and those of the operator's pools with what all of them add up to. */
import { type TSchema, Type } from '@sinclair/typebox';
import { DEVICE_CLASSES, NODE_POOLS, PLACE_SOURCES } from '../fleet.ts';
import { idForm } from '../ids.ts';
import { listOf, Name, nullable, paging, Time, Uuid } from './common.ts';
import { declare, OPERATOR, organization } from './route.ts';

const oneOf = <const T extends readonly string[]>(words: T) => {
  const literals = words.map((word) => Type.Literal(word as T[number]));
  return Type.Union(literals, { description: `one of ${words.map((word) => `"${word}"`).join(', ')}` });
};

/**
 * Connected: gets runs. Paused: is connected and serves no model. Draining: gets no new runs, because people want it so.
 * Quarantined: gave a wrong answer. Away: no gateway has its socket. Removed: for good.
 */
export const NODE_STATES = ['connected', 'paused', 'draining', 'quarantined', 'away', 'removed'] as const;
export type NodeState = (typeof NODE_STATES)[number];

const TRUSTS = ['vouched', 'probation', 'earned', 'quarantined'] as const;

/** By which lists of nodes are ordered. */
export const NODE_ORDERS = ['newest', 'name', 'last_seen'] as const;

const NodeId = Type.String({ pattern: idForm('node').source, description: 'the id of a node' });
const Region = Type.String({
  pattern: '^[A-Z]{2}$',
  description: 'a country as two capital letters, such as "DE"',
});
const Latitude = Type.Number({
  minimum: -90,
  maximum: 90,
  description: 'degrees from -90 to 90, north is positive',
});
const Longitude = Type.Number({
  minimum: -180,
  maximum: 180,
  description: 'degrees from -180 to 180, east is positive',
});
const Count = Type.Integer({ minimum: 0 });

const Runs = Type.Object({ done: Count, failed: Count });

const ModelOnNode = Type.Object({
  id: Type.String(),
  version: Type.String(),
  slots: Count,
  in_flight: nullable(Type.Integer({ minimum: 0, description: 'null when it is away' })),
  resident: Type.Boolean({ description: 'in memory, so that no run waits for it to load' }),
  service_ms: nullable(Type.Number({ description: 'mean of the last runs, as the gateway saw it' })),
  /** As the node found when it tried the model. */
  speed: nullable(Type.Object({ base_ms: Type.Number(), per_thousand_ms: Type.Number() })),
  trust: oneOf(TRUSTS),
});

const node = {
  id: NodeId,
  pool: oneOf(NODE_POOLS),
  name: Type.String({ description: 'as people named it; else what it calls itself' }),
  own_name: Type.String({ description: 'what it calls itself' }),
  state: oneOf(NODE_STATES),
  device_class: oneOf(DEVICE_CLASSES),
  agent: Type.String({ description: 'its software with the version' }),
  platform: nullable(Type.String()),
  cores: nullable(Type.Integer()),
  memory_bytes: nullable(Type.Integer()),
  runtimes: nullable(Type.Array(Type.String())),
  time_zone: nullable(Type.String()),
  place: nullable(Type.Object({ latitude: Type.Number(), longitude: Type.Number() })),
  region: nullable(Type.String()),
  place_source: nullable(oneOf(PLACE_SOURCES)),
  models: Type.Array(ModelOnNode),
  slots: Count,
  in_flight: nullable(Count),
  rtt_ms: nullable(Type.Number()),
  /** Runs in all, and of this day (UTC); up to a few seconds old. */
  runs: Runs,
  runs_today: Runs,
  sessions: Type.Integer({ description: 'how often it connected' }),
  /** Milliseconds that it was connected, in all. */
  connected_ms: Type.Integer(),
  created_at: Time,
  connected_at: nullable(Time),
  away_since: nullable(Time),
  draining_at: nullable(Time),
  quarantined_at: nullable(Time),
  quarantined_because: nullable(Type.String()),
  removed_at: nullable(Time),
  join_token_id: nullable(Uuid),
};

export const NodeSchema = Type.Object(node, { $id: 'Node' });

/** What a stranger's node has shown for one model. */
const Shown = Type.Object({
  model: Type.String(),
  version: Type.String(),
  runtime: Type.String(),
  trust: oneOf(TRUSTS),
  right_in_row: Count,
  right: Count,
  wrong: Count,
  unchecked: Count,
});

/** An answer of a stranger's node that was wrong: no word of it, but what its owner may compare. */
const Wrong = Type.Object({
  model: Type.String(),
  version: Type.String(),
  found_at: Time,
  found_by: oneOf(['release', 'recheck', 'known_answer'] as const),
  expected: Type.String({ description: 'SHA-256 of the right answer' }),
  given: Type.String({ description: 'SHA-256 of what the node said' }),
});

export const FleetNodeSchema = Type.Object(
  { ...node, shown: Type.Array(Shown), wrong_answers: Type.Array(Wrong) },
  { $id: 'FleetNode' },
);

export const NodeChanges = Type.Object(
  {
    name: Type.Optional(nullable(Name)),
    place: Type.Optional(
      nullable(
        Type.Object(
          { latitude: Latitude, longitude: Longitude, region: Type.Optional(nullable(Region)) },
          { description: 'an object with latitude and longitude, or null', additionalProperties: false },
        ),
      ),
    ),
  },
  { $id: 'NodeChanges', minProperties: 1 },
);

/** A pattern, not a format: the checks of bodies know no formats. */
const FutureTime = Type.String({
  maxLength: 40,
  pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d{1,9})?(Z|[+-]\\d{2}:\\d{2})$',
  description: 'a time to come, such as 2027-01-31T12:00:00Z',
});

const uses = nullable(
  Type.Integer({
    minimum: 1,
    maximum: 100_000,
    description: 'a number from 1 to 100000: how many nodes it admits; null for any number',
  }),
);

const token = {
  id: Uuid,
  pool: oneOf(NODE_POOLS),
  name: Type.String(),
  masked: Type.String({ description: 'enough to know a token by' }),
  status: oneOf(['active', 'used_up', 'expired', 'revoked']),
  uses_left: nullable(Count),
  nodes: Type.Integer({ description: 'how many nodes it admitted that are not removed' }),
  created_at: Time,
  created_by: nullable(Type.Object({ id: Uuid, name: nullable(Type.String()) })),
  expires_at: nullable(Time),
  revoked_at: nullable(Time),
};

export const JoinTokenSchema = Type.Object(token, { $id: 'JoinToken' });

export const CreatedJoinToken = Type.Object(
  {
    ...token,
    token: Type.String({ description: 'the whole token: here and never again' }),
    /** Ready to paste: where they stand, the token is in them. */
    command: Type.String({ description: 'for a terminal on the device' }),
    install_command: Type.String({ description: 'the same, as a service that starts with the device' }),
    link: Type.String({ description: 'for a browser on the device' }),
  },
  { $id: 'CreatedJoinToken' },
);

const newToken = {
  name: Name,
  uses: Type.Optional(uses),
  expires_at: Type.Optional(nullable(FutureTime)),
};
export const NewJoinToken = Type.Object(newToken, { $id: 'NewJoinToken' });
export const NewFleetToken = Type.Object(
  { pool: oneOf(['operator', 'public', 'cloud']), ...newToken },
  { $id: 'NewFleetToken' },
);

const CountBy = Type.Record(Type.String(), Count);

const Totals = {
  /** Not those that were removed. */
  nodes: Count,
  by_state: CountBy,
  by_class: CountBy,
  by_region: CountBy,
  models: Type.Array(
    Type.Object({
      id: Type.String(),
      nodes: Type.Integer({ description: 'connected ones that have it' }),
      slots: Count,
      in_flight: Count,
    }),
  ),
  last_hour: Runs,
  last_day: Runs,
};

export const NodeTotals = Type.Object(Totals, { $id: 'NodeTotals' });
export const FleetTotals = Type.Object(
  { ...Totals, by_pool: CountBy, gateways: Type.Integer({ description: 'that run now' }) },
  { $id: 'FleetTotals' },
);

/** What changed of a node. */
export const NodeNews = Type.Object(
  {
    id: NodeId,
    name: Type.String(),
    pool: oneOf(NODE_POOLS),
    state: oneOf(NODE_STATES),
    slots: Count,
    in_flight: nullable(Count),
    runs: Runs,
  },
  { $id: 'NodeNews' },
);

const filters = {
  state: Type.Optional(oneOf(NODE_STATES)),
  model: Type.Optional(Type.String({ minLength: 1, maxLength: 256, description: 'the id of a model' })),
  region: Type.Optional(Region),
  device_class: Type.Optional(oneOf(DEVICE_CLASSES)),
  search: Type.Optional(
    Type.String({ minLength: 1, maxLength: 100, description: 'a part of a name, in any case' }),
  ),
  order: Type.Optional(oneOf(NODE_ORDERS)),
  ...paging,
};

const NODES = '/api/organizations/{organizationId}/nodes';
const NODE = `${NODES}/{nodeId}` as const;
const TOKENS = '/api/organizations/{organizationId}/join-tokens';
const FLEET_NODES = '/api/fleet/nodes';
const FLEET_NODE = `${FLEET_NODES}/{fleetNodeId}` as const;
const FLEET_TOKENS = '/api/fleet/join-tokens';

const LISTED = 'Removed ones only with `state=removed`.';
const STREAMED =
  'Events `node`: at first one for each node that is not removed, of the 500 newest, then one whenever something has changed, about one in two seconds of each node at most. `end` when the session or what it is for has ended.';
const PLACED =
  'A name or a place that is null is again what the node says and the gateway finds out: the name at once, the place when it connects next.';
const DRAINED =
  'What it runs is finished, new runs go elsewhere; it stays connected. Gateways know within a second.';
const REMOVED =
  'For good: its socket is closed within a second on every gateway, and its key admits it no more. It can come back only as a new node, with a join token.';
const MADE =
  'The token is in this answer and never again. Whoever has it can add nodes: for a few devices give it few uses and an end.';

const page = <T extends TSchema>(schema: T) => listOf(schema);

const organizationNodes = declare({
  listNodes: {
    method: 'get',
    path: NODES,
    tag: 'nodes',
    summary: 'The organization’s own nodes, newest first unless told',
    description: LISTED,
    access: organization('viewer'),
    query: Type.Object(filters),
    answer: page(NodeSchema),
    errors: ['query_timeout'],
  },
  streamNodes: {
    method: 'get',
    path: `${NODES}/stream`,
    tag: 'nodes',
    summary: 'How the organization’s nodes get on, as server-sent events',
    description: STREAMED,
    access: organization('viewer'),
    answer: NodeNews,
    content: ['text/event-stream'],
    errors: ['rate_limit_exceeded'],
  },
  getNodeTotals: {
    method: 'get',
    path: '/api/organizations/{organizationId}/node-totals',
    tag: 'nodes',
    summary: 'What the organization’s nodes add up to',
    access: organization('viewer'),
    answer: NodeTotals,
    errors: ['query_timeout'],
  },
  getNode: {
    method: 'get',
    path: NODE,
    tag: 'nodes',
    summary: 'One node',
    access: organization('viewer'),
    answer: NodeSchema,
  },
  updateNode: {
    method: 'patch',
    path: NODE,
    tag: 'nodes',
    summary: 'Changes a node’s name or place; what is absent stays',
    description: PLACED,
    access: organization('admin'),
    body: NodeChanges,
    answer: NodeSchema,
    errors: ['state_conflict'],
    audit: 'node.updated',
  },
  drainNode: {
    method: 'post',
    path: `${NODE}/drain`,
    tag: 'nodes',
    summary: 'Gives a node no new runs',
    description: DRAINED,
    access: organization('admin'),
    answer: NodeSchema,
    errors: ['state_conflict'],
    audit: 'node.drained',
  },
  undrainNode: {
    method: 'post',
    path: `${NODE}/undrain`,
    tag: 'nodes',
    summary: 'Gives a drained node runs again',
    access: organization('admin'),
    answer: NodeSchema,
    errors: ['state_conflict'],
    audit: 'node.undrained',
  },
  removeNode: {
    method: 'delete',
    path: NODE,
    tag: 'nodes',
    summary: 'Removes a node',
    description: REMOVED,
    access: organization('admin'),
    answer: null,
    errors: ['state_conflict'],
    audit: 'node.removed',
  },
  listJoinTokens: {
    method: 'get',
    path: TOKENS,
    tag: 'nodes',
    summary: 'The organization’s join tokens, ended ones too, newest first',
    access: organization('viewer'),
    query: Type.Object(paging),
    answer: page(JoinTokenSchema),
  },
  createJoinToken: {
    method: 'post',
    path: TOKENS,
    tag: 'nodes',
    summary: 'A new join token for the organization’s own nodes',
    description: MADE,
    access: organization('admin'),
    body: NewJoinToken,
    answer: CreatedJoinToken,
    status: 201,
    errors: ['state_conflict'],
    audit: 'join_token.created',
  },
  revokeJoinToken: {
    method: 'post',
    path: `${TOKENS}/{joinTokenId}/revoke`,
    tag: 'nodes',
    summary: 'Revokes a join token for good; nodes that it admitted stay',
    access: organization('admin'),
    answer: JoinTokenSchema,
    errors: ['state_conflict'],
    audit: 'join_token.revoked',
  },
});

const fleet = declare({
  getFleetTotals: {
    method: 'get',
    path: '/api/fleet/totals',
    tag: 'fleet',
    summary: 'What all nodes add up to, organizations’ own ones included',
    access: OPERATOR,
    answer: FleetTotals,
    errors: ['query_timeout'],
  },
  listFleetNodes: {
    method: 'get',
    path: FLEET_NODES,
    tag: 'fleet',
    summary: 'The nodes of the pools operator, public and cloud, newest first unless told',
    description: `${LISTED} Organizations’ own nodes are not among them: those stand in the totals alone.`,
    access: OPERATOR,
    query: Type.Object({ pool: Type.Optional(oneOf(['operator', 'public', 'cloud'])), ...filters }),
    answer: page(FleetNodeSchema),
    errors: ['query_timeout'],
  },
  streamFleetNodes: {
    method: 'get',
    path: `${FLEET_NODES}/stream`,
    tag: 'fleet',
    summary: 'How the nodes of the operator’s pools get on, as server-sent events',
    description: STREAMED,
    access: OPERATOR,
    answer: NodeNews,
    content: ['text/event-stream'],
    errors: ['rate_limit_exceeded'],
  },
  getFleetNode: {
    method: 'get',
    path: FLEET_NODE,
    tag: 'fleet',
    summary: 'One node of the operator’s pools, with what it has shown',
    access: OPERATOR,
    answer: FleetNodeSchema,
  },
  updateFleetNode: {
    method: 'patch',
    path: FLEET_NODE,
    tag: 'fleet',
    summary: 'Changes a node’s name or place; what is absent stays',
    description: PLACED,
    access: OPERATOR,
    body: NodeChanges,
    answer: FleetNodeSchema,
    errors: ['state_conflict'],
    audit: 'node.updated',
  },
  drainFleetNode: {
    method: 'post',
    path: `${FLEET_NODE}/drain`,
    tag: 'fleet',
    summary: 'Gives a node no new runs',
    description: DRAINED,
    access: OPERATOR,
    answer: FleetNodeSchema,
    errors: ['state_conflict'],
    audit: 'node.drained',
  },
  undrainFleetNode: {
    method: 'post',
    path: `${FLEET_NODE}/undrain`,
    tag: 'fleet',
    summary: 'Gives a drained node runs again',
    access: OPERATOR,
    answer: FleetNodeSchema,
    errors: ['state_conflict'],
    audit: 'node.undrained',
  },
  releaseFleetNode: {
    method: 'post',
    path: `${FLEET_NODE}/release`,
    tag: 'fleet',
    summary: 'Lets a node out of quarantine; it is on probation again',
    access: OPERATOR,
    answer: FleetNodeSchema,
    errors: ['state_conflict'],
    audit: 'node.released',
  },
  removeFleetNode: {
    method: 'delete',
    path: FLEET_NODE,
    tag: 'fleet',
    summary: 'Removes a node',
    description: REMOVED,
    access: OPERATOR,
    answer: null,
    errors: ['state_conflict'],
    audit: 'node.removed',
  },
  listFleetTokens: {
    method: 'get',
    path: FLEET_TOKENS,
    tag: 'fleet',
    summary: 'The join tokens of the operator’s pools, ended ones too, newest first',
    access: OPERATOR,
    query: Type.Object(paging),
    answer: page(JoinTokenSchema),
  },
  createFleetToken: {
    method: 'post',
    path: FLEET_TOKENS,
    tag: 'fleet',
    summary: 'A new join token for one of the operator’s pools',
    description: MADE,
    access: OPERATOR,
    body: NewFleetToken,
    answer: CreatedJoinToken,
    status: 201,
    errors: ['state_conflict'],
    audit: 'join_token.created',
  },
  revokeFleetToken: {
    method: 'post',
    path: `${FLEET_TOKENS}/{fleetTokenId}/revoke`,
    tag: 'fleet',
    summary: 'Revokes a join token for good; nodes that it admitted stay',
    access: OPERATOR,
    answer: JoinTokenSchema,
    errors: ['state_conflict'],
    audit: 'join_token.revoked',
  },
});

export const nodeRoutes = organizationNodes;
export const fleetRoutes = fleet;
