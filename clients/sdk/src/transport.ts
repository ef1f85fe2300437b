/** The thin shell between the resources and `fetch`: headers, tries, bounded bodies. */
import { ConnectionError, errorOfAnswer, isRecord, ZeroGPUError } from './errors.ts';
import {
  type CallOptions,
  type Connection,
  readIdempotencyKey,
  readMaxRetries,
  readTimeout,
} from './options.ts';
import { nextDelay, wasRefused } from './retry.ts';
import { EventStream, readEvents, type StreamForm, type WireEvent } from './stream.ts';
import { TextStream } from './text-stream.ts';
import type { Upload } from './upload.ts';
import { sleep, startWatch, type Watch } from './watch.ts';

/** More of an error page than this tells nobody more. */
const MAX_ERROR_BYTES = 64 * 1024;
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;

export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** From the server's root: `/v1/models`. */
  readonly path: string;
  readonly body?: unknown;
  /** In place of `body`: a file on its way. */
  readonly upload?: Upload;
  /** The server does it once per `Idempotency-Key`: it is then tried again like a GET. */
  readonly once?: boolean;
  readonly options: CallOptions;
  /** Milliseconds: a call that takes long has more time than the client's `timeout`, unless its options say. */
  readonly leastTimeout?: number;
  /** A status besides 2xx whose JSON is an answer too. */
  readonly alsoFine?: number;
}

/** As whom calls are made. */
export interface Identity {
  /** What says who calls. */
  headers(): Readonly<Record<string, string>>;
  /** Whether a browser sends its cookies along. */
  readonly credentials: 'omit' | 'include';
  /**
   * True where the server does every POST once per `Idempotency-Key`, as a call may say of itself. Everything else that
   * changes something is tried again only when it was refused before anything was done.
   */
  readonly postsOnce: boolean;
  /** Removes secrets from what a server sent: a hostile or chatty proxy may send back what it received. */
  hide(text: string): string;
}

/** A JSON answer with the id to quote when asking about it; the id is not enumerable. */
export type WithRequestId<T> = T & { readonly _request_id?: string | null };

/** A call with everything decided that stays the same across its tries. */
interface Prepared {
  readonly url: string;
  readonly init: RequestInit;
  readonly signal: AbortSignal | undefined;
  readonly timeout: number;
  readonly maxRetries: number;
  readonly onlyIfRefused: boolean;
  readonly alsoFine: number | undefined;
}

export class Transport {
  readonly #connection: Connection;
  readonly #identity: Identity;

  constructor(connection: Connection, identity: Identity) {
    this.#connection = connection;
    this.#identity = identity;
  }

  /** The JSON answer, whose shape is the server's word. */
  async json<T extends object>(call: Call): Promise<WithRequestId<T>> {
    const prepared = this.#prepare(call);
    return retrying(prepared, () => this.#tryJson<T>(prepared));
  }

  /** An answer without a body. */
  async done(call: Call): Promise<void> {
    const prepared = this.#prepare(call);
    return retrying(prepared, () => this.#tryDone(prepared));
  }

  /** Resolves with the first event, so that everything before it can be tried again. */
  async stream<Event extends object>(call: Call, form: StreamForm): Promise<EventStream<Event>> {
    const prepared = this.#prepare(call, 'text/event-stream');
    return retrying(prepared, () => this.#tryStream<Event>(prepared, form, true));
  }

  /** Resolves with the answer's headers: the first event may be long in coming. */
  async follow<Event extends object>(call: Call, form: StreamForm): Promise<EventStream<Event>> {
    const prepared = this.#prepare(call, 'text/event-stream');
    return retrying(prepared, () => this.#tryStream<Event>(prepared, form, false));
  }

  /** A text that is too long to hold, in pieces; resolves with its headers. */
  async text(call: Call): Promise<TextStream> {
    const prepared = this.#prepare(call, '*/*');
    return retrying(prepared, () => this.#tryText(prepared));
  }

  #prepare(call: Call, accept = 'application/json'): Prepared {
    const { options } = call;
    const { postsOnce, credentials } = this.#identity;
    const headers: Record<string, string> = { accept, ...this.#identity.headers() };
    const { upload } = call;
    const contentType = upload ? upload.contentType : call.body === undefined ? null : 'application/json';
    if (contentType !== null) headers['content-type'] = contentType;
    if (call.method === 'POST') {
      headers['idempotency-key'] = readIdempotencyKey(options.idempotencyKey ?? newIdempotencyKey());
    }
    return {
      url: this.#connection.root + call.path,
      init: {
        method: call.method,
        headers,
        // A redirect would carry the key to wherever it points.
        redirect: 'manual',
        credentials,
        ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
        ...upload?.init,
      },
      signal: options.signal,
      timeout: readTimeout(options.timeout ?? Math.max(this.#connection.timeout, call.leastTimeout ?? 0)),
      maxRetries: upload?.once ? 0 : readMaxRetries(options.maxRetries ?? this.#connection.maxRetries),
      onlyIfRefused: call.method !== 'GET' && !(call.method === 'POST' && (postsOnce || call.once === true)),
      alsoFine: call.alsoFine,
    };
  }

  async #tryJson<T extends object>(call: Prepared): Promise<WithRequestId<T>> {
    const watch = startWatch(call.signal, call.timeout, this.#connection.root);
    let finished = false;
    try {
      const response = await this.#send(call, watch);
      const text = await readText(response, MAX_ANSWER_BYTES);
      if (!text.whole) throw new ZeroGPUError(`The answer is larger than ${MAX_ANSWER_BYTES} bytes`);
      const answer = parseAnswer<T>(text.text, response);
      finished = true;
      return answer;
    } catch (error) {
      throw watch.explain(error);
    } finally {
      watch.end(!finished);
    }
  }

  async #tryDone(call: Prepared): Promise<void> {
    const watch = startWatch(call.signal, call.timeout, this.#connection.root);
    try {
      await readText(await this.#send(call, watch), MAX_ERROR_BYTES);
    } catch (error) {
      throw watch.explain(error);
    } finally {
      watch.end(true);
    }
  }

  async #tryText(call: Prepared): Promise<TextStream> {
    const watch = startWatch(call.signal, call.timeout, this.#connection.root);
    try {
      return new TextStream(await this.#send(call, watch), watch);
    } catch (error) {
      watch.end(true);
      throw watch.explain(error);
    }
  }

  /** @param begun whether to wait for the first event */
  async #tryStream<Event extends object>(
    call: Prepared,
    form: StreamForm,
    begun: boolean,
  ): Promise<EventStream<Event>> {
    const watch = startWatch(call.signal, call.timeout, this.#connection.root);
    try {
      const { body, headers, status } = await this.#send(call, watch);
      if (body === null || !/^text\/event-stream\b/i.test(headers.get('content-type') ?? '')) {
        throw notThisApi('an event stream', headers, status);
      }
      const events = readEvents({ body, headers, form, watch, hide: this.#identity.hide }) as AsyncGenerator<
        WireEvent & Event,
        void,
        undefined
      >;
      return new EventStream<Event>(begun ? await events.next() : null, events, headers, watch);
    } catch (error) {
      watch.end(true);
      throw watch.explain(error);
    }
  }

  async #send(call: Prepared, watch: Watch): Promise<Response> {
    const response = await this.#connection.fetch(call.url, { ...call.init, signal: watch.signal });
    if (response.type === 'opaqueredirect' || (response.status >= 300 && response.status < 400)) {
      throw new ZeroGPUError('The server answered with a redirect; set baseURL to the address it leads to', {
        status: response.status,
        headers: response.headers,
      });
    }
    if (response.ok || response.status === call.alsoFine) return response;
    const { text } = await readText(response, MAX_ERROR_BYTES).catch(() => ({ text: '' }));
    throw errorOfAnswer(response.status, response.headers, text, this.#identity.hide);
  }
}

async function retrying<T>(call: Prepared, attempt: () => Promise<T>): Promise<T> {
  for (let retries = 0; ; retries++) {
    try {
      return await attempt();
    } catch (error) {
      const failure = { error, retries, maxRetries: call.maxRetries };
      const delay = nextDelay(failure, Date.now(), Math.random());
      if (delay === null || (call.onlyIfRefused && !wasRefused(error))) throw error;
      await sleep(delay, call.signal);
    }
  }
}

/** Reads little more than `limit` bytes; the failed try then cancels the rest. */
async function readText(response: Response, limit: number): Promise<{ text: string; whole: boolean }> {
  if (response.body === null) return { text: '', whole: true };
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  const pieces: string[] = [];
  for (let bytes = 0; ; ) {
    const { done, value } = await reader.read();
    if (done) return { text: pieces.join('') + decoder.decode(), whole: true };
    bytes += value.byteLength;
    pieces.push(decoder.decode(value, { stream: true }));
    if (bytes > limit) return { text: pieces.join('').slice(0, limit), whole: false };
  }
}

function parseAnswer<T extends object>(text: string, response: Response): WithRequestId<T> {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    const contentType = response.headers.get('content-type') ?? '';
    if (/\bjson\b/i.test(contentType)) throw new ConnectionError('The answer broke off or is not valid JSON');
    throw notThisApi('JSON', response.headers, response.status);
  }
  if (!isRecord(answer)) throw notThisApi('a JSON object', response.headers, response.status);
  // Not enumerable, so that the answer prints and compares as it came.
  Object.defineProperty(answer, '_request_id', { value: response.headers.get('x-request-id') });
  return answer as WithRequestId<T>;
}

function notThisApi(expected: string, headers: Headers, status: number): ZeroGPUError {
  const contentType = headers.get('content-type') ?? 'no content type';
  const message = `The server did not answer with ${expected} (${contentType}); check baseURL`;
  return new ZeroGPUError(message, { status, headers, requestId: headers.get('x-request-id') });
}

/** 128 random bits. Node 18 has no global `crypto`; a key need only be unlike the others, not unguessable. */
export function newIdempotencyKey(): string {
  const bytes = new Uint8Array(16);
  if (typeof crypto !== 'undefined') crypto.getRandomValues(bytes);
  else for (let i = 0; i < bytes.length; i++) bytes[i] = Math.floor(Math.random() * 256);
  return `sdk-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
