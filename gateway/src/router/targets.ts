import type { NodeView, Target } from '../flow.ts';
import { chooseNodes } from './choose-nodes.ts';

/** The connected nodes, as the router sees them. */
export interface Fleet {
  views(model: string): readonly NodeView[];
  target(id: string): Target | undefined;
}

/** One request is given to at most this many nodes, so that a poisonous one cannot walk through the whole fleet. */
const MAX_NODES_TRIED = 4;

/**
 * Names the targets for one request, one at a time: nodes best first, each chosen when it is asked for, from the
 * fleet as it is then; after them the upstreams that have the model, in the operator's order.
 */
export function* targetsFor(
  model: string,
  fleet: Fleet,
  upstreams: readonly Target[],
  random: () => number,
): Generator<Target, undefined> {
  const tried = new Set<string>();
  while (tried.size < MAX_NODES_TRIED) {
    const untried = fleet.views(model).filter((view) => !tried.has(view.id));
    const [id] = chooseNodes(untried, { limit: 1, random });
    if (id === undefined) break;
    tried.add(id);
    const target = fleet.target(id);
    if (target) yield target;
  }
  yield* upstreams;
}
