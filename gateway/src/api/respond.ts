import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Answer, ApiError, errorEnvelope } from '@zerogpu/protocol';
import type { Origin, PieceSink, RateLimits } from '../flow.ts';
import type { Shape } from './shape.ts';

/** Of a stream, written and not yet read by the caller: past this they are taken to be gone. Many times a long answer. */
export const MAX_UNREAD_BYTES = 16 * 1024 * 1024;

/** Where an answer goes: to a socket, or into the results of a batch. */
export interface Answering extends PieceSink {
  /** What the caller was sent of a stream so far; null when nothing was. */
  readonly streamed: { readonly text: string; readonly reasoning: string | null } | null;
  limits(limits: RateLimits): void;
  /** Who answers, as far as it is known; null takes it back. */
  from(origin: Origin | null): void;
  /** A stand-in runs: who asked is told for which model. */
  requestedModel(id: string): void;
  replayed(): void;
  /** The answer will be streamed in this form. Nothing is sent before the first piece. */
  stream(shape: Shape): void;
  /**
   * Puts a whole answer into its form, before it is charged: what cannot be given costs nothing.
   * @throws ApiError as `Shape.whole`
   */
  prepare(shape: Shape, answer: Answer): void;
  /** What will be said in place of an answer, before it is settled. */
  prepareError(error: ApiError): void;
  answer(shape: Shape, answer: Answer): void;
  error(error: ApiError): void;
}

/** Step 8: writes one request's answer, whole or as a stream, or its error. Says exactly one of them. */
export class Reply implements Answering {
  readonly #response: ServerResponse;
  readonly #headers: Record<string, string>;
  #stream: Shape | null = null;
  readonly #streamed = { text: '', reasoning: '' };
  /** The whole answer, ready to be sent. */
  #prepared: string | null = null;

  /**
   * Every answer carries its id.
   * @param forPages answers of the API may be read by a page of any origin, others not
   */
  constructor(response: ServerResponse, requestId: string, forPages = true) {
    this.#response = response;
    this.#headers = { 'x-request-id': requestId, ...(forPages ? OPEN_TO_PAGES : {}) };
  }

  /** True once a byte of the answer is on its way; from then on an error is an event of the stream. */
  get started(): boolean {
    return this.#response.headersSent;
  }

  get streamed(): { readonly text: string; readonly reasoning: string | null } | null {
    const { text, reasoning } = this.#streamed;
    return this.started ? { text, reasoning: reasoning || null } : null;
  }

  /** Ended or without a reader. A write after the end would come back as an error that nobody catches. */
  get #over(): boolean {
    return this.#response.writableEnded || this.#response.destroyed;
  }

  limits(limits: RateLimits): void {
    for (const kind of ['requests', 'tokens'] as const) {
      const state = limits[kind];
      if (state === null) continue;
      this.#headers[`x-ratelimit-limit-${kind}`] = String(state.limit);
      this.#headers[`x-ratelimit-remaining-${kind}`] = String(state.remaining);
      this.#headers[`x-ratelimit-reset-${kind}`] = `${Math.ceil(state.resetMs / 1000)}s`;
    }
  }

  from(origin: Origin | null): void {
    for (const name of ORIGIN_HEADERS) delete this.#headers[name];
    if (origin === null) return;
    const { class: route, deviceClass, region } = origin;
    this.#headers['x-zerogpu-route'] = route;
    if (deviceClass !== null) this.#headers['x-zerogpu-node-class'] = deviceClass;
    if (region !== null) this.#headers['x-zerogpu-region'] = region;
  }

  requestedModel(id: string): void {
    this.#headers['x-zerogpu-requested-model'] = id;
  }

  replayed(): void {
    this.#headers['idempotent-replayed'] = 'true';
  }

  stream(shape: Shape): void {
    this.#stream = shape;
  }

  piece(kind: 'text' | 'reasoning', text: string): void {
    if (this.#stream === null || this.#over) return;
    if (this.#response.writableLength > MAX_UNREAD_BYTES) {
      this.#response.destroy();
      return;
    }
    this.#open(this.#stream);
    this.#streamed[kind] += text;
    this.#response.write(this.#stream.piece(kind, text));
  }

  prepare(shape: Shape, answer: Answer): void {
    if (this.#stream === null) this.#prepared = wholeText(shape, answer);
  }

  /** An error is small, and has one form. */
  prepareError(): void {}

  /** The end of a stream, or the whole answer. */
  answer(shape: Shape, answer: Answer): void {
    if (this.#over) return;
    if (this.#stream === null) {
      this.#send(200, this.#prepared ?? wholeText(shape, answer));
      return;
    }
    // A replay was not streamed before: all of it is one piece.
    if (!this.started) {
      if (answer.reasoning !== null) this.piece('reasoning', answer.reasoning);
      if (answer.text !== '') this.piece('text', answer.text);
    }
    this.#open(this.#stream);
    this.#response.end(this.#stream.close(answer));
  }

  error(error: ApiError): void {
    if (this.#over) return;
    if (this.started) {
      this.#response.end(this.#stream?.fail(error));
      return;
    }
    if (error.retryAfterSeconds !== null) this.#headers['retry-after'] = String(error.retryAfterSeconds);
    // The rest of a body that came too late would be taken for the next request's.
    if (error.code === 'request_timeout') this.#headers['connection'] = 'close';
    this.json(error.row.status, errorEnvelope(error));
  }

  json(status: number, body: object): void {
    this.#send(status, JSON.stringify(body));
  }

  /**
   * Bytes as they come; one that breaks is broken off, so that nobody takes a part for the whole. The stream has ended
   * or is destroyed afterwards.
   * @param stalledMs a caller who reads nothing for so long has gone away
   * @throws what the stream throws; nothing when the caller goes away
   */
  async pipe(
    status: number,
    headers: Readonly<Record<string, string>>,
    stream: Readable,
    stalledMs: number,
  ): Promise<void> {
    const response = this.#response;
    try {
      response.setTimeout(stalledMs, () => response.destroy());
      response.writeHead(status, { ...this.#headers, ...headers });
      await pipeline(stream, response);
    } catch (error) {
      stream.destroy();
      response.destroy();
      if (!isCallersEnd(error)) throw error;
    }
  }

  #send(status: number, text: string): void {
    this.#headers['content-type'] = 'application/json; charset=utf-8';
    this.#headers['content-length'] = String(Buffer.byteLength(text));
    this.#response.writeHead(status, this.#headers).end(text);
  }

  #open(shape: Shape): void {
    if (this.started) return;
    this.#headers['content-type'] = 'text/event-stream; charset=utf-8';
    this.#headers['cache-control'] = 'no-cache';
    // Proxies that gather an answer before they pass it on are asked not to.
    this.#headers['x-accel-buffering'] = 'no';
    this.#response.writeHead(200, this.#headers);
    this.#response.write(shape.open());
  }
}

/** What Node says of a pipe whose reader is gone; what the source throws has names of its own. */
function isCallersEnd(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_STREAM_');
}

export function wholeText(shape: Shape, answer: Answer): string {
  const whole = shape.whole(answer);
  return typeof whole === 'string' ? whole : JSON.stringify(whole);
}

/** Of who answered: never which node it was. */
const ORIGIN_HEADERS = ['x-zerogpu-route', 'x-zerogpu-node-class', 'x-zerogpu-region'] as const;

const EXPOSED_HEADERS = [
  'x-request-id',
  'retry-after',
  'idempotent-replayed',
  'x-zerogpu-requested-model',
  ...ORIGIN_HEADERS,
  'content-disposition',
  'content-range',
  ...['limit', 'remaining', 'reset'].flatMap((what) => [
    `x-ratelimit-${what}-requests`,
    `x-ratelimit-${what}-tokens`,
  ]),
].join(', ');

const OPEN_TO_PAGES = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': EXPOSED_HEADERS,
};

/** Whatever was thrown, as an error that may be shown: anything unknown is ours, and says nothing of itself. */
export function toApiError(error: unknown): ApiError {
  return error instanceof ApiError ? error : new ApiError('internal_error', { cause: error });
}
