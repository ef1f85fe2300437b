import type { NodeView } from '../flow.ts';
import type { FleetState, ModelState } from './messages.ts';

export interface HereServices {
  /** Every model that there is, by id. */
  readonly models: readonly string[];
  views(model: string): readonly NodeView[];
  hasUpstream(model: string): boolean;
}

/** What a gateway says to workers of all that it can reach. */
export function fleetState({ models, views, hasUpstream }: HereServices): FleetState {
  const states = models.map((id) => modelState(id, views(id), hasUpstream(id)));
  return { models: states.filter(({ nodes, upstream }) => nodes > 0 || upstream) };
}

/** Room is where there is some: a crowd before one node leaves the room of another what it is. */
function modelState(id: string, views: readonly NodeView[], upstream: boolean): ModelState {
  const sum = (of: (view: NodeView) => number) => views.reduce((all, view) => all + of(view), 0);
  const room = sum(({ batchRoom }) => Math.max(0, batchRoom));
  const services = views.flatMap(({ serviceMs }) => (serviceMs === null ? [] : [serviceMs]));
  return {
    id,
    nodes: views.length,
    slots: sum(({ slots }) => slots),
    inFlight: sum(({ inFlight }) => inFlight),
    batchRoom: room > 0 ? room : sum(({ batchRoom }) => batchRoom),
    resident: views.some(({ resident }) => resident),
    serviceMs: services.length === 0 ? null : services.reduce((a, b) => a + b, 0) / services.length,
    upstream,
  };
}
