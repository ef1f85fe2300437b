/** Why a request went where it went, for its row in the log. Pure. */
import type { NodePool } from '@zerogpu/protocol';
import type { Candidate } from './predict.ts';

/**
 * A row of the log is less than 600 bytes, and most of it is spoken for: three nodes of strangers take 70, three of the
 * organization's own, which are named, 140.
 */
const MAX_LENGTH = 200;

/** One letter for whose the node is: every row of the log has some. */
const LETTERS: Record<NodePool, string> = { organization: 'o', operator: 'e', public: 'p', cloud: 'c' };

/**
 * Of each candidate, the chosen one first: whose it is, or its id, which people are shown of their own nodes alone; of the
 * chosen one the row itself has the id. Then its region, '' where nothing tells, and the milliseconds predicted for network,
 * queue, service, loading and failures of late; zeros at the end are left out.
 */
export type WhyCandidate = readonly [whose: string, region: string, ...ms: number[]];

/** As many as fit; the chosen one always does. */
export function whyOf(candidates: readonly Candidate[], regionOf: (id: string) => string | null): string {
  let all = '';
  for (const one of candidates) {
    const named = one.pool === 'organization' && all !== '';
    const text = JSON.stringify(whyCandidate(one, named ? one.id : LETTERS[one.pool], regionOf(one.id)));
    // With the comma before it and the brackets around all.
    if (all.length + text.length + 3 > MAX_LENGTH) break;
    all += all === '' ? text : `,${text}`;
  }
  return `[${all}]`;
}

function whyCandidate(one: Candidate, whose: string, region: string | null): WhyCandidate {
  const { networkMs, queueMs, serviceMs, loadMs, penaltyMs } = one;
  const ms = [networkMs, queueMs, serviceMs, loadMs, penaltyMs].map(rounded);
  while (ms.at(-1) === 0) ms.pop();
  return [whose, region ?? '', ...ms];
}

/** Tenths where they can be told apart. */
const rounded = (ms: number) => (ms < 100 ? Math.round(ms * 10) / 10 : Math.round(ms));
