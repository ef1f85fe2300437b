/** Random quantities. Only + − × ÷, so that a seed gives the same run whatever engine computes the logarithm. */

/** How long works take, of mean 1; what a scenario's work is multiplied with. */
export type Draw = (random: () => number) => number;

const LN_2 = Math.LN2;
const SQRT_HALF = Math.SQRT1_2;

/** The natural logarithm, right to about 15 places. @param x above 0, at most 1 */
export function naturalLog(x: number): number {
  let mantissa = x;
  let halvings = 0;
  while (mantissa < SQRT_HALF) {
    mantissa *= 2;
    halvings++;
  }
  const s = (mantissa - 1) / (mantissa + 1);
  const square = s * s;
  // The series of the inverse hyperbolic tangent: at most 0.172, so ten terms are enough.
  let sum = 0;
  for (let n = 19; n >= 1; n -= 2) sum = sum * square + 1 / n;
  return 2 * s * sum - halvings * LN_2;
}

export const exponential: Draw = (random) => -naturalLog(1 - random());
export const always: Draw = () => 1;

/**
 * Spread as the built-in models' own times are: bench/results/models.md has p99 ÷ p50 between 2 and 5 at 400 tokens (zero-shot
 * 2.6, NER 2.1, summary 3.2 by processor time). A tenth of the runs takes three times as long as the others' mean.
 */
export const measured: Draw = (random) => {
  const size = random() < 0.1 ? 2.5 : 0.833_333_333_333_333_4;
  // Erlang of four: between exponential and constant.
  let sum = 0;
  for (let i = 0; i < 4; i++) sum += exponential(random);
  return (size * sum) / 4;
};

/** @param n above 0 */
export function below(n: number, random: () => number): number {
  return Math.min(n - 1, Math.floor(random() * n));
}
