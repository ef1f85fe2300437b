/** Fetches a model's file from the gateway into the store: gone on with where it stopped, bounded, verified. */
import { type ModelFile, NODE_CONNECT_PATH, NODE_MODELS_PATH } from '@zerogpu/protocol';
import { backoffDelay } from './backoff.ts';
import { type ModelStore, StoreFull, WrongHash } from './model-store.ts';

/** The file cannot be had, and asking again at once would not help. */
export class FetchFailed extends Error {
  override readonly name = 'FetchFailed';
}

export interface ModelFetch {
  readonly url: string;
  readonly store: ModelStore;
  readonly fetch: typeof fetch;
  readonly signal: AbortSignal;
  /** Called with the bytes that are there, whenever there are more. */
  progress(bytes: number): void;
  /** In [0, 1). */
  random(): number;
  /** A gateway that sends nothing for so long is asked again. */
  readonly stallMs?: number;
}

const STALL_MS = 30_000;
/** Attempts in a row that brought next to nothing. */
const MAX_ATTEMPTS = 6;
/** An attempt that brought less does not count as a success: a gateway that drips would be asked for ever. */
const PROGRESS_BYTES = 64 * 1024;
/** Written at once: few writes, and little is lost when the device goes off. */
const CHUNK_BYTES = 1024 * 1024;
const SLOWEST_RETRY_MS = 10_000;

/** Where the gateway of a socket gives files. */
export function modelFileUrl(gatewayUrl: string, sha256: string): string {
  const url = new URL(gatewayUrl);
  url.protocol = url.protocol.replace('ws', 'http');
  // Behind a proxy the API may lie deeper; an address of the owner's own making says nothing of where.
  const base = url.pathname.endsWith(NODE_CONNECT_PATH)
    ? url.pathname.slice(0, -NODE_CONNECT_PATH.length)
    : '';
  url.pathname = `${base}${NODE_MODELS_PATH}/${sha256}`;
  url.search = '';
  return url.href;
}

/**
 * The file is in the store when it resolves.
 * @throws WrongHash when the gateway gave other bytes; they are gone then
 * @throws StoreFull, FetchFailed, the signal's reason
 */
export async function fetchModelFile(file: ModelFile, options: ModelFetch): Promise<void> {
  let failures = 0;
  for (;;) {
    options.signal.throwIfAborted();
    const before = await options.store.beginning(file.sha256);
    const problem = await attempt(file, before, options);
    if (problem === null) return;
    const gained = (await options.store.beginning(file.sha256)) - before;
    failures = gained >= PROGRESS_BYTES ? 1 : failures + 1;
    if (failures >= MAX_ATTEMPTS) throw new FetchFailed(`The gateway did not give the file: ${problem}`);
    await wait(backoffDelay(failures, options.random(), SLOWEST_RETRY_MS), options.signal);
  }
}

/** Null when the file is there; in words why not, when it is worth another attempt. */
async function attempt(file: ModelFile, before: number, options: ModelFetch): Promise<string | null> {
  const stall = new Stall(options.stallMs ?? STALL_MS);
  const signal = AbortSignal.any([options.signal, stall.signal]);
  try {
    if (before > file.bytes) throw new FetchFailed('more is there than there should be');
    if (before < file.bytes || before === 0) await receive(file, before, { ...options, signal }, stall);
    if ((await options.store.beginning(file.sha256)) < file.bytes) return 'it ended too soon';
    await options.store.complete(file.sha256);
    return null;
  } catch (error) {
    options.signal.throwIfAborted();
    if (error instanceof FetchFailed) await options.store.remove(file.sha256);
    if (error instanceof WrongHash || error instanceof StoreFull || error instanceof FetchFailed) throw error;
    return stall.signal.aborted ? 'it sent nothing for too long' : nameOf(error);
  } finally {
    stall.end();
  }
}

async function receive(file: ModelFile, before: number, options: ModelFetch, stall: Stall): Promise<void> {
  const { url, signal } = options;
  const headers: Record<string, string> = before > 0 ? { range: `bytes=${before}-` } : {};
  // A gateway that sends its nodes elsewhere may mean a host of their own network.
  const response = await options.fetch(url, { headers, signal, redirect: 'error', credentials: 'omit' });
  const at = beginningOf(response, before);
  if (!response.body) throw new Error('the answer has no body');
  if (at === 0) await options.store.append(file.sha256, 0, new Uint8Array());
  const writer = new ChunkWriter(file, at, options);
  const reader = response.body.getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      stall.heard();
      await writer.write(next.value);
    }
  } finally {
    // What came is kept, however it ended; whoever sends too much is not listened to.
    await reader.cancel().catch(() => undefined);
    await writer.flush();
  }
}

/** Where the answer's bytes belong. @throws FetchFailed when there will be none, Error when there may be later */
function beginningOf({ status, headers }: Response, before: number): number {
  if (status === 200) return 0;
  if (status === 206) {
    const start = /^bytes (\d{1,16})-/.exec(headers.get('content-range') ?? '')?.[1];
    if (Number(start) === before) return before;
    throw new FetchFailed('the gateway gave another part than it was asked for');
  }
  if (status >= 500 || status === 429 || status === 408) throw new Error(`it answers ${status}`);
  throw new FetchFailed(`The gateway does not have the file: it answers ${status}`);
}

/** Gathers what comes and writes it in larger pieces; refuses more than the file has. */
class ChunkWriter {
  readonly #file: ModelFile;
  readonly #options: ModelFetch;
  #at: number;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;

  constructor(file: ModelFile, at: number, options: ModelFetch) {
    this.#file = file;
    this.#at = at;
    this.#options = options;
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#at + this.#waitingBytes + bytes.length > this.#file.bytes) {
      this.#waiting = [];
      throw new FetchFailed(`The gateway gives more than the ${this.#file.bytes} bytes of the file`);
    }
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes >= CHUNK_BYTES) await this.flush();
  }

  async flush(): Promise<void> {
    if (this.#waiting.length === 0) return;
    const joined = new Uint8Array(this.#waitingBytes);
    let at = 0;
    for (const bytes of this.#waiting) {
      joined.set(bytes, at);
      at += bytes.length;
    }
    this.#waiting = [];
    this.#waitingBytes = 0;
    await this.#options.store.append(this.#file.sha256, this.#at, joined);
    this.#at += joined.length;
    this.#options.progress(this.#at);
  }
}

/** Aborts when nothing was heard for too long. */
class Stall {
  readonly #abort = new AbortController();
  readonly #ms: number;
  #timer: ReturnType<typeof setTimeout>;

  constructor(ms: number) {
    this.#ms = ms;
    this.#timer = this.#start();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  heard(): void {
    clearTimeout(this.#timer);
    this.#timer = this.#start();
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  #start(): ReturnType<typeof setTimeout> {
    return setTimeout(() => this.#abort.abort(new Error('stalled')), this.#ms);
  }
}

function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const over = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', over);
      if (signal.aborted) reject(signal.reason);
      else resolve();
    };
    const timer = setTimeout(over, ms);
    signal.addEventListener('abort', over, { once: true });
    if (signal.aborted) over();
  });
}

function nameOf(error: unknown): string {
  const { cause } = Object(error);
  return [error, cause]
    .flatMap((one) => (one instanceof Error ? [one.message] : []))
    .join(': ')
    .slice(0, 200);
}
