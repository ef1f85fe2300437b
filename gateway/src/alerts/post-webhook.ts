/** One POST to an address that a customer wrote: to the address that was checked and no other, briefly, and only once. */
import { lookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import { Client, type Dispatcher } from 'undici';
import { hostOf, isPublicAddress, wrongUrl } from './addresses.ts';

/** What is kept of an answer: enough to see why it was refused, too little to fetch anything with. */
export const MAX_KEPT_BYTES = 1024;

export interface Address {
  readonly address: string;
  readonly family: number;
}

export interface PostOptions {
  /** True lets a webhook go anywhere that this machine can reach. */
  readonly privateAllowed: boolean;
  /** For the whole of it: looking the name up, connecting, the answer. */
  readonly timeoutMs: number;
  /** Breaks it off. */
  readonly stop?: AbortSignal;
  /** Every address of a name. The system's own unless told. */
  readonly resolve?: (host: string) => Promise<readonly Address[]>;
}

export interface Outcome {
  /** Null when there was no answer. */
  readonly status: number | null;
  /** Null when it was taken: an answer of 2xx. */
  readonly error: string | null;
  readonly response: string | null;
}

class Refused extends Error {
  override readonly name = 'Refused';
}

/** Never throws: whatever goes wrong is the outcome. */
export async function postWebhook(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  options: PostOptions,
): Promise<Outcome> {
  const timeout = AbortSignal.timeout(options.timeoutMs);
  const signal = options.stop === undefined ? timeout : AbortSignal.any([timeout, options.stop]);
  try {
    return await post(new URL(url), { ...headers }, body, options, signal);
  } catch (error) {
    return { status: null, error: reasonOf(error, signal, options.timeoutMs), response: null };
  }
}

async function post(
  url: URL,
  headers: Record<string, string>,
  body: string,
  options: PostOptions,
  signal: AbortSignal,
): Promise<Outcome> {
  const address = await orAborted(checkedAddress(url, options), signal);
  const client = new Client(url.origin, {
    // The name is not looked up a second time: what was checked is what is called.
    connect: { lookup: pinnedTo(address), timeout: options.timeoutMs },
    pipelining: 1,
    allowH2: false,
  });
  try {
    const path = url.pathname + url.search;
    const answer = await client.request({ method: 'POST', path, headers, body, signal });
    return outcomeOf(answer.statusCode, await beginningOf(answer));
  } finally {
    await client.destroy();
  }
}

async function checkedAddress(url: URL, options: PostOptions): Promise<Address> {
  const { privateAllowed, resolve = systemAddresses } = options;
  const wrong = wrongUrl(url.href, privateAllowed);
  if (wrong !== null) throw new Refused(wrong);
  const host = hostOf(url);
  const family = isIP(host);
  const all = family === 0 ? await resolve(host) : [{ address: host, family }];
  const inside = privateAllowed ? undefined : all.find(({ address }) => !isPublicAddress(address));
  // One is enough: which of several is called would be the choice of whoever owns the name.
  if (inside) throw new Refused(`${host} leads to an address that is not part of the public internet`);
  if (all[0] === undefined) throw new Refused(`${host} has no address`);
  return all[0];
}

function systemAddresses(host: string): Promise<readonly Address[]> {
  return lookup(host, { all: true, verbatim: true });
}

function pinnedTo({ address, family }: Address): LookupFunction {
  return (_host, { all }, done) => {
    if (all) done(null, [{ address, family }]);
    else done(null, address, family);
  };
}

async function beginningOf({ body }: Dispatcher.ResponseData): Promise<string> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of body) {
    pieces.push(piece);
    size += piece.length;
    if (size >= MAX_KEPT_BYTES) break;
  }
  // The database's texts hold no NUL.
  return Buffer.concat(pieces).subarray(0, MAX_KEPT_BYTES).toString('utf8').replaceAll('\0', '');
}

function outcomeOf(status: number, response: string): Outcome {
  if (status >= 200 && status < 300) return { status, error: null, response };
  const redirect = status >= 300 && status < 400 ? '; redirects are not followed' : '';
  return { status, error: `It answered ${status}${redirect}`, response };
}

async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** Of errors of the system only their code: their texts name our own addresses. */
function reasonOf(error: unknown, signal: AbortSignal, timeoutMs: number): string {
  if (error instanceof Refused) return error.message;
  if (signal.aborted) return `No answer within ${timeoutMs / 1000} seconds`;
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason';
  if (code === 'ECONNREFUSED') return 'The connection was refused';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'The name of the host cannot be looked up';
  return `The connection failed (${code.slice(0, 60)})`;
}
