/**
 * One line's way: the way of every request, begun by a worker instead of a socket and ended in the batch's results
 * instead of an answer.
 */
import { newId } from '@zerogpu/protocol';
import { LineReply } from './api/line-reply.ts';
import type { JsonBody } from './api/read-body.ts';
import type { Endpoint } from './api/shape.ts';
import type { LineOutcome, Settlement } from './flow.ts';
import { type WayServices, walk } from './way.ts';

/** A line as a worker took it. */
export interface LineCall {
  readonly endpoint: Endpoint;
  readonly keyId: string;
  readonly projectId: string;
  readonly body: JsonBody;
  /** Aborts when the worker ends: whoever works on it next begins anew. */
  readonly over: AbortSignal;
}

export interface LineServices extends WayServices {
  /** Writes what became of a line in the transaction of its settlement. @throws as `WayServices.settle` */
  settleLine(settlement: Settlement, outcome: LineOutcome): Promise<void>;
}

/**
 * Never throws.
 * @returns what became of it, and whether that is written down
 */
export async function walkLine(
  line: LineCall,
  services: LineServices,
): Promise<{ readonly outcome: LineOutcome; readonly settled: boolean }> {
  const startedAt = services.now();
  const requestId = newId('request', startedAt);
  const reply = new LineReply(requestId);
  let settled = false;
  const settle = async (settlement: Settlement) => {
    await services.settleLine(settlement, reply.outcome);
    settled = true;
  };
  const { endpoint, keyId, projectId, body, over } = line;
  const origin = { kind: 'line', keyId, projectId, body } as const;
  await walk({ endpoint, requestId, startedAt, origin, reply, hangup: over }, { ...services, settle });
  return { outcome: reply.outcome, settled };
}
