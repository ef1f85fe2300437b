import { ZeroGPUError } from './errors.ts';
import { type CursorListing, cursorListing, idInPath } from './listing.ts';
import type { CallOptions } from './options.ts';
import { isRetryable } from './retry.ts';
import type { Transport, WithRequestId } from './transport.ts';
import type { Batch, BatchList, BatchRequest, BatchResultLine, BatchStatus, ChatAnswer } from './types.ts';
import { sleep } from './watch.ts';

export interface BatchQuery {
  /** The `last_id` of the page before. */
  readonly after?: string | undefined;
  /** From 1 to 100; 20 when absent. */
  readonly limit?: number | undefined;
}

export interface WaitOptions extends CallOptions {
  /** Milliseconds between two looks, at least 100. Default 2000. */
  readonly pollMs?: number | undefined;
  /** Called after every look that shows something new, the last one too. */
  readonly onProgress?: ((batch: Batch) => void) | undefined;
}

const ENDPOINT = '/v1/chat/completions';
/** The server reads the whole file before it answers. */
const CREATE_TIMEOUT_MS = 10 * 60_000;
const POLL_MS = 2_000;
const LEAST_POLL_MS = 100;
/** Looks in a row that may fail, each with its own tries: a server that starts again is waited for. */
const MOST_FAILURES = 20;

const ENDED: ReadonlySet<BatchStatus> = new Set(['completed', 'failed', 'cancelled', 'expired']);

export class Batches {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * `POST /v1/batches`. A file with a fault is refused with a BadRequestError whose `line` says where.
   * @throws ZeroGPUError, one class per kind of failure
   */
  create(body: BatchRequest, options: CallOptions = {}): Promise<WithRequestId<Batch>> {
    const { endpoint = ENDPOINT, completion_window = '24h', ...rest } = body;
    return this.#transport.json<Batch>({
      method: 'POST',
      path: '/v1/batches',
      body: { ...rest, endpoint, completion_window },
      options,
      leastTimeout: CREATE_TIMEOUT_MS,
    });
  }

  /** `GET /v1/batches/{id}`. */
  async retrieve(id: string, options: CallOptions = {}): Promise<WithRequestId<Batch>> {
    return this.#transport.json({ method: 'GET', path: `/v1/batches/${idInPath('batch', id)}`, options });
  }

  /** `GET /v1/batches`: newest first. */
  list(query: BatchQuery = {}, options: CallOptions = {}): CursorListing<BatchList> {
    return cursorListing<BatchList>(this.#transport, '/v1/batches', { ...query }, options);
  }

  /** `POST /v1/batches/{id}/cancel`. @throws ConflictError when it has ended */
  async cancel(id: string, options: CallOptions = {}): Promise<WithRequestId<Batch>> {
    const path = `/v1/batches/${idInPath('batch', id)}/cancel`;
    return this.#transport.json({ method: 'POST', path, options });
  }

  /**
   * Looks at a batch until it has ended, however: its `status` says.
   *
   * @example
   * const batch = await client.batches.wait(id, { onProgress: ({ request_counts }) => console.log(request_counts) });
   * @throws AbortedError when `signal` fires; the error of a look that cannot succeed, or of twenty that did not
   */
  async wait(id: string, options: WaitOptions = {}): Promise<WithRequestId<Batch>> {
    const { pollMs = POLL_MS, onProgress, ...call } = options;
    if (!(pollMs >= LEAST_POLL_MS)) {
      throw new ZeroGPUError(`pollMs must be a number of milliseconds from ${LEAST_POLL_MS}`);
    }
    let seen = '';
    let failures = 0;
    for (;;) {
      const batch = await this.retrieve(id, call).catch((error: unknown) => {
        if (!isRetryable(error) || ++failures >= MOST_FAILURES) throw error;
        return null;
      });
      if (batch !== null) {
        failures = 0;
        const state = JSON.stringify([batch.status, batch.request_counts]);
        if (state !== seen) onProgress?.(batch);
        seen = state;
        if (ENDED.has(batch.status)) return batch;
      }
      await sleep(pollMs, call.signal);
    }
  }

  /**
   * What became of each line of a batch that has ended: answers first, then errors; each line once, in the order of the
   * files. `response` is null where `error` is not.
   *
   * @example
   * for await (const { custom_id, response, error } of client.batches.results(batch)) {
   *   console.log(custom_id, response?.body.choices[0]?.message.content ?? error?.message);
   * }
   * @param batch as it ended, or its id
   * @throws ZeroGPUError when it has not ended, or a line is no result
   */
  async *results<Body = ChatAnswer>(
    batch: Batch | string,
    options: CallOptions = {},
  ): AsyncGenerator<BatchResultLine<Body>, void, undefined> {
    const ended = typeof batch === 'string' ? await this.retrieve(batch, options) : batch;
    if (!ENDED.has(ended.status)) {
      throw new ZeroGPUError(`The batch ${ended.id} is ${ended.status}; wait until it has ended`);
    }
    for (const fileId of [ended.output_file_id, ended.error_file_id]) {
      if (fileId !== null) yield* this.#lines<Body>(fileId, options);
    }
  }

  async *#lines<Body>(
    fileId: string,
    options: CallOptions,
  ): AsyncGenerator<BatchResultLine<Body>, void, undefined> {
    const path = `/v1/files/${idInPath('file', fileId)}/content`;
    const content = await this.#transport.text({ method: 'GET', path, options });
    for await (const line of content.lines()) yield readLine<Body>(line);
  }
}

function readLine<Body>(line: string): BatchResultLine<Body> {
  try {
    // The server's word, as every answer's shape.
    return JSON.parse(line) as BatchResultLine<Body>;
  } catch (cause) {
    throw new ZeroGPUError('A line of the results is not valid JSON', { cause });
  }
}
