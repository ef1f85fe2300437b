import { always, type Fate, honest, LiarFleet, type Lying, sleeper, sometimes } from './liar-fleet.ts';

export interface Scenario {
  readonly name: string;
  /** Of its nodes, the share that lies. */
  readonly liars: number;
  readonly lying: Lying;
  readonly judges?: readonly Lying[];
}

/** What became of a scenario's nodes. */
export interface Outcome {
  readonly name: string;
  readonly liars: number;
  readonly honest: number;
  /** Of the liars, those that were caught within so many answers. */
  readonly within: Readonly<Record<45 | 460, number>>;
  readonly medianAnswers: number;
  /** Lies that callers were given, for each liar. */
  readonly liesGiven: number;
  readonly honestAccused: number;
}

/** Every node answers at most so often. */
export const ANSWERS = 460;

export const SCENARIOS: readonly Scenario[] = [
  { name: 'lies always', liars: 0.2, lying: always },
  { name: 'lies always once trust is earned', liars: 0.2, lying: sleeper(1, 10) },
  { name: 'lies in 1 of 10', liars: 0.2, lying: sometimes(0.1) },
  { name: 'lies in 1 of 10 once trust is earned', liars: 0.2, lying: sleeper(0.1, 10) },
  { name: 'lies in 1 of 10 after 100 answers', liars: 0.2, lying: sleeper(0.1, 100) },
  { name: '5 % of the fleet lie in 1 of 10', liars: 0.05, lying: sometimes(0.1) },
  { name: '40 % of the fleet lie in 1 of 10', liars: 0.4, lying: sometimes(0.1) },
  {
    name: 'one of three judges is wrong in 1 of 20',
    liars: 0.2,
    lying: sometimes(0.1),
    judges: [honest, honest, sometimes(0.05)],
  },
];

export async function judge(scenario: Scenario, nodes: number, seed: number): Promise<Outcome> {
  const count = Math.round(nodes * scenario.liars);
  const strangers = Array.from({ length: nodes }, (_, i) => (i < count ? scenario.lying : honest));
  const fleet = new LiarFleet({ seed, strangers, ...(scenario.judges && { judges: scenario.judges }) });
  const fates = await fleet.untilAnswered(ANSWERS);
  const liars = fates.filter(({ lying }) => lying !== honest);
  const good = fates.filter(({ lying }) => lying === honest);
  const within = (answers: number) =>
    liars.filter((fate) => fate.caught && fate.answers <= answers).length / liars.length;
  return {
    name: scenario.name,
    liars: liars.length,
    honest: good.length,
    within: { 45: within(45), 460: within(460) },
    medianAnswers: median(liars),
    liesGiven: liars.reduce((sum, { liesGiven }) => sum + liesGiven, 0) / liars.length,
    honestAccused: good.filter(({ caught }) => caught).length,
  };
}

function median(fates: readonly Fate[]): number {
  const sorted = fates.map(({ answers }) => answers).toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
