/** Step 4: which nodes, best first. Pure: the fleet's state and the randomness come in, an order comes out. */
import type { Tier } from '@zerogpu/protocol';
import type { NodeView } from '../flow.ts';
import { FleetIndex } from './fleet-index.ts';
import { asBatch, type Candidate, predicted, type RouteAsk } from './predict.ts';

export interface ChooseOptions {
  /** At most this many are named: the first, and those to try when it fails. */
  readonly limit: number;
  /** 0 ≤ x < 1; equals are shuffled with it so that none is favoured. */
  readonly random: () => number;
  /** Nodes that are not to be named. */
  readonly tried?: ReadonlySet<string>;
  /** Milliseconds since 1970: nodes that are closed until later are left out; absent leaves out none. */
  readonly now?: number;
}

/** The best nodes for an ask, best first. */
export function chooseNodes(index: FleetIndex, ask: RouteAsk, options: ChooseOptions): Candidate[] {
  const { limit, random, tried, now = Infinity } = options;
  const able = [...index.views(ask.model)].filter(
    (view) => mayHave(view, ask) && !tried?.has(view.id) && (view.closedUntil ?? 0) <= now,
  );
  const roomy = new Set(able.filter((view) => hasRoom(view, ask.tier)).map(rankOf));
  const rank = (view: NodeView) =>
    roomy.has(rankOf(view)) && (ask.tier === 'interactive' || hasRoom(view, 'batch')) ? rankOf(view) : LAST;
  return able
    .map((view) => ({ rank: rank(view), tie: random(), ...judged(view, ask, index) }))
    .sort((a, b) => a.rank - b.rank || a.candidate.totalMs - b.candidate.totalMs || a.tie - b.tie)
    .slice(0, limit)
    .map(({ candidate }) => candidate);
}

/** The same among a few nodes that are in no index. */
export function chooseAmong(views: Iterable<NodeView>, ask: RouteAsk, options: ChooseOptions): Candidate[] {
  const index = new FleetIndex();
  for (const view of views) index.put(ask.model, view);
  return chooseNodes(index, ask, options);
}

function judged(view: NodeView, ask: RouteAsk, { home }: FleetIndex): { candidate: Candidate } {
  return { candidate: predicted(ask.tier === 'batch' ? asBatch(view) : view, ask, home) };
}

/** The hard filters: whose nodes a text may reach at all. */
export function mayHave(view: NodeView, ask: RouteAsk): boolean {
  if (view.trust === 'quarantined') return false;
  switch (view.pool) {
    case 'organization':
      return ask.privacy !== 'cloud' && view.organizationId === ask.organizationId;
    case 'operator':
      return ask.privacy !== 'cloud';
    case 'public':
      return ask.privacy === 'public' && ask.strangersMay;
    case 'cloud':
      return true;
  }
}

const POOL_RANK = { organization: 0, operator: 1, public: 1, cloud: 2 } as const;
const LAST = 3;
/** So many failures in a row are no chance. */
const FAILING = 3;

const rankOf = (view: NodeView): number => POOL_RANK[view.pool];

function hasRoom(view: NodeView, tier: Tier): boolean {
  if (view.failures >= FAILING) return false;
  return tier === 'batch' ? view.batchRoom > 0 : view.inFlight < view.slots;
}
