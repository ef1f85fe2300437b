/** Timings in this process, on one core. */
import { median, percentile, slope } from '../support/statistics.ts';

export interface Spread {
  readonly runs: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Milliseconds of processor time: what other programs on the machine do hardly touches them. */
  readonly cpuP50: number;
  readonly cpuP99: number;
}

/** Runs `work` on each text in turn, by the clock and then by processor time, `runs` times each after a warm-up. */
export async function spreadOf(
  runs: number,
  texts: readonly string[],
  work: (text: string) => Promise<unknown>,
): Promise<Spread> {
  const wall = await timesOf(() => performance.now(), runs, texts, work);
  const cpu = await timesOf(processor, runs, texts, work);
  return {
    runs,
    p50: percentile(wall, 0.5),
    p99: percentile(wall, 0.99),
    cpuP50: percentile(cpu, 0.5),
    cpuP99: percentile(cpu, 0.99),
  };
}

/** Milliseconds of processor time that this process has used. */
function processor(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

async function timesOf(
  now: () => number,
  runs: number,
  texts: readonly string[],
  work: (text: string) => Promise<unknown>,
): Promise<number[]> {
  const times: number[] = [];
  for (let i = -Math.ceil(runs / 10); i < runs; i++) {
    const text = texts[((i % texts.length) + texts.length) % texts.length] ?? '';
    const start = now();
    await work(text);
    if (i >= 0) times.push(now() - start);
  }
  return times;
}

/** The median processor time of at least three runs, and of as many as fit into `budgetMs`, at most 50. */
export async function medianTime(budgetMs: number, work: () => Promise<unknown> | unknown): Promise<number> {
  const times: number[] = [];
  const end = performance.now() + budgetMs;
  while (times.length < 3 || (times.length < 50 && performance.now() < end)) {
    const start = processor();
    await work();
    times.push(processor() - start);
  }
  return median(times);
}

export interface CurvePoint {
  readonly characters: number;
  readonly milliseconds: number;
}

/**
 * The power with which time grows with length: 1 is linear, 2 quadratic. Points under 0.2 ms say more of the clock
 * than of the work and are left out; null when fewer than three remain.
 *
 * @example
 * growthPower([{ characters: 1, milliseconds: 1 }, { characters: 2, milliseconds: 4 }, { characters: 4, milliseconds: 16 }]) // 2
 */
export function growthPower(curve: readonly CurvePoint[]): number | null {
  const points = curve
    .filter((point) => point.milliseconds >= 0.2)
    .map((point) => [Math.log(point.characters), Math.log(point.milliseconds)] as const);
  return points.length < 3 ? null : slope(points);
}
