/**
 * How long a choice and a change of the index take, and how far a choice is from the best node there is, by looking at every
 * node: for fleets of 10^3 to 10^6, also for skewed ones: `npm run bench:router [-- --most 1000000 --seed 1]`.
 * Writes `bench/results/router.md`.
 */
import { writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  type Candidate,
  chooseNodes,
  FleetIndex,
  type NodeView,
  predicted,
  type RouteAsk,
} from '@zerogpu/gateway';
import { FLEETS, type FleetKind, MODEL, type World, worldOf } from './router/fleets.ts';
import { circumstances, circumstancesLine } from './support/machine.ts';
import { seededRandom } from './support/random.ts';
import { percentile } from './support/statistics.ts';
import { figure, markdownTable } from './support/table.ts';

const { values: options } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    most: { type: 'string', default: '1000000' },
    least: { type: 'string', default: '1000' },
    fleet: { type: 'string' },
    dry: { type: 'boolean', default: false },
  },
});
const seed = Number(options.seed);
const RESULTS = path.join(import.meta.dirname, '../results/router.md');
/** Runs that are chosen for, begun and ended; the first of them warm the code up and are not counted. */
const CHOICES = 8_000;
const WARM = 2_000;
/** Other programs share the machine and take it away for milliseconds: of so many times the same choice the quickest counts. */
const TIMES = 3;
/** Nodes that are weighed for the comparison with the best; the number of asks follows from it. */
const WEIGHED = 10_000_000;
/** Runs that are under way at a time. */
const UNDER_WAY = 100;

interface Spread {
  readonly p50: number;
  readonly p99: number;
  readonly most: number;
}

interface Measured {
  readonly fleet: string;
  readonly size: number;
  readonly firstUs: Spread;
  readonly chooseUs: Spread;
  readonly updateUs: Spread;
  /** How much longer than the best, of 1. */
  readonly excess: Spread;
  readonly asks: number;
  readonly bytes: number;
}

setFlagsFromString('--expose-gc');
const gc: () => void = runInNewContext('gc');

function memory(): number {
  gc();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function askOf(kind: FleetKind, world: World): RouteAsk {
  return {
    model: MODEL,
    tier: 'interactive',
    // Mostly short, now and then long.
    tokens: Math.floor(10 * 500 ** world.random()),
    place: kind.from(world),
    organizationId: kind.organization?.(world) ?? 'org_0',
    privacy: 'own',
    strangersMay: false,
  };
}

function measure(kind: FleetKind, size: number): Measured {
  const random = seededRandom(seed);
  const world = worldOf(size, random);
  const views = Array.from({ length: size }, (_, i) => kind.node(i, world));
  const before = memory();
  const index = new FleetIndex({ home: kind.home });
  for (const view of views) index.put(MODEL, view);
  const bytes = (memory() - before) / size;
  const places = new Map(views.map(({ id }, i) => [id, i]));
  const times = churn(kind, world, { index, views, places });
  const excess = compare(kind, world, { index, views });
  return { fleet: kind.name, size, ...times, excess: spread(excess), asks: excess.length, bytes };
}

interface Floor {
  readonly index: FleetIndex;
  /** What the index was told last of each node. */
  readonly views: NodeView[];
}

/** Runs begin where they are chosen for, and end later: each choice sees the changes of those before it. */
function churn(
  kind: FleetKind,
  world: World,
  { index, views, places }: Floor & { places: Map<string, number> },
) {
  const { random } = world;
  const choices: number[] = [];
  const first: number[] = [];
  const updates: number[] = [];
  const underWay: number[] = [];
  const change = (i: number, by: number) => {
    const view = views[i]!;
    const changed = { ...view, inFlight: view.inFlight + by, batchRoom: view.batchRoom - by };
    views[i] = changed;
    const startedAt = performance.now();
    index.put(MODEL, changed);
    updates.push((performance.now() - startedAt) * 1000);
  };
  for (let run = 0; run < CHOICES + WARM; run++) {
    const ask = askOf(kind, world);
    const { chosen, firstUs, quickestUs } = choose(index, ask, random);
    first.push(firstUs);
    choices.push(quickestUs);
    if (chosen === undefined) continue;
    const i = places.get(chosen.id)!;
    change(i, 1);
    underWay.push(i);
    if (underWay.length > UNDER_WAY) {
      const [ended] = underWay.splice(Math.floor(random() * underWay.length), 1);
      change(ended!, -1);
    }
  }
  const changes = updates.slice(WARM);
  return {
    firstUs: spread(first.slice(WARM)),
    chooseUs: spread(choices.slice(WARM)),
    updateUs: spread(changes),
  };
}

/** The first time, with whatever the processor's caches hold; and the quickest. */
function choose(index: FleetIndex, ask: RouteAsk, random: () => number) {
  const times: number[] = [];
  let chosen: Candidate | undefined;
  for (let time = 0; time < TIMES; time++) {
    const startedAt = performance.now();
    [chosen] = chooseNodes(index, ask, { limit: 1, random });
    times.push((performance.now() - startedAt) * 1000);
  }
  return { chosen, firstUs: times[0] ?? 0, quickestUs: Math.min(...times) };
}

/** Of each ask, how much longer the chosen node is predicted to take than the best of all that may have it. */
function compare(kind: FleetKind, world: World, { index, views }: Floor): number[] {
  const asks = Math.max(20, Math.min(1000, Math.floor(WEIGHED / views.length)));
  return Array.from({ length: asks }, () => {
    const ask = askOf(kind, world);
    const [chosen] = chooseNodes(index, ask, { limit: 1, random: world.random });
    const best = exhaustive(views, ask, kind);
    return chosen === undefined ? 0 : Math.max(0, chosen.totalMs / best - 1);
  });
}

/** The organization's nodes while one of them has room, else the operator's likewise, else all. */
function exhaustive(views: readonly NodeView[], ask: RouteAsk, { home }: FleetKind): number {
  const best = { own: Infinity, operator: Infinity };
  const room = { own: false, operator: false };
  for (const view of views) {
    if (view.organizationId !== null && view.organizationId !== ask.organizationId) continue;
    const pool = view.organizationId === null ? 'operator' : 'own';
    best[pool] = Math.min(best[pool], predicted(view, ask, home).totalMs);
    room[pool] ||= view.inFlight < view.slots && view.failures < 3;
  }
  if (room.own) return best.own;
  return room.operator ? best.operator : Math.min(best.own, best.operator);
}

const spread = (values: readonly number[]): Spread => ({
  p50: percentile(values, 0.5),
  p99: percentile(values, 0.99),
  most: Math.max(...values),
});

function rowOf({ fleet, size, firstUs, chooseUs, updateUs, excess, asks, bytes }: Measured): string[] {
  const percent = (value: number) => `${(value * 100).toFixed(2)} %`;
  return [
    fleet,
    size.toLocaleString('en-US'),
    figure(firstUs.p50),
    figure(firstUs.p99),
    figure(chooseUs.p50),
    figure(chooseUs.p99),
    figure(updateUs.p50),
    figure(updateUs.p99),
    percent(excess.p50),
    percent(excess.p99),
    percent(excess.most),
    String(asks),
    Math.round(bytes).toLocaleString('en-US'),
  ];
}

const HEADER = [
  'fleet',
  'nodes',
  'choice, first time p50 µs',
  'p99 µs',
  'quickest of three p50 µs',
  'p99 µs',
  'change p50 µs',
  'p99 µs',
  'above the best p50',
  'p99',
  'most',
  'asks compared',
  'bytes a node',
];

const sizes = [1_000, 10_000, 100_000, 1_000_000].filter(
  (size) => size >= Number(options.least) && size <= Number(options.most),
);
const rows: string[][] = [];
for (const kind of FLEETS.filter(({ name }) => options.fleet === undefined || name === options.fleet)) {
  for (const size of sizes) {
    const row = rowOf(measure(kind, size));
    console.log(row.join(' | '));
    rows.push(row);
  }
}

const load = figure(loadavg()[1] ?? 0);
const report = `# Choosing a node

Written by \`npm run bench:router\`. ${circumstancesLine(circumstances(seed))}

A choice is one call of \`chooseNodes\` for the best node; a change is one call of \`FleetIndex.put\` when a run begins or ends on
the chosen node. Goal: p99 of a choice below 100 µs among 1,000,000 nodes, within 5 % of the best predicted time that looking at
every node finds ("above the best"). Times are by the wall, and other programs shared the machine (${load} runs waited for its
cores on average): each choice is made three times in a row, of which the quickest counts; a change is made once.

${markdownTable(HEADER, rows)}

${FLEETS.map(({ name, what }) => `- ${name}: ${what}`).join('\n')}
`;
if (!options.dry) writeFileSync(RESULTS, report);
