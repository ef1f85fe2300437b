/** What the router has to reach, held against what the simulator found. */
import type { Judged, Verdict } from './judge.ts';
import type { LiarsResult } from './liars.ts';

export interface Goal {
  readonly name: string;
  readonly wanted: string;
  readonly found: string;
  readonly reached: boolean;
}

/** Ninety-ninth percentile of round robin with slow nodes, divided by ours. */
const P99_TIMES = 5;
/** Of round robin with equal nodes, on mean, p50 and p99. */
const WORSE_THAN_TURNS = 1.05;
const P999_TIMES = 10;
const EXTRA_WORK = 0.02;

export function goalsOf(judged: readonly Judged[], liars: readonly LiarsResult[]): Goal[] {
  return [
    ...judged.filter(({ scenario }) => scenario.goal === 'slow nodes').map(slowNodes),
    ...judged.filter(({ scenario }) => scenario.goal === 'equal nodes').map(equalNodes),
    ...judged.filter(({ scenario }) => scenario.goal === 'hedging').flatMap(hedging),
    ...liars.filter(({ goal }) => goal !== null).map(caught),
    accused(liars),
  ];
}

export function verdict({ scenario, verdicts }: Judged, policy: string): Verdict {
  const found = verdicts.find((one) => one.policy === policy);
  if (!found) throw new RangeError(`${policy} was not judged in ${scenario.name}`);
  return found;
}

function slowNodes(judged: Judged): Goal {
  const times = verdict(judged, 'round robin').p99 / verdict(judged, 'ours').p99;
  const name = `${judged.scenario.name}: p99 of round robin ÷ ours`;
  return { name, wanted: `at least ${P99_TIMES}`, found: times.toFixed(1), reached: times >= P99_TIMES };
}

function equalNodes(judged: Judged): Goal {
  const turns = verdict(judged, 'round robin');
  const own = verdict(judged, 'ours');
  const worst = Math.max(own.mean / turns.mean, own.p50 / turns.p50, own.p99 / turns.p99);
  const name = `${judged.scenario.name}: ours ÷ round robin, the worst of mean, p50 and p99`;
  const wanted = `at most ${WORSE_THAN_TURNS}`;
  return { name, wanted, found: worst.toFixed(2), reached: worst <= WORSE_THAN_TURNS };
}

function hedging(judged: Judged): Goal[] {
  const alone = verdict(judged, 'ours');
  const hedged = verdict(judged, 'ours, hedged');
  const times = alone.p999 / hedged.p999;
  const { name } = judged.scenario;
  return [
    {
      name: `${name}: p99.9 without hedging ÷ with it`,
      wanted: `at least ${P999_TIMES}`,
      found: times.toFixed(1),
      reached: times >= P999_TIMES,
    },
    {
      name: `${name}: work of hedges that nobody needed`,
      wanted: `at most ${EXTRA_WORK * 100} %`,
      found: `${(100 * hedged.wastedShare).toFixed(2)} %`,
      reached: hedged.wastedShare <= EXTRA_WORK,
    },
  ];
}

function caught({ kind, share, caughtP99, goal }: LiarsResult): Goal {
  return {
    name: `${100 * share} % of strangers: ${kind}, 99 of 100 caught`,
    wanted: `within ${goal} answers`,
    found: String(caughtP99),
    reached: caughtP99 <= (goal ?? 0),
  };
}

function accused(liars: readonly LiarsResult[]): Goal {
  const all = liars.reduce((sum, one) => sum + one.accused, 0);
  return { name: 'honest nodes accused', wanted: 'none', found: String(all), reached: all === 0 };
}
