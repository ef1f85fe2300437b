/** Timings in this process, on one core. Runs in Node and in a browser. */
import { median, percentile, slope } from '../support/statistics.ts';

/** Milliseconds since some moment. */
export type Clock = () => number;

/** Milliseconds. */
export interface Spread {
  readonly p50: number;
  readonly p99: number;
}

/** Runs `work` on each text in turn, `runs` times after a warm-up. */
export async function spreadOf(
  now: Clock,
  runs: number,
  texts: readonly string[],
  work: (text: string) => Promise<unknown>,
): Promise<Spread> {
  const times: number[] = [];
  for (let i = -Math.ceil(runs / 10); i < runs; i++) {
    const text = texts[((i % texts.length) + texts.length) % texts.length] ?? '';
    const start = now();
    await work(text);
    if (i >= 0) times.push(now() - start);
  }
  return { p50: percentile(times, 0.5), p99: percentile(times, 0.99) };
}

/** The median time of at least three runs, and of as many as fit into `budgetMs`, at most 50. */
export async function medianTime(now: Clock, budgetMs: number, work: () => unknown): Promise<number> {
  const times: number[] = [];
  const end = performance.now() + budgetMs;
  while (times.length < 3 || (times.length < 50 && performance.now() < end)) {
    const start = now();
    await work();
    times.push(now() - start);
  }
  return median(times);
}

export interface CurvePoint {
  /** In the input's own unit. */
  readonly length: number;
  readonly milliseconds: number;
}

/**
 * The power with which time grows with length: 1 is linear, 2 quadratic. Points under 0.2 ms say more of the clock
 * than of the work and are left out; null when fewer than three remain.
 *
 * @example
 * growthPower([{ length: 1, milliseconds: 1 }, { length: 2, milliseconds: 4 }, { length: 4, milliseconds: 16 }]) // 2
 */
export function growthPower(curve: readonly CurvePoint[]): number | null {
  const points = curve
    .filter((point) => point.milliseconds >= 0.2)
    .map((point) => [Math.log(point.length), Math.log(point.milliseconds)] as const);
  return points.length < 3 ? null : slope(points);
}
