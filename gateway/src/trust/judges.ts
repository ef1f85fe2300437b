import type { Tier } from '@zerogpu/protocol';
import { JUDGING_POOLS, type NodeView, type Target } from '../flow.ts';

/** The nodes by which strangers' answers are judged. */
export interface Bench {
  /** Connected nodes that have the model, of the pools that are asked for. */
  judges(model: string): Iterable<NodeView>;
  target(id: string): Target | undefined;
  /** What a run there would take, in milliseconds: as when nodes are chosen for requests. */
  predictedMs(view: NodeView): number;
}

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
    const ms = bench.predictedMs(view);
    if (ms < bestMs) [best, bestMs] = [view, ms];
  }
  return best && bench.target(best.id);
}

const mayJudge = ({ pool }: NodeView) => JUDGING_POOLS.includes(pool);
