/** The ways of choosing a node that ours is compared with. */
import { below } from './draws.ts';
import type { Asking, FleetState, FleetView, Policy, PolicyMaker } from './simulation.ts';

/** Any node, all alike. */
export const random: PolicyMaker = (fleet, draw) => ({
  choose: (request) => anyOf(fleet, request, draw),
});

/** One after the other. */
export const roundRobin: PolicyMaker = (fleet) => {
  let turn = 0;
  return {
    choose({ tried }) {
      const { connected } = fleet;
      for (let i = 0; i < connected.length; i++) {
        const node = connected[turn++ % connected.length] ?? -1;
        if (!tried.includes(node)) return node;
      }
      return -1;
    },
  };
};

/** Fewest runs for its slots; the nearer of equals is not preferred, chance decides. */
export const leastLoaded: PolicyMaker = (fleet, draw) => ({
  choose: (request) => lowest(fleet, request, draw, (node) => loadOf(fleet, node)),
});

/** The shortest way, whatever waits there. */
export const nearest: PolicyMaker = (fleet, draw) => ({
  choose: (request) => lowest(fleet, request, draw, (node) => fleet.roundTrip(request.city, node)),
});

/** The less loaded of `d` that chance names. */
export function powerOf(d: number): PolicyMaker {
  return (fleet, draw) => ({
    choose(request) {
      let best = anyOf(fleet, request, draw);
      for (let i = 1; i < d && best >= 0; i++) {
        const other = anyOf(fleet, request, draw);
        if (loadOf(fleet, other) < loadOf(fleet, best)) best = other;
      }
      return best;
    },
  });
}

/**
 * Knows what nobody can: how long each run will take, who will leave, what is going on in every node. Takes the
 * earliest answer for the request at hand, so it is a measure and not quite a bound.
 */
export const clairvoyant: PolicyMaker = (fleet: FleetView, draw): Policy => ({
  choose: (request) => lowest(fleet, request, draw, (node) => fleet.completion(request.index, node)),
});

function loadOf(fleet: FleetState, node: number): number {
  return fleet.inFlight(node) / (fleet.nodes[node]?.slots ?? 1);
}

/** A few draws find an untried node nearly always; then they are gone through. */
function anyOf(fleet: FleetState, { tried }: Asking, draw: () => number): number {
  const { connected } = fleet;
  if (connected.length === 0) return -1;
  for (let i = 0; i < 8; i++) {
    const node = connected[below(connected.length, draw)] ?? -1;
    if (!tried.includes(node)) return node;
  }
  return connected.find((node) => !tried.includes(node)) ?? -1;
}

function lowest(
  fleet: FleetState,
  { tried }: Asking,
  draw: () => number,
  costOf: (node: number) => number,
): number {
  let best = -1;
  let least = 0;
  let equals = 0;
  for (const node of fleet.connected) {
    if (tried.length > 0 && tried.includes(node)) continue;
    const cost = costOf(node);
    if (best >= 0 && cost > least) continue;
    equals = best >= 0 && cost === least ? equals + 1 : 1;
    // Each of the equals so far with the same probability.
    if (equals === 1 || draw() * equals < 1) best = node;
    least = cost;
  }
  return best;
}
