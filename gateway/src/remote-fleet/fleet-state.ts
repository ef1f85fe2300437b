import type { NodeView } from '../flow.ts';
import type { FleetState, ModelState } from './messages.ts';

export interface HereServices {
  /** Every model that there is, by id. */
  readonly models: readonly string[];
  views(model: string): readonly NodeView[];
  /** Whether it has one that all may use, or one that only those may who opted in. */
  hasUpstream(model: string, trusted: boolean): boolean;
}

/** What a gateway says to workers of all that it can reach. */
export function fleetState({ models, views, hasUpstream }: HereServices): FleetState {
  const states = models.map((id) => ({
    ...modelState(id, views(id)),
    upstream: hasUpstream(id, true),
    untrusted: hasUpstream(id, false),
  }));
  return { models: states.filter((one) => one.nodes > 0 || one.upstream || one.untrusted) };
}

/** Room is where there is some: a crowd before one node leaves the room of another what it is. */
function modelState(id: string, views: readonly NodeView[]): Omit<ModelState, 'upstream' | 'untrusted'> {
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
  };
}
