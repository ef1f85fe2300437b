import type { AdminRouteName, fleetRoutes, nodeRoutes } from '@zerogpu/protocol';
import type { AdminContext, Handlers } from '../admin/handler.ts';
import { changeNode, drainNode, releaseNode, removeNode } from './change-node.ts';
import { type FleetServices, type NodeAct, NodeDesk } from './node-desk.ts';
import { ofOperators, ofOrganization } from './scope.ts';
import { TokenDesk } from './token-desk.ts';

type Names = keyof typeof nodeRoutes | keyof typeof fleetRoutes;

export function makeNodeHandlers(services: FleetServices): Handlers<Names> {
  const desk = new NodeDesk(services);
  const tokens = new TokenDesk(services);
  return { ...organizationHandlers(desk, tokens), ...operatorHandlers(desk, tokens, services) };
}

type Whose = Pick<AdminContext<AdminRouteName>, 'organizationId' | 'tenant'>;
const own = ({ organizationId, tenant }: Whose) => ofOrganization(organizationId, tenant);

function organizationHandlers(desk: NodeDesk, tokens: TokenDesk): Handlers<keyof typeof nodeRoutes> {
  type Changing = AdminContext<'drainNode' | 'undrainNode' | 'removeNode' | 'updateNode'>;
  const change = async (context: Changing, act: NodeAct) =>
    withoutShown(await desk.change(own(context), context, context.params.nodeId, act));
  return {
    async listNodes(context) {
      const page = await desk.list(own(context), context.query, context.now);
      return { ...page, data: page.data.map(withoutShown) };
    },
    streamNodes: async (context) => desk.stream(own(context), context),
    async getNodeTotals({ organizationId, tenant }) {
      const { by_pool: _, gateways: __, ...sums } = await desk.totals(organizationId, tenant);
      return sums;
    },
    getNode: async (context) =>
      withoutShown(await desk.get(own(context), context.params.nodeId, context.now)),
    updateNode: (context) => change(context, changed(context.body)),
    drainNode: (context) => change(context, drained(context.now)),
    undrainNode: (context) => change(context, UNDRAINED),
    async removeNode(context) {
      await change(context, REMOVED);
    },
    listJoinTokens: (context) => tokens.list(own(context), context),
    createJoinToken: (context) => tokens.create(own(context), context, 'organization'),
    revokeJoinToken: (context) => tokens.revoke(own(context), context, context.params.joinTokenId),
  };
}

function operatorHandlers(
  desk: NodeDesk,
  tokens: TokenDesk,
  { pool }: FleetServices,
): Handlers<keyof typeof fleetRoutes> {
  const theirs = ofOperators(pool);
  type Changing = AdminContext<
    'drainFleetNode' | 'undrainFleetNode' | 'removeFleetNode' | 'updateFleetNode' | 'releaseFleetNode'
  >;
  const change = (context: Changing, act: NodeAct) =>
    desk.change(theirs, context, context.params.fleetNodeId, act);
  return {
    getFleetTotals: () => desk.totals(null, theirs.transaction),
    listFleetNodes: ({ query, now }) => desk.list(theirs, query, now),
    streamFleetNodes: async (context) => desk.stream(theirs, context),
    getFleetNode: ({ params, now }) => desk.get(theirs, params.fleetNodeId, now),
    updateFleetNode: (context) => change(context, changed(context.body)),
    drainFleetNode: (context) => change(context, drained(context.now)),
    undrainFleetNode: (context) => change(context, UNDRAINED),
    releaseFleetNode: (context) => change(context, RELEASED),
    async removeFleetNode(context) {
      await change(context, REMOVED);
    },
    listFleetTokens: (context) => tokens.list(theirs, context),
    createFleetToken: (context) => tokens.create(theirs, context, context.body.pool),
    revokeFleetToken: (context) => tokens.revoke(theirs, context, context.params.fleetTokenId),
  };
}

const UNDRAINED: NodeAct = { do: (db, row) => drainNode(db, row, null) };
const REMOVED: NodeAct = { do: removeNode };
const RELEASED: NodeAct = { do: releaseNode };
const drained = (now: number): NodeAct => ({ do: (db, row) => drainNode(db, row, new Date(now)) });
const changed = (body: AdminContext<'updateNode'>['body']): NodeAct => ({
  do: (db, row) => changeNode(db, row, body),
  details: body,
});

/** An organization's own nodes are vouched for, and show nothing. */
function withoutShown<T extends { readonly shown: unknown; readonly wrong_answers: unknown }>({
  shown: _,
  wrong_answers: __,
  ...node
}: T): Omit<T, 'shown' | 'wrong_answers'> {
  return node;
}
