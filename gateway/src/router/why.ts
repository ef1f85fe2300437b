/** Why a request went where it went, for its row in the log. Pure. */
import type { NodePool } from '@zerogpu/protocol';
import type { Candidate } from './predict.ts';

/** What the column takes (migrations/0020_route_why.sql): the best four in full, or as many as fit. */
const MAX_LENGTH = 600;

/**
 * Of each candidate, the chosen one first: id, pool, region, and the milliseconds predicted: in all, network, queue,
 * service, load, penalty. Arrays, because every row of the log has one.
 */
export type WhyCandidate = readonly [
  id: string,
  pool: NodePool,
  region: string | null,
  totalMs: number,
  networkMs: number,
  queueMs: number,
  serviceMs: number,
  loadMs: number,
  penaltyMs: number,
];

export function whyOf(candidates: readonly Candidate[], regionOf: (id: string) => string | null): string {
  const shown = candidates.map((one) => whyCandidate(one, regionOf(one.id)));
  for (;;) {
    const text = JSON.stringify(shown);
    if (text.length <= MAX_LENGTH || shown.length === 0) return text;
    shown.pop();
  }
}

function whyCandidate(one: Candidate, region: string | null): WhyCandidate {
  const { id, pool, totalMs, networkMs, queueMs, serviceMs, loadMs, penaltyMs } = one;
  const [total = 0, ...parts] = [totalMs, networkMs, queueMs, serviceMs, loadMs, penaltyMs].map(tenths);
  const [network = 0, queue = 0, service = 0, load = 0, penalty = 0] = parts;
  return [id, pool, region, total, network, queue, service, load, penalty];
}

const tenths = (ms: number) => Math.round(ms * 10) / 10;
