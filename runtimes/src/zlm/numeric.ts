/**
 * Real functions from + − × ÷ and bit patterns alone, in a fixed order, because engines differ in the last bits of
 * Math.exp, Math.log and their kin. Math.sqrt, abs, floor, round, min, max, imul and fround are exact everywhere.
 */

const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;
const LARGEST_EXPONENT = 709.782712893384;
const SMALLEST_EXPONENT = -745.1332191019411;
const SQRT_HALF_HIGH_WORD = 0x3fe6_a09e;

const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);

/** 2 to an integer between −1022 and 1023. */
function powerOfTwo(exponent: number): number {
  words[0] = 0;
  words[1] = (exponent + 1023) << 20;
  return float[0]!;
}

const EXP_TERMS = 13;
const INVERSE_FACTORIALS = Array.from({ length: EXP_TERMS + 1 }, (_, n) => {
  let factorial = 1;
  for (let i = 2; i <= n; i++) factorial *= i;
  return 1 / factorial;
});

/** e to the x, within two units in the last place; 0 below −745.1, Infinity above 709.8, NaN for NaN. */
export function exp(x: number): number {
  if (Number.isNaN(x)) return x;
  if (x > LARGEST_EXPONENT) return Number.POSITIVE_INFINITY;
  if (x < SMALLEST_EXPONENT) return 0;
  const k = Math.floor(x * Math.LOG2E + 0.5);
  const r = x - k * LN2_HIGH - k * LN2_LOW;
  let sum = INVERSE_FACTORIALS[EXP_TERMS]!;
  for (let n = EXP_TERMS - 1; n >= 0; n--) sum = sum * r + INVERSE_FACTORIALS[n]!;
  // In two steps, since 2^k alone may be out of the normal range while the result is in it.
  const half = Math.floor(k / 2);
  return sum * powerOfTwo(half) * powerOfTwo(k - half);
}

const LOG_TERMS = 11;

/** Natural logarithm, within two units in the last place; −Infinity for 0, NaN below. */
export function log(x: number): number {
  if (Number.isNaN(x) || x < 0) return Number.NaN;
  if (x === 0) return Number.NEGATIVE_INFINITY;
  if (x === Number.POSITIVE_INFINITY) return x;
  const [mantissa, exponent] = split(x);
  // log m = 2 atanh s with s = (m − 1) / (m + 1), |s| < 0.172
  const s = (mantissa - 1) / (mantissa + 1);
  const square = s * s;
  let sum = 0;
  for (let n = LOG_TERMS; n >= 1; n--) sum = (sum + 1 / (2 * n + 1)) * square;
  return exponent * LN2_HIGH + (2 * s + (2 * s * sum + exponent * LN2_LOW));
}

/** x = mantissa × 2^exponent with the mantissa between √½ and √2. */
function split(x: number): [mantissa: number, exponent: number] {
  let exponent = 0;
  float[0] = x;
  if (words[1]! < 0x0010_0000) {
    float[0] = x * powerOfTwo(54);
    exponent = -54;
  }
  const high = words[1]!;
  exponent += (high >>> 20) - 1023;
  words[1] = (high & 0x000f_ffff) | 0x3ff0_0000;
  if (words[1] - 0x0010_0000 >= SQRT_HALF_HIGH_WORD) {
    words[1] -= 0x0010_0000;
    exponent += 1;
  }
  return [float[0]!, exponent];
}

/** Replaces the scores by probabilities that sum to 1; leaves an empty array empty. */
export function softmax(scores: Float64Array): void {
  let largest = Number.NEGATIVE_INFINITY;
  for (const score of scores) if (score > largest) largest = score;
  let sum = 0;
  for (let i = 0; i < scores.length; i++) {
    scores[i] = exp(scores[i]! - largest);
    sum += scores[i]!;
  }
  for (let i = 0; i < scores.length; i++) scores[i]! /= sum;
}

/** Rounds to `decimals` places, halves up; exact multiples stay what they print as. */
export function roundTo(value: number, decimals: number): number {
  let scale = 1;
  for (let i = 0; i < decimals; i++) scale *= 10;
  return Math.floor(value * scale + 0.5) / scale;
}
