import type { Tier } from '@zerogpu/protocol';
import { JUDGING_POOLS, type NodeView, type Target } from '../flow.ts';

/** The nodes by which strangers' answers are judged. */
export interface Bench {
  /** Connected nodes that have the model, of the pools that are asked for. */
  judges(model: string): Iterable<NodeView>;
  target(id: string): Target | undefined;
}

/** A run on a node that has none behind it yet is taken to last this long: about what a nano model needs. */
const UNKNOWN_SERVICE_MS = 2;
/** What each failure weighs, as when nodes are chosen for requests. */
const FAILURE_MS = 250;
/** Looked at; of more operators' nodes than these the first will do. */
const MAX_LOOKED_AT = 64;

/**
 * The node to ask for the right answer: soonest done first.
 * @param except nodes whose opinion is known already
 */
export function chooseJudge(
  bench: Bench,
  model: string,
  tier: Tier,
  except: ReadonlySet<string> = new Set(),
): Target | undefined {
  let best: NodeView | undefined;
  let bestMs = Number.POSITIVE_INFINITY;
  let looked = 0;
  for (const view of bench.judges(model)) {
    if (++looked > MAX_LOOKED_AT) break;
    if (except.has(view.id) || !mayJudge(view) || (tier === 'batch' && view.batchRoom <= 0)) continue;
    const ms = waitMs(view);
    if (ms < bestMs) [best, bestMs] = [view, ms];
  }
  return best && bench.target(best.id);
}

const mayJudge = ({ pool }: NodeView) => JUDGING_POOLS.includes(pool);

function waitMs({ inFlight, slots, serviceMs, rttMs, failures }: NodeView): number {
  return rttMs + (inFlight / slots + 1) * (serviceMs ?? UNKNOWN_SERVICE_MS) + failures * FAILURE_MS;
}
