import type { Place } from '@zerogpu/protocol';
import type { NodeView } from '../flow.ts';

/** The fleet as the router sees it: every node and model of its own, told of by `put` whenever something of it changes. */
export class FleetIndex {
  /** Where the round trips are measured from. */
  readonly home: Place | null;
  readonly #views = new Map<string, Map<string, NodeView>>();

  constructor({ home = null }: { readonly home?: Place | null } = {}) {
    this.home = home;
  }

  /** Takes in what is known of a node and a model on it, in place of what was known before. */
  put(model: string, view: NodeView): void {
    const nodes = this.#views.get(model) ?? new Map<string, NodeView>();
    nodes.set(view.id, view);
    this.#views.set(model, nodes);
  }

  remove(model: string, nodeId: string): void {
    const nodes = this.#views.get(model);
    if (nodes?.delete(nodeId) && nodes.size === 0) this.#views.delete(model);
  }

  /** Nodes that have the model. */
  count(model: string): number {
    return this.#views.get(model)?.size ?? 0;
  }

  views(model: string): Iterable<NodeView> {
    return this.#views.get(model)?.values() ?? [];
  }
}
