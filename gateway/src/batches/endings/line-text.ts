import type { LineError } from '@zerogpu/protocol';
import { lineId } from '../line-id.ts';
import type { Ending } from './taken-batch.ts';

/** A line and what became of it, as the database has them. */
export interface LineResult {
  readonly number: number;
  /** A JSON string, quotes and all. */
  readonly customId: string;
  /** Null where it never ran. */
  readonly result: {
    readonly succeeded: boolean;
    readonly requestId: string | null;
    /** JSON: the answer's body, or {code, message, param}. */
    readonly body: string;
  } | null;
}

/**
 * One line of an output or error file. What is JSON already goes in as it is: what it means may hold what no text here can,
 * and it may be megabytes.
 */
export function lineText(batchId: string, ending: Ending, { number, customId, result }: LineResult): string {
  const begin = `{"id":"${lineId(batchId, number)}","custom_id":${customId},"response":`;
  if (result?.succeeded !== true) return `${begin}null,"error":${result?.body ?? NEVER_RAN[ending]}}\n`;
  const { requestId, body } = result;
  const response = `{"status_code":200,"request_id":${JSON.stringify(requestId)},"body":${body}}`;
  return `${begin}${response},"error":null}\n`;
}

const error = (code: LineError['code'], message: string): string =>
  JSON.stringify({ code, message, param: null } satisfies LineError);

/** Of a completed batch every line ran; one whose result is missing all the same must not be missing from the files. */
const NEVER_RAN: Readonly<Record<Ending, string>> = {
  completed: error('internal_error', '[legacy:http_500] The result of this line was lost; ask it again'),
  cancelled: error('batch_cancelled', 'The batch was cancelled before this line ran'),
  expired: error('batch_expired', 'The batch expired before this line ran; put it into a new batch'),
};
