import type { Inference, Tier } from '@zerogpu/protocol';
import type { NodeView, Target } from '../flow.ts';
import { chooseAmong } from './choose-nodes.ts';

/** The connected nodes, as the router sees them. */
export interface Fleet {
  views(model: string): readonly NodeView[];
  target(id: string): Target | undefined;
}

/** One request is given to at most this many nodes, so that a poisonous one cannot walk through the whole fleet. */
const MAX_NODES_TRIED = 4;

/** Until the ask comes from the way: what every project may have. */
const OWN = { tokens: 0, place: null, organizationId: '', privacy: 'own', strangersMay: false } as const;

/**
 * Names the targets for one request, one at a time: nodes best first, each chosen when it is asked for, from the
 * fleet as it is then; after them the upstreams that have the model, in the operator's order.
 */
export function* targetsFor(
  asked: Inference,
  tier: Tier,
  fleet: Fleet,
  upstreams: readonly Target[],
  random: () => number,
): Generator<Target, undefined> {
  const tried = new Set<string>();
  while (tried.size < MAX_NODES_TRIED) {
    const untried = fleet.views(asked.model).filter((view) => !tried.has(view.id));
    const ask = { ...OWN, model: asked.model, tier };
    const [chosen] = chooseAmong(untried, ask, { limit: 1, random });
    if (chosen === undefined) break;
    tried.add(chosen.id);
    const target = fleet.target(chosen.id);
    if (target) yield target;
  }
  yield* ableOf(asked, upstreams);
}

/** True when somebody has the model at this moment, busy or not. */
export function canServe(asked: Inference, fleet: Fleet, upstreams: readonly Target[]): boolean {
  return fleet.views(asked.model).length > 0 || ableOf(asked, upstreams).length > 0;
}

/** Upstreams answer one conversation at a time; several texts in one request are for nodes. */
function ableOf({ texts }: Inference, upstreams: readonly Target[]): readonly Target[] {
  return texts === null ? upstreams : [];
}
