import type { IncomingHttpHeaders } from 'node:http';
import type { AdminRouteName, fleetRoutes, nodeRoutes } from '@zerogpu/protocol';
import type { Pool, PoolClient } from 'pg';
import { boundedRead } from '../admin/bounded-read.ts';
import type { AdminContext, Handlers } from '../admin/handler.ts';
import { limitOf, pageOf } from '../admin/paging.ts';
import { Places } from '../admin/places.ts';
import type { LiveNodes } from '../live-nodes.ts';
import { changeNode, drainNode, releaseNode, removeNode } from './change-node.ts';
import { cursorOf, findNode, listNodes, type NodeQuery } from './list-nodes.ts';
import { type NodeRow, shownNode } from './node-rows.ts';
import { nodeStream, type StreamTimes } from './node-stream.ts';
import type { NodeTail } from './node-tail.ts';
import { ofOperators, ofOrganization, type Scope } from './scope.ts';
import {
  createToken,
  expiryOf,
  listTokens,
  type NewToken,
  revokeToken,
  shownToken,
  type TokenRow,
  waysToJoin,
} from './tokens.ts';
import { totalsOf } from './totals.ts';
import { type Earned, shownBy, wrongBy } from './trust-rows.ts';

export interface FleetServices {
  readonly pool: Pool;
  readonly gatewayId: string;
  /** What this gateway holds. */
  readonly live: LiveNodes;
  readonly tail: NodeTail;
  /** The ids of gateways that live. */
  gateways(): Promise<readonly string[]>;
  /** Has this gateway look at once for what people changed. */
  changed(): void;
  /** How a join token is stored and found. */
  hash(token: string): Buffer;
  readonly earned: Earned;
  /** Where people and devices reach this server. */
  publicUrl(): string;
  /** Whether whoever sent these headers may still see this: an organization's, or with null the operator's. */
  stillAdmitted(headers: IncomingHttpHeaders, organizationId: string | null): Promise<boolean>;
  now(): number;
  /** For tests. */
  readonly times?: StreamTimes;
}

/** Open streams of one gateway: a socket each, and some of what one look for all of them reads. */
const MOST_STREAMS = 200;
const STREAMS_OF_ORGANIZATION = 20;

type Names = keyof typeof nodeRoutes | keyof typeof fleetRoutes;

export function makeNodeHandlers(services: FleetServices): Handlers<Names> {
  const { pool, live } = services;
  const places = new Places(MOST_STREAMS, STREAMS_OF_ORGANIZATION, 'streams of nodes');
  const operators = ofOperators(pool);
  const scopeOf = ({ organizationId, tenant }: Whose) => ofOrganization(organizationId, tenant);

  const shown = async (db: PoolClient, rows: readonly NodeRow[], now: number) => {
    const of = await shownBy(db, rows, services.earned);
    const wrong = await wrongBy(db, rows);
    return rows.map((row) => {
      const { trust, shown: tried } = of(row);
      return {
        ...shownNode(row, live.find(row.id), trust, now),
        shown: [...tried],
        wrong_answers: wrong(row),
      };
    });
  };
  const list = async (scope: Scope, query: NodeQuery, now: number) => {
    const alive = await services.gateways();
    return boundedRead(scope.transaction, async (db) => {
      const rows = await listNodes(db, scope, query, alive);
      const { data, ...page } = pageOf(rows, limitOf(query), (row) => row, cursorOf(query));
      return { ...page, data: await shown(db, data, now) };
    });
  };
  const get = async (scope: Scope, nodeId: string, now: number) => {
    const alive = await services.gateways();
    return scope.transaction(async (db) =>
      one(await shown(db, [await findNode(db, scope, nodeId, alive)], now)),
    );
  };
  const change = async (scope: Scope, context: Acting, nodeId: string, act: Act, details = {}) => {
    const alive = await services.gateways();
    const after = await scope.transaction(async (db) => {
      const row = await findNode(db, scope, nodeId, alive, true);
      await act(db, row);
      const { name, pool: of } = row;
      await context.audit(db, { kind: 'node', id: nodeId, details: { ...details, was: name, pool: of } });
      return one(await shown(db, [await findNode(db, scope, nodeId, alive)], context.now));
    });
    services.changed();
    return after;
  };
  const totals = async (organizationId: string | null, transaction: Scope['transaction']) => {
    const alive = await services.gateways();
    const { gatewayId } = services;
    return boundedRead(transaction, (db) => totalsOf(db, { organizationId, alive, gatewayId, live }));
  };
  const stream = (scope: Scope, { headers, hangup }: Following, organizationId: string | null) => {
    const text = nodeStream({
      follow: () => services.tail.follow(scope.organizationId),
      stays: () => services.stillAdmitted(headers, organizationId),
      hangup,
      ...(services.times === undefined ? {} : { times: services.times }),
    });
    return {
      content: 'text/event-stream' as const,
      text: places.during(organizationId ?? 'operators', text),
    };
  };
  const tokens = async (scope: Scope, context: Listing) => {
    const rows = await scope.transaction((db) => listTokens(db, scope, context.query));
    const key = (row: TokenRow) => [String(row.micros), row.id];
    return pageOf(rows, limitOf(context.query), (row) => shownToken(row, context.now), key);
  };
  const create = async (scope: Scope, context: Creating, wanted: NewToken) =>
    scope.transaction(async (db) => {
      const { row, token } = await createToken(db, scope, wanted, services.hash);
      const { name, pool: of, uses } = wanted;
      const details = { name, pool: of, uses, expires_at: row.expires_at?.toISOString() ?? null };
      await context.audit(db, { kind: 'join_token', id: row.id, details });
      const answer = { ...shownToken(row, context.now), token, ...waysToJoin(services.publicUrl(), token) };
      return context.keep(db, answer);
    });
  const revoke = async (scope: Scope, context: Acting, tokenId: string) =>
    scope.transaction(async (db) => {
      const row = await revokeToken(db, scope, tokenId);
      await context.audit(db, { kind: 'join_token', id: tokenId, details: { name: row.name } });
      return shownToken(row, context.now);
    });
  const drained = (now: number) => (db: PoolClient, row: NodeRow) => drainNode(db, row, new Date(now));
  const undrained = (db: PoolClient, row: NodeRow) => drainNode(db, row, null);

  return {
    async listNodes(context) {
      const page = await list(scopeOf(context), context.query, context.now);
      return { ...page, data: page.data.map(withoutShown) };
    },
    streamNodes: async (context) => stream(scopeOf(context), context, context.organizationId),
    async getNodeTotals({ organizationId, tenant }) {
      const { by_pool: _, ...sums } = await totals(organizationId, tenant);
      return sums;
    },
    async getNode(context) {
      return withoutShown(await get(scopeOf(context), context.params.nodeId, context.now));
    },
    async updateNode(context) {
      const act = changing(context.body);
      return withoutShown(await change(scopeOf(context), context, context.params.nodeId, act, context.body));
    },
    async drainNode(context) {
      const act = drained(context.now);
      return withoutShown(await change(scopeOf(context), context, context.params.nodeId, act));
    },
    async undrainNode(context) {
      return withoutShown(await change(scopeOf(context), context, context.params.nodeId, undrained));
    },
    async removeNode(context) {
      await change(scopeOf(context), context, context.params.nodeId, removeNode);
    },
    listJoinTokens: (context) => tokens(scopeOf(context), context),
    createJoinToken: (context) =>
      create(scopeOf(context), context, wantedToken(context, 'organization', context.body)),
    revokeJoinToken: (context) => revoke(scopeOf(context), context, context.params.joinTokenId),

    async getFleetTotals() {
      const sums = await totals(null, operators.transaction);
      return { ...sums, gateways: (await services.gateways()).length };
    },
    listFleetNodes: ({ query, now }) => list(operators, query, now),
    streamFleetNodes: async (context) => stream(operators, context, null),
    getFleetNode: ({ params, now }) => get(operators, params.fleetNodeId, now),
    updateFleetNode: (context) =>
      change(operators, context, context.params.fleetNodeId, changing(context.body), context.body),
    drainFleetNode: (context) => change(operators, context, context.params.fleetNodeId, drained(context.now)),
    undrainFleetNode: (context) => change(operators, context, context.params.fleetNodeId, undrained),
    releaseFleetNode: (context) => change(operators, context, context.params.fleetNodeId, releaseNode),
    async removeFleetNode(context) {
      await change(operators, context, context.params.fleetNodeId, removeNode);
    },
    listFleetTokens: (context) => tokens(operators, context),
    createFleetToken: (context) =>
      create(operators, context, wantedToken(context, context.body.pool, context.body)),
    revokeFleetToken: (context) => revoke(operators, context, context.params.fleetTokenId),
  };
}

type Whose = Pick<AdminContext<AdminRouteName>, 'organizationId' | 'tenant'>;
type Acting = Pick<AdminContext<AdminRouteName>, 'audit' | 'now'>;
type Following = Pick<AdminContext<AdminRouteName>, 'headers' | 'hangup'>;
type Listing = Pick<AdminContext<'listJoinTokens'>, 'query' | 'now'>;
type Creating = Pick<AdminContext<'createJoinToken'>, 'audit' | 'keep' | 'now'>;
type Act = (db: PoolClient, row: NodeRow) => Promise<void>;

const changing =
  (body: AdminContext<'updateNode'>['body']): Act =>
  (db, row) =>
    changeNode(db, row, body);

function wantedToken(
  { person, now }: Pick<AdminContext<'createJoinToken'>, 'person' | 'now'>,
  pool: NewToken['pool'],
  { name, uses = null, expires_at }: AdminContext<'createJoinToken'>['body'],
): NewToken {
  return { name, pool, uses, expires: expiryOf(expires_at, now), createdBy: person?.id ?? null };
}

/** An organization's own nodes are vouched for, and show nothing. */
function withoutShown<T extends { readonly shown: unknown; readonly wrong_answers: unknown }>({
  shown: _,
  wrong_answers: __,
  ...node
}: T): Omit<T, 'shown' | 'wrong_answers'> {
  return node;
}

function one<T>([first]: readonly T[]): T {
  if (first === undefined) throw new Error('A row was there a moment ago');
  return first;
}
