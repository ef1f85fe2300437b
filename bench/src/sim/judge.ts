/** Runs the ways of choosing through a scenario, and says how each did. */
import type { Cities } from './cities.ts';
import { ours } from './ours.ts';
import { clairvoyant, leastLoaded, nearest, powerOf, random, roundRobin } from './policies.ts';
import { streams } from './random-streams.ts';
import type { Scenario, Scene } from './scenarios.ts';
import { type Outcome, type PolicyMaker, simulate } from './simulation.ts';

export interface Verdict {
  readonly policy: string;
  /** Milliseconds; the mean of those that were answered, the others of all: one without an answer took its deadline at least. */
  readonly mean: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly failed: number;
  readonly retries: number;
  readonly hedges: number;
  readonly wastedShare: number;
  /** Of the groups of equals, the worst: the most that one was given, of what it would have been given in turns. */
  readonly mostOfEquals: number;
}

export interface Judged {
  readonly scenario: Scenario;
  readonly requests: number;
  readonly load: number;
  readonly verdicts: readonly Verdict[];
}

export interface JudgeOptions {
  readonly requests: number;
  readonly seed: number;
  readonly cities: Cities | null;
}

/** In the order of the tables. */
export function judge(scenario: Scenario, { requests, seed, cities }: JudgeOptions): Judged {
  const scene = scenario.scene(requests, seed, cities);
  const verdicts = policiesFor(scenario, scene).map(([policy, maker]) => {
    const draws = {
      world: streams(`${seed} ${scenario.name} world`),
      policy: streams(`${seed} ${scenario.name} ${policy}`),
    };
    return verdictOf(policy, scene, simulate(scene.world, maker, draws));
  });
  return { scenario, requests, load: scene.load, verdicts };
}

function policiesFor(scenario: Scenario, { told, home, places }: Scene): [string, PolicyMaker][] {
  const options = { told, home, places };
  const hedged: [string, PolicyMaker][] = [['ours, hedged', ours({ ...options, hedged: true })]];
  return [
    ['random', random],
    ['round robin', roundRobin],
    ['least loaded', leastLoaded],
    ['nearest', nearest],
    ['power of two', powerOf(2)],
    ['ours', ours({ ...options, hedged: false })],
    ...(scenario.goal === 'hedging' ? hedged : []),
    ['clairvoyant', clairvoyant],
  ];
}

function verdictOf(policy: string, scene: Scene, outcome: Outcome): Verdict {
  const counted = outcome.latencies.subarray(outcome.firstCounted);
  const answered = counted.filter((ms) => !Number.isNaN(ms)).sort();
  // Who had no answer waited for it at least until the deadline.
  const at = (p: number) =>
    answered[Math.max(0, Math.ceil(p * counted.length) - 1)] ?? scene.world.workload.deadlineMs;
  const mean = answered.reduce((sum, ms) => sum + ms, 0) / answered.length;
  const { retries, hedges, wastedShare } = outcome;
  const failed = counted.length - answered.length;
  const mostOfEquals = mostOf(scene, outcome);
  const times = { mean, p50: at(0.5), p99: at(0.99), p999: at(0.999) };
  return { policy, ...times, failed, retries, hedges, wastedShare, mostOfEquals };
}

/** Only equals in one city, and those who are there all the time. */
function mostOf({ world: { nodes } }: Scene, { answers }: Outcome): number {
  const groups = new Map<string, number[]>();
  for (const [node, { group, city, sessions }] of nodes.entries()) {
    if (sessions.length !== 1 || sessions[0]?.to !== Number.POSITIVE_INFINITY) continue;
    const key = `${group} ${city}`;
    groups.set(key, [...(groups.get(key) ?? []), answers[node] ?? 0]);
  }
  const most = [...groups.values()].map((given) => {
    const all = given.reduce((sum, one) => sum + one, 0);
    // A few answers are shared by chance.
    return all < 50 * given.length ? 1 : (Math.max(...given) * given.length) / all;
  });
  return Math.max(1, ...most);
}
