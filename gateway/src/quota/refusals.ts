/** What a caller is told when limits or money do not allow a request. */
import { ApiError, formatDollars } from '@zerogpu/protocol';
import { RateLimited } from '../flow.ts';
import type { Grant } from './admit-requests.ts';

type Refused = Exclude<Grant, { readonly result: 'held' }>;

/** Whose budget, in words. */
const WHOSE = {
  organization_budget: 'organization',
  project_budget: 'project',
  key_budget: 'API key',
} as const;

/** @param now milliseconds since 1970: says when the month ends */
export function refusalOf(grant: Refused, now: number): ApiError {
  if (grant.result === 'rate_limited') return rateLimited(grant);
  if (!('budget' in grant)) return new ApiError('insufficient_quota');
  const { limit, spent, held } = grant.budget;
  const underWay = held > 0n ? ` and ${formatDollars(held)} held for requests under way` : '';
  return new ApiError('insufficient_quota', {
    message:
      `The monthly budget of the ${WHOSE[grant.result]} does not cover this request: ${formatDollars(spent)} of ` +
      `${formatDollars(limit)} spent${underWay}; the month ends at ${endOfMonth(now)}`,
  });
}

function rateLimited({ limits, refusal }: Extract<Grant, { readonly result: 'rate_limited' }>): RateLimited {
  const { scope, what, limit, retryMs } = refusal;
  if (retryMs === null) {
    const message = `This request alone has more than the ${limit} ${what} a minute that the ${scope} may use`;
    return new RateLimited(limits, { message, retryAfterSeconds: 60 }, true);
  }
  const retryAfterSeconds = Math.max(1, Math.ceil(retryMs / 1000));
  return new RateLimited(limits, {
    message: `The ${scope} may use ${limit} ${what} a minute; try again in ${retryAfterSeconds} s`,
    retryAfterSeconds,
  });
}

/** The first moment of the next month, UTC. */
function endOfMonth(now: number): string {
  const date = new Date(now);
  return new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1)).toISOString();
}
