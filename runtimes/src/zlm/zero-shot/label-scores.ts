/** Labels with their probabilities as an answer's text. */

const DECIMALS = 6;
const MILLION = 1_000_000;

interface Listing {
  /** Labels below are left out. */
  readonly threshold: number;
  /** Whether the rounded probabilities of all labels shall sum to 1. */
  readonly sumsToOne: boolean;
}

/**
 * A JSON object, highest probability first, ties in the order of the labels. Its text is put together here, because
 * JSON.stringify moves labels that are numbers to the front and takes `__proto__` for something else.
 */
export function labelScoresJson(labels: readonly string[], scores: Float64Array, listing: Listing): string {
  const millionths = listing.sumsToOne
    ? sharesOfMillion(scores)
    : scores.map((p) => Math.floor(p * MILLION + 0.5));
  const order = Array.from(labels.keys()).sort((a, b) => millionths[b]! - millionths[a]! || a - b);
  const listed = order.filter((i) => millionths[i]! >= listing.threshold * MILLION);
  return `{${listed.map((i) => `${JSON.stringify(labels[i])}:${decimal(millionths[i]!)}`).join(',')}}`;
}

/** Whole millionths that sum to a million: rounded down, what is missing given to the largest remainders. */
function sharesOfMillion(scores: Float64Array): Float64Array {
  const shares = scores.map((p) => Math.floor(p * MILLION));
  let missing = MILLION;
  for (const share of shares) missing -= share;
  const remainder = (i: number) => scores[i]! * MILLION - shares[i]!;
  const order = Array.from(shares.keys()).sort(
    (a, b) => remainder(b) - remainder(a) || scores[b]! - scores[a]! || a - b,
  );
  for (let given = 0; given < missing; given++) shares[order[given % order.length]!]! += 1;
  return shares;
}

/** Millionths as JSON.stringify writes the number, without the exponent of small ones. */
function decimal(millionths: number): string {
  if (millionths === MILLION) return '1';
  if (millionths === 0) return '0';
  const digits = String(millionths).padStart(DECIMALS, '0');
  let end = digits.length;
  while (digits.charAt(end - 1) === '0') end--;
  return `0.${digits.slice(0, end)}`;
}
