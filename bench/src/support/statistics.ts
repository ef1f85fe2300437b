/** Order statistics of measured times. Pure. */

/**
 * The smallest value that at least the share `p` of the values does not exceed (nearest rank).
 *
 * @example
 * percentile([4, 1, 3, 2], 0.5)  // 2
 * percentile([4, 1, 3, 2], 0.99) // 4
 * @param p above 0, at most 1
 * @throws RangeError when there are no values
 */
export function percentile(values: Iterable<number>, p: number): number {
  const sorted = Float64Array.from(values).sort();
  const value = sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)];
  if (value === undefined) throw new RangeError('A percentile needs at least one value');
  return value;
}

/** The mean of the two middle values where there is an even number of them. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  if (upper === undefined || lower === undefined) throw new RangeError('A median needs at least one value');
  return (upper + lower) / 2;
}

/** `a[i] - b[i]`: what `a` added to its pair. */
export function differences(a: ArrayLike<number>, b: ArrayLike<number>): Float64Array {
  if (a.length !== b.length) throw new RangeError('Pairs need as many values on either side');
  return Float64Array.from(a, (value, i) => value - (b[i] ?? Number.NaN));
}

/** The sum of products of deviations over the sum of squares: the slope of the line that fits best. */
export function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / points.length;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / points.length;
  const products = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  return products / points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
}
