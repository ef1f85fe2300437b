/** The race's results in words and tables. Pure. */
import { type Circumstances, circumstancesLine } from '../support/machine.ts';
import { figure, markdownTable } from '../support/table.ts';
import type { Latency, Plan, Results, Throughput } from './measure.ts';

export function overheadMarkdown(results: Results, plan: Plan, about: Circumstances): string {
  const direct = results.flatOut[0];
  return `# Overhead of the gateway, wire to wire

${circumstancesLine(about)}

Our gateway with all its duties on (key, project, validation, token count, hold, durable settlement with
postings, log row and rollup in PostgreSQL) against a loopback upstream with a fixed answer. \`direct\` is the
upstream alone. Portkey is @portkey-ai/gateway 1.15.2 on the same Node in production mode; it checks no key,
meters nothing and writes nothing. All share the machine with the load generator. Times in milliseconds.

## One connection

${plan.turns} turns after ${plan.warmup} to warm up; every turn sends one request to each, in a random order.
Added is the percentile of the differences within each turn.

${latencyTable(results.oneConnection)}

## ${plan.connections} connections, ${plan.rate} requests/s to each

${plan.pacedRequests} requests to each, mixed, at random moments. Added is the difference of the percentiles. The
generator sent 99 % of the requests within ${figure(results.latenessP99)} ms of when they fell due.

${latencyTable(results.manyConnections)}

## ${plan.connections} connections, flat out

${plan.rounds} rounds of ${plan.roundSeconds} s for each, in a random order within the round, after one to warm up.
Requests per second is the median of the rounds; "ours ÷ this" is the median of the ratio within each round.

${throughputTable(results.flatOut)}

${generatorLine(direct)}

${othersLine(results.othersCores)}

${diskLine(results.diskSync)}
`;
}

function latencyTable(latencies: readonly Latency[]): string {
  const added = (value: number | undefined): string => (value === undefined ? '–' : figure(value));
  return markdownTable(
    ['', 'p50', 'p99', 'p50 added', 'p99 added'],
    latencies.map((row) => [
      row.name,
      figure(row.p50),
      figure(row.p99),
      added(row.added?.p50),
      added(row.added?.p99),
    ]),
  );
}

function throughputTable(rows: readonly Throughput[]): string {
  const cores = (value: number | null): string => (value === null ? '–' : figure(value));
  const perRequest = ({ cores: { racer }, rps }: Throughput): string =>
    racer === null ? '–' : figure((racer / rps) * 1000);
  return markdownTable(
    [
      '',
      'requests/s',
      'p50',
      'p99',
      'ours ÷ this',
      'cores: itself',
      'upstream',
      'generator',
      'CPU ms a request',
    ],
    rows.map((row) => [
      row.name,
      figure(row.rps),
      figure(row.p50),
      figure(row.p99),
      row.oursRatio === null
        ? '–'
        : `${figure(row.oursRatio.median)} (${row.oursRatio.rounds.map(figure).join(' ')})`,
      cores(row.cores.racer),
      cores(row.cores.upstream),
      cores(row.cores.generator),
      perRequest(row),
    ]),
  );
}

function othersLine(cores: number | null): string {
  if (cores === null) return 'What else the machine did meanwhile is not known.';
  return `Programs outside the race kept ${figure(cores)} cores busy on average meanwhile; the less, the better the figures hold.`;
}

function diskLine({ before, after }: Results['diskSync']): string {
  const spread = ({ p50, p99 }: { p50: number; p99: number }): string => `${figure(p50)} / ${figure(p99)}`;
  return `One \`fdatasync\` of 8 KiB on our log's disk took p50 / p99 ${spread(before)} ms before the race and ${spread(after)} ms after it: ours waits for at least one per answer, alone or with its neighbours.`;
}

function generatorLine(direct: Throughput | undefined): string {
  if (direct === undefined) return '';
  return `The generator is not the limit: the same generator drives the bare upstream at ${figure(direct.rps)} requests/s. "Cores" are busy cores with all child processes (for ours: PostgreSQL).`;
}
