/** The three measurements of the race, each over all racers, and what they come to. */
import type { ChildProcess } from 'node:child_process';
import { isRecord, messageFrom } from '../support/children.ts';
import { cpuSeconds, watchOthers } from '../support/cpu.ts';
import { type DiskSync, measureDiskSync } from '../support/disk.ts';
import { seededRandom, shuffled } from '../support/random.ts';
import { differences, median, percentile } from '../support/statistics.ts';
import type { FlatOutReport, LatenciesReport, Order, Report } from './orders.ts';
import type { Racer } from './racers.ts';

export interface Plan {
  readonly seed: number;
  readonly connections: number;
  readonly turns: number;
  readonly warmup: number;
  /** Requests per second to each racer in the paced measurement. */
  readonly rate: number;
  readonly pacedRequests: number;
  readonly rounds: number;
  readonly roundSeconds: number;
}

export interface Latency {
  readonly name: string;
  readonly p50: number;
  readonly p99: number;
  /** Over the direct request of the same turn; null for the direct one itself. */
  readonly added: { readonly p50: number; readonly p99: number } | null;
}

export interface Throughput {
  readonly name: string;
  /** Requests per second, the median of the rounds. */
  readonly rps: number;
  readonly p50: number;
  readonly p99: number;
  /** Ours over this one's, round by round, and the median of that. */
  readonly oursRatio: { readonly median: number; readonly rounds: readonly number[] } | null;
  /** Cores that were busy on average, by process with its descendants; null where it cannot be read. */
  readonly cores: Readonly<Record<'generator' | 'upstream' | 'racer', number | null>>;
}

export interface Results {
  readonly oneConnection: readonly Latency[];
  readonly manyConnections: readonly Latency[];
  /** Milliseconds: the 99th percentile of how late the generator sent a request that was due. */
  readonly latenessP99: number;
  readonly flatOut: readonly Throughput[];
  /** Cores that programs outside the race kept busy meanwhile, on average; null where it cannot be read. */
  readonly othersCores: number | null;
  /** Of the disk that our log is on: before the race and after it. */
  readonly diskSync: { readonly before: DiskSync; readonly after: DiskSync };
}

/** @param folder on the disk that our gateway writes to */
export async function measure(
  racers: readonly Racer[],
  generator: ChildProcess,
  plan: Plan,
  folder: string,
): Promise<Results> {
  const loads = racers.map((racer) => racer.load);
  const names = racers.map((racer) => racer.name);
  const { seed, warmup, turns, connections, rate } = plan;
  const before = measureDiskSync(folder);
  const others = watchOthers();
  const one = await ask(generator, { type: 'paired', loads, warmup, turns, seed });
  console.log('Measured: one connection');
  const requests = plan.pacedRequests;
  const many = await ask(generator, { type: 'paced', loads, connections, rate, requests, seed: seed + 1 });
  console.log(`Measured: ${connections} connections at ${rate}/s each`);
  const oneReport = latenciesOf(one);
  const manyReport = latenciesOf(many);
  const flatOut = await flatOutRounds(racers, generator, plan);
  return {
    oneConnection: pairedLatencies(names, oneReport.latencies),
    manyConnections: unpairedLatencies(names, manyReport.latencies),
    latenessP99: percentile(manyReport.lateness, 0.99),
    flatOut,
    othersCores: others(),
    diskSync: { before, after: measureDiskSync(folder) },
  };
}

/** Added: the percentile of the differences within each turn. The first racer is the direct one. */
export function pairedLatencies(
  names: readonly string[],
  latencies: readonly ArrayLike<number>[],
): Latency[] {
  const direct = Float64Array.from(latencies[0] ?? []);
  return names.map((name, i) => {
    const own = Float64Array.from(latencies[i] ?? []);
    const over = differences(own, direct);
    const added = i === 0 ? null : { p50: percentile(over, 0.5), p99: percentile(over, 0.99) };
    return { name, p50: percentile(own, 0.5), p99: percentile(own, 0.99), added };
  });
}

/** Added: the difference of the percentiles, since no two requests are a pair here. */
export function unpairedLatencies(
  names: readonly string[],
  latencies: readonly ArrayLike<number>[],
): Latency[] {
  const figures = names.map((name, i) => {
    const own = Float64Array.from(latencies[i] ?? []);
    return { name, p50: percentile(own, 0.5), p99: percentile(own, 0.99) };
  });
  const direct = figures[0];
  return figures.map((own, i) => ({
    ...own,
    added: i === 0 || !direct ? null : { p50: own.p50 - direct.p50, p99: own.p99 - direct.p99 },
  }));
}

interface Round {
  readonly report: FlatOutReport;
  readonly cores: Throughput['cores'];
}

async function flatOutRounds(
  racers: readonly Racer[],
  generator: ChildProcess,
  plan: Plan,
): Promise<Throughput[]> {
  const random = seededRandom(plan.seed + 2);
  const rounds = new Map<string, Round[]>(racers.map((racer) => [racer.name, []]));
  const upstream = racers[0];
  // The first round warms all of them up and is not counted.
  for (let round = -1; round < plan.rounds; round++) {
    for (const racer of shuffled(racers, random)) {
      const measured = await flatOutRound(racer, upstream ?? racer, generator, plan);
      if (round >= 0) rounds.get(racer.name)?.push(measured);
    }
    if (round >= 0) console.log(`Measured: flat out, round ${round + 1} of ${plan.rounds}`);
  }
  const ours = rounds.get('ours') ?? [];
  return racers.map(({ name }) => throughput(name, rounds.get(name) ?? [], ours));
}

async function flatOutRound(
  racer: Racer,
  upstream: Racer,
  generator: ChildProcess,
  { connections, roundSeconds: seconds }: Plan,
): Promise<Round> {
  const processes = { generator, upstream: upstream.process, racer: racer.process };
  const before = cpuOf(processes);
  const report = await ask(generator, { type: 'flat-out', load: racer.load, connections, seconds });
  const after = cpuOf(processes);
  if (report.type !== 'flat-out') throw new Error('The load generator answered another order');
  const busy = (of: keyof typeof processes): number | null => {
    const [from, to] = [before[of], after[of]];
    return from === null || to === null ? null : (to - from) / report.seconds;
  };
  const isUpstream = racer === upstream;
  return {
    report,
    cores: {
      generator: busy('generator'),
      upstream: busy('upstream'),
      racer: isUpstream ? null : busy('racer'),
    },
  };
}

function cpuOf<K extends string>(processes: Record<K, ChildProcess>): Record<K, number | null> {
  const read = Object.entries<ChildProcess>(processes).map(([name, { pid }]) => [
    name,
    pid === undefined ? null : cpuSeconds(pid),
  ]);
  return Object.fromEntries(read);
}

export function throughput(name: string, rounds: readonly Round[], ours: readonly Round[]): Throughput {
  const rps = ({ report }: Round): number => report.requests / report.seconds;
  const ratios = ours.length === 0 ? [] : rounds.map((round, i) => rps(ours[i] ?? round) / rps(round));
  const times = Float64Array.from(rounds.flatMap(({ report }) => [...report.latencies]));
  const cores = (of: 'generator' | 'upstream' | 'racer'): number | null => {
    const known = rounds.map((round) => round.cores[of]).filter((value) => value !== null);
    return known.length === 0 ? null : median(known);
  };
  return {
    name,
    rps: median(rounds.map(rps)),
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    oursRatio: name === 'ours' || ratios.length === 0 ? null : { median: median(ratios), rounds: ratios },
    cores: { generator: cores('generator'), upstream: cores('upstream'), racer: cores('racer') },
  };
}

/** No order takes longer than this, whatever is wrong with the racer. */
const ORDER_MS = 180_000;

async function ask(generator: ChildProcess, order: Order): Promise<Report> {
  const answer = messageFrom(generator, reportOf, ORDER_MS);
  generator.send(order);
  const report = await answer;
  if (report.type === 'failed') throw new Error(`A request failed: ${report.message}`);
  return report;
}

function reportOf(message: unknown): Report | null {
  // Our own generator sent it: its type tells which of the reports it is.
  return isRecord(message) && message['type'] !== 'ready' ? (message as unknown as Report) : null;
}

function latenciesOf(report: Report): LatenciesReport {
  if (report.type !== 'latencies') throw new Error('The load generator answered another order');
  return report;
}
