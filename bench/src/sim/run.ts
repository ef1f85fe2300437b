/** The whole simulation, small or full. */
import type { Cities } from './cities.ts';
import { goalsOf } from './goals.ts';
import { judge } from './judge.ts';
import { judgeLiars, LIARS } from './liars.ts';
import { distrust, type QueueingCase, simulateQueueing } from './queueing.ts';
import type { Findings } from './report.ts';
import { SCENARIOS } from './scenarios.ts';

export type Size = 'full' | 'quick';

/** Long enough that the interval is narrow, and for λ 0.99 that a fleet that begins empty has filled; so many servers that the limit is near. */
const QUEUEING: Readonly<Record<Size, readonly QueueingCase[]>> = {
  full: [
    { d: 1, lambda: 0.5, servers: 500, warmUp: 100, length: 500, runs: 5 },
    { d: 1, lambda: 0.9, servers: 500, warmUp: 300, length: 2_000, runs: 5 },
    { d: 2, lambda: 0.5, servers: 500, warmUp: 100, length: 500, runs: 5 },
    { d: 2, lambda: 0.9, servers: 1_000, warmUp: 200, length: 1_000, runs: 5 },
    { d: 2, lambda: 0.99, servers: 2_000, warmUp: 800, length: 800, runs: 5 },
    { d: 3, lambda: 0.9, servers: 1_000, warmUp: 200, length: 1_000, runs: 5 },
  ],
  quick: [
    { d: 1, lambda: 0.5, servers: 200, warmUp: 50, length: 500, runs: 3 },
    { d: 2, lambda: 0.9, servers: 500, warmUp: 150, length: 400, runs: 3 },
  ],
};
const QUICK_REQUESTS = 20_000;
const LIAR_SHARES: Readonly<Record<Size, readonly number[]>> = { full: [0.05, 0.2, 0.4], quick: [0.2] };
const LIAR_NODES: Readonly<Record<Size, number>> = { full: 10_000, quick: 2_000 };

/**
 * @param cities null leaves out what needs them; the quick run never does
 * @param heard told of each part when it is done
 * @throws Error when the simulator does not reproduce what is known exactly
 */
export function runSimulation(
  size: Size,
  seed: number,
  cities: Cities | null,
  heard: (what: string) => void = () => undefined,
): Findings {
  const queueing = QUEUEING[size].map((one) => {
    heard(`M/M/${one.servers}, d ${one.d}, λ ${one.lambda}`);
    return simulateQueueing(one, seed);
  });
  const why = distrust(queueing);
  if (why !== null) throw new Error(why);
  const wanted = SCENARIOS.filter(({ needsCities }) => !needsCities || (size === 'full' && cities !== null));
  const judged = wanted.map((scenario) => {
    heard(scenario.name);
    const requests = size === 'full' ? scenario.requests : QUICK_REQUESTS;
    return judge(scenario, { requests, seed, cities });
  });
  const liars = LIAR_SHARES[size].flatMap((share) =>
    LIARS.map((kind) => judgeLiars(kind, share, LIAR_NODES[size], seed)),
  );
  return { seed, queueing, judged, liars, goals: goalsOf(judged, liars) };
}
