/** Rows of bytes that are summed: how vectors of words are kept and added. */
import { type Weights, WeightsError } from './weights.ts';

/** The byte that stands for 0; a byte is a number from −128 to 127 plus this. */
export const ZERO = 128;
/** As many bytes as two of their sums fit into one 32-bit number. */
const MOST_ADDED = 256;
const LOW_BYTES = 0x00ff_00ff;

/**
 * A tensor of bytes, four a number, as `sumOfRows` reads it.
 * @throws WeightsError when the tensor is absent, of another shape, or its rows are no multiple of four bytes
 */
export function byteRows(weights: Weights, name: string, shape: readonly [rows: number, dimensions: number]) {
  const [, dimensions] = shape;
  if (dimensions === 0 || dimensions % 4 !== 0) {
    throw new WeightsError(`Vectors have ${dimensions} dimensions, no multiple of 4`);
  }
  const { buffer, byteOffset, length } = weights.u8(name, shape);
  return new Int32Array(buffer, byteOffset, length / 4);
}

/**
 * The sum of rows of bytes whose zero is 128. Four bytes are read as one number, and two sums share another: a third
 * of the time of byte by byte.
 * @param matrix four bytes a number, little-endian
 */
export function sumOfRows(
  matrix: Int32Array,
  rows: ArrayLike<number>,
  dimensions: number,
): Float64Array<ArrayBuffer> {
  const width = dimensions / 4;
  const sum = new Float64Array(dimensions).fill(0 - ZERO * rows.length);
  const even = new Int32Array(width);
  const odd = new Int32Array(width);
  for (let first = 0; first < rows.length; first += MOST_ADDED) {
    const last = Math.min(first + MOST_ADDED, rows.length);
    for (let row = first; row < last; row++) {
      const start = rows[row]! * width;
      for (let i = 0; i < width; i++) {
        const four = matrix[start + i]!;
        even[i] = even[i]! + (four & LOW_BYTES);
        odd[i] = odd[i]! + ((four >>> 8) & LOW_BYTES);
      }
    }
    for (let i = 0; i < width; i++) {
      sum[4 * i]! += even[i]! & 0xffff;
      sum[4 * i + 1]! += odd[i]! & 0xffff;
      sum[4 * i + 2]! += even[i]! >>> 16;
      sum[4 * i + 3]! += odd[i]! >>> 16;
    }
    even.fill(0);
    odd.fill(0);
  }
  return sum;
}
