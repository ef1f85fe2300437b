import { hash } from 'node:crypto';

const PREFIX = 'batch_req_';
/** As many characters as every id of ours has after its prefix. */
const LENGTH = 26;

/**
 * What a line is called in its batch's results: the same for ever, whichever attempt answered it.
 *
 * @example
 * lineId('batch_01kc0p3m9t4x7q2d8r5v6w1y3z', 7) // 'batch_req_…' and 26 hexadecimal digits
 * @param number of the line in the input file, from 1
 */
export function lineId(batchId: string, number: number): string {
  return PREFIX + hash('sha256', `${batchId} ${number}`, 'hex').slice(0, LENGTH);
}
