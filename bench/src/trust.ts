/**
 * How soon strangers' nodes that lie are caught by the gateway's real trust, and what that costs; without network and
 * database, so that each figure follows from the seed.
 *
 *   npm run bench:trust -- --nodes 1000 --seed 1
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { circumstances, circumstancesLine } from './support/machine.ts';
import { figure, markdownTable } from './support/table.ts';
import { honest, LiarFleet } from './trust/liar-fleet.ts';
import { judge, type Outcome, SCENARIOS } from './trust/scenarios.ts';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '20261121' },
  },
});
const nodes = Number(values.nodes);
const seed = Number(values.seed);
const RESULTS = new URL('../results/trust.md', import.meta.url);
const ANSWERS_FOR_WORK = 10_000;

const HEADER = [
  'a liar…',
  'liars',
  'caught within 45',
  'caught within 460',
  'median answers until caught',
  'lies given to callers, each',
  'honest nodes accused',
];
const percent = (share: number) => `${(share * 100).toFixed(1)} %`;

function row(outcome: Outcome): string[] {
  return [
    outcome.name,
    `${outcome.liars} of ${outcome.liars + outcome.honest}`,
    percent(outcome.within[45]),
    percent(outcome.within[460]),
    String(outcome.medianAnswers),
    figure(outcome.liesGiven),
    String(outcome.honestAccused),
  ];
}

/** Runs of judges for each answer of a node that is honest. */
async function work(): Promise<number> {
  const fleet = new LiarFleet({ seed, strangers: [honest] });
  await fleet.untilAnswered(ANSWERS_FOR_WORK);
  return fleet.judged / ANSWERS_FOR_WORK;
}

const rows: string[][] = [];
for (const [i, scenario] of SCENARIOS.entries()) {
  const outcome = await judge(scenario, nodes, seed + i);
  rows.push(row(outcome));
  console.log(row(outcome).join(' | '));
}
const share = await work();
const report = `# Liars among strangers' nodes

${circumstancesLine(circumstances(seed))}

The gateway's real trust (\`gateway/src/trust/\`) with nodes that answer at once: what is counted follows from the seed, not
from the machine. Each node gives up to 460 answers, or as many as until it is caught. Goals: whoever lies always within
45 answers with 99 %, whoever lies in one of ten within 460 with 99 %, no honest node accused.

${markdownTable(HEADER, rows)}

Nodes that are vouched for do ${figure(share)} runs for each answer of an honest stranger's node (its first ten, rechecks and
known answers, over ${ANSWERS_FOR_WORK.toLocaleString('en-US')} answers).
`;
await writeFile(RESULTS, report);
console.log(`\nWritten to bench/results/trust.md; ${figure(share)} runs of judges for each answer.`);
