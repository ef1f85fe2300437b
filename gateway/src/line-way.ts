/**
 * One line's way: the way of every request, begun by a worker instead of a socket and ended in the batch's results
 * instead of an answer.
 */
import { ApiError, newId } from '@zerogpu/protocol';
import { chatEndpoint } from './api/chat.ts';
import { embeddingsEndpoint } from './api/embeddings.ts';
import { LineReply } from './api/line-reply.ts';
import { moderationsEndpoint } from './api/moderations.ts';
import { bodyOfLine } from './api/read-body.ts';
import { responsesEndpoint } from './api/responses.ts';
import type { Endpoint } from './api/shape.ts';
import type { LineOutcome, Settlement } from './flow.ts';
import { isDatabaseTrouble } from './store/database-errors.ts';
import { type WayServices, walk } from './way.ts';

/** A line as a worker took it. */
export interface LineCall {
  /** Such as `/v1/chat/completions`. */
  readonly endpoint: string;
  readonly keyId: string;
  readonly projectId: string;
  /** As it stands in the input file. */
  readonly text: Buffer;
  /** Aborts when the worker ends: whoever works on it next begins anew. */
  readonly signal: AbortSignal;
  /** Ends when it may be read. */
  turn(): Promise<void>;
  /**
   * Writes what became of it, with the settlement of its request if there is one.
   * @throws when nothing was written
   */
  write(outcome: LineOutcome, settlement: Settlement | null): Promise<Written>;
}

/**
 * `logged`: and the request is settled. `unlogged`: the line's outcome alone. `hold_lost`: nothing is, because the money
 * went back before. `line_lost`: nothing is, and nothing is charged, because another worker has the line.
 */
export type Written = 'logged' | 'unlogged' | 'hold_lost' | 'line_lost';

const ENDPOINTS: ReadonlyMap<string, Endpoint> = new Map(
  [chatEndpoint, responsesEndpoint, embeddingsEndpoint, moderationsEndpoint].map((endpoint) => [
    `/v1/${endpoint.route}`,
    endpoint,
  ]),
);

const HOLD_LOST = 'The line outlived the money held for it, and costs nothing';

/**
 * @param services of the way; what settles is the line's own `write`
 * @throws what `write` throws when it could not write what became of it, whatever that was
 */
export async function walkLine(line: LineCall, services: Omit<WayServices, 'settle'>): Promise<void> {
  const startedAt = services.now();
  const requestId = newId('request', startedAt);
  const reply = new LineReply(requestId);
  let written: Written | null = null;
  const settle = async (settlement: Settlement) => {
    const word = await line.write(reply.outcome, settlement);
    if (word === 'hold_lost') throw new ApiError('upstream_timeout', { message: HOLD_LOST });
    written = word;
  };
  const { endpoint: path, keyId, projectId, signal } = line;
  const endpoint = ENDPOINTS.get(path);
  if (endpoint === undefined) throw new Error(`Lines cannot ask for ${path}`);
  const read = async () => {
    await line.turn();
    signal.throwIfAborted();
    return bodyOfLine(line.text, services.maxBodyBytes);
  };
  const origin = { kind: 'line', keyId, projectId, read } as const;
  await walk(
    { endpoint, requestId, startedAt, origin, reply, hangup: signal },
    {
      ...services,
      settle,
      // Of what is not in the log no bodies are kept either.
      keep: (payload) => written === 'logged' && services.keep(payload),
      // A database that is away is told of once, by who looks for lines.
      report: (id, cause) => isDatabaseTrouble(cause) || services.report(id, cause),
    },
  );
  // No caller, or a settlement that could not be written: the line ends all the same.
  if (written === null) await line.write(reply.outcome, null);
}
