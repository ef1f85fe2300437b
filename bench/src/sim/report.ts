/** The report, from what was found alone: no date, no machine, nothing that differs between two runs of one seed. */
import { figure, markdownTable } from '../support/table.ts';
import type { Goal } from './goals.ts';
import { verdict } from './goals.ts';
import type { Judged, Verdict } from './judge.ts';
import type { LiarsResult } from './liars.ts';
import type { QueueingResult } from './queueing.ts';

export interface Findings {
  readonly seed: number;
  readonly queueing: readonly QueueingResult[];
  readonly judged: readonly Judged[];
  readonly liars: readonly LiarsResult[];
  readonly goals: readonly Goal[];
}

const INTRODUCTION = `# Ways of choosing a node, simulated

Made by \`npm run bench:sim\`, and the same byte for byte for the same code and seed; a change of how nodes are chosen shows
here as a diff. The simulator (bench/src/sim) runs the gateway's own \`chooseNodes\` on its own \`FleetIndex\`, with what its
lanes learn and the hedges it may spend, beside other ways. Every way meets the same requests, devices and leavings. Runs wait
at the gateway for a node's slots, travel, and share what the node computes with. Times in milliseconds of the simulated
world; where gateways are everywhere, "nearest" knows every true round trip, ours only places and what one gateway measured.
"Clairvoyant" knows how long each run will take and who will leave, and takes the earliest answer for the request at hand.`;

export function reportOf({ full, quick }: { readonly full: Findings; readonly quick: Findings }): string {
  return `${[INTRODUCTION, ...sectionsOf(full), quickSection(quick)].join('\n\n')}\n`;
}

/** What a test makes again, and compares. */
export function quickSection(quick: Findings): string {
  return [
    '## The quick run',
    'Small sizes and no cities: `npm run bench:sim -- --quick`. A test makes this section again, and fails when it is another.',
    queueingTable(quick.queueing),
    goalsTable(quick.goals),
    markdownTable(
      ['scenario', 'ours: mean', 'p50', 'p99', 'p99.9', 'failed', 'round robin: p99'],
      quick.judged.map((judged) => {
        const { mean, p50, p99, p999, failed } = verdict(judged, 'ours');
        const times = [mean, p50, p99, p999].map(figure);
        return [judged.scenario.name, ...times, String(failed), figure(verdict(judged, 'round robin').p99)];
      }),
    ),
  ].join('\n\n');
}

function sectionsOf({ seed, queueing, judged, liars, goals }: Findings): string[] {
  return [
    `Seed ${seed}.`,
    '## Queues that are known exactly',
    'Poisson arrivals of rate λ a server, exponential work of mean 1, the shortest of d queues that chance names: the mean time in the system must be within 2 % of the exact one before any way of choosing is judged. The interval is of 95 %, from the means of the runs.',
    queueingTable(queueing),
    '## Goals',
    goalsTable(goals),
    ...judged.map(scenarioSection),
    '## Liars among strangers',
    "Judged by the gateway's own states of trust (gateway/src/trust/trust-state.ts).",
    liarsTable(liars),
  ];
}

function queueingTable(results: readonly QueueingResult[]): string {
  return markdownTable(
    ['d', 'λ', 'servers', 'requests', 'runs', 'exact', 'simulated', 'off'],
    results.map(({ d, lambda, servers, warmUp, length, runs, exact, mean, within, off }) => [
      String(d),
      String(lambda),
      String(servers),
      Math.round(lambda * servers * (warmUp + length) * runs).toLocaleString('en-US'),
      String(runs),
      exact.toFixed(3),
      `${mean.toFixed(3)} ± ${within.toFixed(3)}`,
      `${(100 * off).toFixed(2)} %`,
    ]),
  );
}

function goalsTable(goals: readonly Goal[]): string {
  return markdownTable(
    ['goal', 'wanted', 'found', 'reached'],
    goals.map(({ name, wanted, found, reached }) => [name, wanted, found, reached ? 'yes' : '**no**']),
  );
}

function scenarioSection(judged: Judged): string {
  const { scenario, requests, load, verdicts } = judged;
  const best = verdict(judged, 'clairvoyant');
  return [
    `## ${capitalized(scenario.name)}`,
    `${capitalized(scenario.about)}. ${requests.toLocaleString('en-US')} requests, which ask for ${Math.round(load * 100)} % of what the nodes can do.`,
    markdownTable(
      [
        'way',
        'mean',
        'p50',
        'p99',
        'p99.9',
        'failed',
        'retries',
        'hedges',
        'wasted work',
        'mean ÷ clairvoyant',
        'most of equals',
      ],
      verdicts.map((one) => verdictRow(one, best)),
    ),
  ].join('\n\n');
}

function verdictRow(one: Verdict, best: Verdict): string[] {
  return [
    one.policy,
    ...[one.mean, one.p50, one.p99, one.p999].map(figure),
    ...[one.failed, one.retries, one.hedges].map(String),
    `${(100 * one.wastedShare).toFixed(2)} %`,
    (one.mean / best.mean).toFixed(2),
    one.mostOfEquals.toFixed(2),
  ];
}

function liarsTable(liars: readonly LiarsResult[]): string {
  return markdownTable(
    [
      'liars',
      'share',
      'nodes',
      'caught: p50',
      'p99',
      'goal',
      'not caught',
      'honest accused',
      'wrong of all that left',
      'computed twice',
    ],
    liars.map((one) => [
      one.kind,
      `${100 * one.share} %`,
      String(one.nodes),
      String(one.caughtP50),
      String(one.caughtP99),
      one.goal === null ? '–' : String(one.goal),
      String(one.uncaught),
      String(one.accused),
      `${(100 * one.wrongShare).toFixed(2)} %`,
      `${(100 * one.checkedShare).toFixed(1)} %`,
    ]),
  );
}

const capitalized = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
