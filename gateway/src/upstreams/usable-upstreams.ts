import type { Reach } from '../flow.ts';
import type { Upstream } from './upstream.ts';

type Usable = Pick<Upstream, 'trusted' | 'has' | 'resting'>;

/**
 * Which upstreams a project's texts may be given to, and have the model: those that the operator vouches for before those
 * that the project opted in to, each kind in the operator's order; what failed several times in a row comes last.
 */
export function usableUpstreams<T extends Usable>(
  all: readonly T[],
  model: string,
  reach: Pick<Reach, 'upstreams'>,
  now: number,
): readonly T[] {
  const usable = all.filter((one) => one.has(model) && (one.trusted || reach.upstreams));
  if (usable.length < 2) return usable;
  const rank = (one: T) => (one.resting(now) ? 2 : 0) + (one.trusted ? 0 : 1);
  return usable.toSorted((a, b) => rank(a) - rank(b));
}
