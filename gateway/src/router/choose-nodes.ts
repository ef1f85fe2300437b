/**
 * Step 4: which nodes, best first. Pure: the fleet's state and the randomness come in, an order comes out.
 * Today's signals are load and residency; nearness joins them in `predictedMs` without changing its callers.
 */

import type { Tier } from '@zerogpu/protocol';
import type { NodeView } from '../flow.ts';

export interface ChooseOptions {
  /** At most this many are named: the first, and those to try when it fails. */
  readonly limit: number;
  readonly tier: Tier;
  /** 0 ≤ x < 1; equals are shuffled with it so that none is favoured. */
  readonly random: () => number;
}

/** A run on a node that has none behind it yet is taken to last this long: about what a nano model needs. */
const UNKNOWN_SERVICE_MS = 2;
/** Reading and unpacking a built-in model's weights, as measured on a laptop. */
const LOAD_MS = 150;
/**
 * What a node's failures weigh, each: a node that fails at once always looks idle, and would draw every request.
 * More than a few say nothing new, and a fleet that fails as a whole is still told apart by its load.
 */
const FAILURE_MS = 250;
const MAX_FAILURES = 8;

/** Milliseconds until this node would have answered: network, queue, service, load, and trying again when it fails. */
export function predictedMs(node: NodeView): number {
  const service = node.serviceMs ?? UNKNOWN_SERVICE_MS;
  const rounds = Math.floor(node.inFlight / node.slots);
  return (
    node.rttMs +
    (rounds + (node.inFlight % node.slots) / node.slots) * service +
    service +
    (node.resident ? 0 : LOAD_MS) +
    Math.min(node.failures, MAX_FAILURES) * FAILURE_MS
  );
}

/** The ids of the best nodes, best first; for a batch run, those that have room for it before all others. */
export function chooseNodes(nodes: readonly NodeView[], options: ChooseOptions): string[] {
  const seen = options.tier === 'batch' ? asBatchRun : asInteractive;
  return nodes
    .map((node) => ({ id: node.id, ...seen(node), tie: options.random() }))
    .sort((a, b) => a.late - b.late || a.ms - b.ms || a.tie - b.tie)
    .slice(0, options.limit)
    .map((node) => node.id);
}

function asInteractive(node: NodeView): { readonly late: number; readonly ms: number } {
  return { late: 0, ms: predictedMs(node) };
}

/** Where there is no room, how long it takes is for interactive runs to say, and those before it in line come first. */
function asBatchRun(node: NodeView): { readonly late: number; readonly ms: number } {
  const late = node.batchRoom > 0 ? 0 : 1;
  return {
    late,
    ms: predictedMs({ ...node, inFlight: Math.max(node.inFlight, node.slots - node.batchRoom) }),
  };
}
