/** The streamed answer: bytes of an open response to typed events, with every way that it can break off. */
import { ConnectionError, errorOfEvent, isRecord } from './errors.ts';
import { type ServerSentEvent, SseParser } from './sse.ts';
import type { Watch } from './watch.ts';

export type WireEvent = Readonly<Record<string, unknown>>;

/** How a kind of stream says that it is complete. */
export interface StreamForm {
  /** The stream's last line is `data: [DONE]`. */
  readonly doneMarker: boolean;
  /** True for the event after which no other comes. */
  isLast(event: WireEvent): boolean;
  /** Whether an event's name says that it is none of the items: something between them, or the end. */
  control?(name: string): 'gap' | 'end' | null;
}

export const CHAT_STREAM: StreamForm = { doneMarker: true, isLast: () => false };

export const RESPONSES_STREAM: StreamForm = {
  doneMarker: false,
  isLast: (event) => event['type'] === 'response.completed' || event['type'] === 'response.incomplete',
};

/**
 * What follows records as they come, until the server says that it is over.
 * @param onGap is told that the server left some out
 */
export function followForm(onGap: () => void): StreamForm {
  return {
    doneMarker: false,
    isLast: () => false,
    control(name) {
      if (name === 'gap') onGap();
      return name === 'gap' || name === 'end' ? name : null;
    },
  };
}

/** After the last event, how long and how much is read on so that the connection can be used again. */
const DRAIN_MS = 1_000;
const DRAIN_READS = 16;

export interface OpenStream {
  readonly body: ReadableStream<Uint8Array>;
  readonly headers: Headers;
  readonly form: StreamForm;
  readonly watch: Watch;
  hide(text: string): string;
}

/**
 * Yields the events until the stream says that it is complete.
 * @throws ZeroGPUError: the class of an error event, ConnectionError when the stream breaks off, ends without
 *   its final event or cannot be read, TimeoutError after a silence, AbortedError
 */
export async function* readEvents(stream: OpenStream): AsyncGenerator<WireEvent, void, undefined> {
  const reader = stream.body.getReader();
  let complete = false;
  try {
    for await (const { event: name, data } of readData(reader, stream.watch)) {
      const control = stream.form.control?.(name) ?? null;
      if (control === 'gap') continue;
      if (control === 'end') {
        complete = true;
        return;
      }
      if (data === '[DONE]') {
        if (!stream.form.doneMarker) continue;
        complete = true;
        return;
      }
      const event = readEvent(data, stream);
      complete = stream.form.isLast(event);
      yield event;
      if (complete) return;
    }
    throw new ConnectionError('The stream ended before its final event');
  } catch (error) {
    throw stream.watch.explain(error);
  } finally {
    if (complete) void drain(reader, stream.watch);
    else stream.watch.end(true);
  }
}

async function* readData(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  watch: Watch,
): AsyncGenerator<ServerSentEvent, void, undefined> {
  const decoder = new TextDecoder();
  const parser = new SseParser();
  for (;;) {
    watch.restart();
    const { done, value } = await reader.read();
    watch.pause();
    if (done) return;
    yield* parser.push(decoder.decode(value, { stream: true }));
  }
}

function readEvent(data: string, stream: OpenStream): WireEvent {
  let event: unknown;
  try {
    event = JSON.parse(data);
  } catch {
    throw new ConnectionError('The stream carries an event that is not JSON');
  }
  if (!isRecord(event)) throw new ConnectionError('The stream carries an event that is not a JSON object');
  const error = errorOfEvent(event, stream.headers, stream.hide);
  if (error !== null) throw error;
  return event;
}

/** Nobody waits for this: whatever goes wrong after the final event is of no concern to the caller. */
async function drain(reader: ReadableStreamDefaultReader<Uint8Array>, watch: Watch): Promise<void> {
  const timer = setTimeout(() => watch.end(true), DRAIN_MS);
  try {
    for (let i = 0; i < DRAIN_READS; i++) if ((await reader.read()).done) return;
  } catch {
    // The connection is gone, and with it what there was to tidy.
  } finally {
    clearTimeout(timer);
    watch.end(true);
  }
}

/** Records as they come: `for await (const record of tail)`. */
export interface Tail<Item> extends AsyncIterable<Item> {
  readonly requestId: string | null;
  /** How often the server left some out, because more came than it could send. */
  readonly gaps: number;
  /** Ends it; a loop that is waiting for the next record gets an AbortedError. */
  abort(): void;
}

/**
 * An answer that arrives in pieces: `for await (const event of stream)`. Leaving the loop early cancels the
 * request. Can be read once.
 */
export class EventStream<Event> implements AsyncIterable<Event> {
  /** `x-request-id` of the answer. */
  readonly requestId: string | null;
  readonly headers: Headers;
  readonly #watch: Watch;
  readonly #rest: AsyncGenerator<Event, void, undefined>;
  #first: IteratorResult<Event, void> | null;
  #taken = false;

  /** @param first what the first `rest.next()` gave, where it was awaited to know that the answer has begun */
  constructor(
    first: IteratorResult<Event, void> | null,
    rest: AsyncGenerator<Event, void, undefined>,
    headers: Headers,
    watch: Watch,
  ) {
    this.headers = headers;
    this.requestId = headers.get('x-request-id');
    this.#first = first;
    this.#rest = rest;
    this.#watch = watch;
  }

  /** Cancels the request; a loop that is waiting for the next event gets an AbortedError. */
  abort(): void {
    this.#watch.cancel();
  }

  [Symbol.asyncIterator](): AsyncIterator<Event, void, undefined> {
    if (this.#taken) throw new TypeError('A stream can be read only once');
    this.#taken = true;
    return {
      next: async () => {
        const first = this.#first;
        this.#first = null;
        return first ?? this.#rest.next();
      },
      return: () => this.#rest.return(),
    };
  }
}
