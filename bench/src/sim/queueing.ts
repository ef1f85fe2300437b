/**
 * What the simulator must know before it may judge: queues whose answer is known exactly. `n` servers, exponential work of
 * mean 1, Poisson arrivals of rate λ a server, each at the shortest of `d` queues that chance names. For d = 1 this is M/M/1;
 * for more, the mean time in the system goes to Σ λ^((d^i − d)/(d − 1)), i from 1, as n grows (Vvedenskaya, Dobrushin and
 * Karpelevich 1996; Mitzenmacher 1996).
 */
import { exponential } from './draws.ts';
import { powerOf } from './policies.ts';
import { streams } from './random-streams.ts';
import { type NodeSpec, RULES, simulate, type Workload } from './simulation.ts';

export interface QueueingCase {
  readonly d: number;
  readonly lambda: number;
  readonly servers: number;
  /** In mean service times, for each of `runs`. */
  readonly warmUp: number;
  readonly length: number;
  readonly runs: number;
}

export interface QueueingResult extends QueueingCase {
  readonly exact: number;
  readonly mean: number;
  /** Half the width of the 95 % confidence interval, from the means of the runs. */
  readonly within: number;
  /** (mean − exact) ÷ exact */
  readonly off: number;
}

/** The most that a mean may be off. */
export const TOLERANCE = 0.02;

export function exactMean(d: number, lambda: number): number {
  if (d === 1) return 1 / (1 - lambda);
  let sum = 0;
  for (let power = d; ; power *= d) {
    const term = lambda ** ((power - d) / (d - 1));
    sum += term;
    if (term < 1e-12) return sum;
  }
}

export function simulateQueueing(asked: QueueingCase, seed: number): QueueingResult {
  const means = Array.from({ length: asked.runs }, (_, run) => meanTime(asked, `${seed} queueing ${run}`));
  const mean = means.reduce((sum, one) => sum + one, 0) / means.length;
  const variance = means.reduce((sum, one) => sum + (one - mean) ** 2, 0) / Math.max(1, means.length - 1);
  const exact = exactMean(asked.d, asked.lambda);
  const within = studentT(means.length - 1) * Math.sqrt(variance / means.length);
  return { ...asked, exact, mean, within, off: (mean - exact) / exact };
}

/** Why the simulator may not judge; null when it may. */
export function distrust(results: readonly QueueingResult[]): string | null {
  const wrong = results.find(({ off }) => Math.abs(off) > TOLERANCE);
  if (!wrong) return null;
  const { d, lambda, mean, exact } = wrong;
  return `The simulator has ${mean} for d = ${d}, λ = ${lambda}, where ${exact} is exact: it may not judge policies`;
}

function meanTime({ d, lambda, servers, warmUp, length }: QueueingCase, seed: string): number {
  const nodes = Array.from({ length: servers }, (_, i) => server(i));
  const workload = poisson(lambda * servers, warmUp, length, streams(`${seed} work`));
  const draws = { world: streams(`${seed} world`), policy: streams(`${seed} policy`) };
  const world = { nodes, workload, rules: RULES, roundTrip: () => 0 };
  const { latencies, firstCounted } = simulate(world, powerOf(d), draws);
  let sum = 0;
  for (let i = firstCounted; i < latencies.length; i++) sum += latencies[i] ?? 0;
  return sum / (latencies.length - firstCounted);
}

function server(i: number): NodeSpec {
  const sessions = [{ from: 0, to: Number.POSITIVE_INFINITY, leaving: 'drained' }] as const;
  return { name: `s${i}`, group: 'all', city: 0, slots: 1, cores: 1, speed: 1, sessions, slowdowns: [] };
}

function poisson(rate: number, warmUpMs: number, lengthMs: number, random: () => number): Workload {
  const count = Math.round(rate * (warmUpMs + lengthMs));
  const arrivals = new Float64Array(count);
  const works = new Float64Array(count);
  let at = 0;
  for (let i = 0; i < count; i++) {
    at += exponential(random) / rate;
    arrivals[i] = at;
    works[i] = exponential(random);
  }
  evenOut(arrivals, works, rate);
  const cities = new Int16Array(count);
  return { arrivals, works, cities, meanWork: 1, warmUpMs, deadlineMs: Number.POSITIVE_INFINITY };
}

/**
 * Makes the load what it is meant to be. At λ = 0.99 the mean hangs on it with 1 ÷ ((1 − λ) ln 2): a load that chance put
 * 0.1 % too high would be off by 2.7 %, and that would tell of the draw and not of the queue.
 */
function evenOut(arrivals: Float64Array, works: Float64Array, rate: number): void {
  const count = arrivals.length;
  const stretch = count / rate / (arrivals.at(-1) ?? 1);
  const share = count / works.reduce((sum, work) => sum + work, 0);
  for (let i = 0; i < count; i++) {
    arrivals[i] = (arrivals[i] ?? 0) * stretch;
    works[i] = (works[i] ?? 0) * share;
  }
}

/** The 0.975 quantile of Student's distribution. */
function studentT(degrees: number): number {
  const table = [12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];
  return table[degrees - 1] ?? 2.23;
}
