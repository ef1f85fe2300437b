/** How a call of the admin API becomes a request: what the methods that are made of the declarations stand on. */
import { ZeroGPUError } from './errors.ts';
import type { CallOptions } from './options.ts';
import { followForm, type Tail } from './stream.ts';
import type { TextStream } from './text-stream.ts';
import type { Call, Transport, WithRequestId } from './transport.ts';

/** Options of one call. What is done once per `idempotencyKey` says so; elsewhere it means nothing. */
export type AdminOptions = CallOptions;

/** A call as a method hands it over. */
export interface AdminCall {
  readonly method: Call['method'];
  /** With `{name}` where one of `params` goes. */
  readonly path: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  /** The server does it once per `Idempotency-Key`. */
  readonly once?: boolean;
  readonly options: AdminOptions;
}

interface Page<Item = unknown> {
  readonly data: readonly Item[];
  /** Goes into `after` for the page behind this one; null on the last. */
  readonly next: string | null;
}

/**
 * The first page, to be awaited; or every item of every page, to be looped over. Pages are fetched as the loop comes to
 * them.
 *
 * @example
 * const { data } = await admin.keys.list(projectId);
 * for await (const key of admin.keys.list(projectId)) console.log(key.name);
 */
export type Listing<Answer extends Page> = Promise<WithRequestId<Answer>> &
  AsyncIterable<Answer['data'][number]>;

export class AdminCaller {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async json<Answer extends object>(call: AdminCall): Promise<WithRequestId<Answer>> {
    return this.#transport.json<Answer>(requestOf(call));
  }

  async done(call: AdminCall): Promise<void> {
    return this.#transport.done(requestOf(call));
  }

  list<Answer extends Page>(call: AdminCall): Listing<Answer> {
    const page = (after: string) => this.json<Answer>({ ...call, query: { ...call.query, after } });
    const first = this.json<Answer>(call);
    return Object.assign(first, {
      [Symbol.asyncIterator]: () => itemsOf<Answer['data'][number]>(first, page),
    });
  }

  async events<Item extends object>(call: AdminCall): Promise<Tail<Item>> {
    let gaps = 0;
    const form = followForm(() => gaps++);
    const stream = await this.#transport.follow<Item>(requestOf(call), form);
    return Object.defineProperty(Object.assign(stream, { gaps }), 'gaps', { get: () => gaps });
  }

  async text(call: AdminCall): Promise<TextStream> {
    return this.#transport.text(requestOf(call));
  }
}

async function* itemsOf<Item>(
  first: Promise<Page<Item>>,
  page: (after: string) => Promise<Page<Item>>,
): AsyncGenerator<Item, void, undefined> {
  let answer = await first;
  for (;;) {
    yield* answer.data;
    const { next } = answer;
    if (next === null) return;
    answer = await page(next);
    // Otherwise the loop would never end.
    if (answer.next === next) throw new ZeroGPUError('The server gives the same page again and again');
  }
}

function requestOf(call: AdminCall): Call {
  const { method, path, params = {}, body, query = {}, once = false, options } = call;
  const place = path.replace(/\{(\w+)\}/g, (_, name: string) => partOf(name, params[name]));
  const given = Object.entries(query).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, String(value)]],
  );
  const search = given.length === 0 ? '' : `?${new URLSearchParams(given)}`;
  return { method, path: place + search, once, options, ...(body === undefined ? {} : { body }) };
}

/** '.' and '..' would vanish from the path, and another route would answer; so would an empty part. */
function partOf(name: string, value: string | undefined): string {
  if (value === undefined || /^\.{0,2}$/.test(value)) {
    throw new ZeroGPUError(`${name} cannot be '${value ?? ''}'`);
  }
  return encodeURIComponent(value);
}
