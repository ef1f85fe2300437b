/** What the client is told: explicit options first, then the environment where there is a process. */
import { ZeroGPUError } from './errors.ts';

/** The part of `fetch` that this package uses. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface ClientOptions {
  /** Defaults to `ZEROGPU_API_KEY`. */
  readonly apiKey?: string | undefined;
  /** With or without `/v1`. Defaults to `ZEROGPU_BASE_URL`, else `http://127.0.0.1:8080`. */
  readonly baseURL?: string | undefined;
  /** Defaults to `ZEROGPU_PROJECT_ID`; without it the key's own project counts. */
  readonly projectId?: string | undefined;
  /**
   * Milliseconds for one try: of a whole answer, or of each silence within a stream. Default 60000. Retries
   * have a time each.
   */
  readonly timeout?: number | undefined;
  /** How often a failed call is tried again, from 0 to 10. Default 2. */
  readonly maxRetries?: number | undefined;
  /** Used in place of the global `fetch`. */
  readonly fetch?: Fetch | undefined;
}

/** Options of one call. */
export interface CallOptions {
  /** Ends the call with an AbortedError. */
  readonly signal?: AbortSignal | undefined;
  /** In place of the client's `timeout`. */
  readonly timeout?: number | undefined;
  /** In place of the client's `maxRetries`. */
  readonly maxRetries?: number | undefined;
  /**
   * 1 to 255 visible characters; the same key with the same body is answered and charged once in 24 hours,
   * also across processes. Default: a new one per call, kept across its retries. Only for POST.
   */
  readonly idempotencyKey?: string | undefined;
}

/** Where calls go, and how patiently. */
export interface Connection {
  /** Without `/v1` and without a slash at the end. */
  readonly root: string;
  readonly timeout: number;
  readonly maxRetries: number;
  readonly fetch: Fetch;
}

export interface Settings extends Connection {
  readonly apiKey: string;
  readonly projectId: string | null;
}

export type Environment = Readonly<
  Partial<Record<'ZEROGPU_API_KEY' | 'ZEROGPU_BASE_URL' | 'ZEROGPU_PROJECT_ID', string | undefined>>
>;

export const DEFAULT_BASE_URL = 'http://127.0.0.1:8080';
const DEFAULT_TIMEOUT_MS = 60_000;
const DEFAULT_MAX_RETRIES = 2;
const MOST_RETRIES = 10;
/** setTimeout takes a longer delay for no delay at all. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/**
 * @param environment the process's variables; empty in a browser
 * @param pageURL what a relative `baseURL` is relative to; null outside a browser
 * @throws ZeroGPUError that names the option, never its secret value
 */
export function readSettings(
  options: ClientOptions,
  environment: Environment,
  pageURL: string | null,
): Settings {
  const projectId = headerText('projectId', options.projectId ?? environment.ZEROGPU_PROJECT_ID ?? '');
  return {
    apiKey: readKey(options.apiKey ?? environment.ZEROGPU_API_KEY ?? ''),
    projectId: projectId === '' ? null : projectId,
    ...readConnection(options, environment.ZEROGPU_BASE_URL ?? DEFAULT_BASE_URL, pageURL),
  };
}

/**
 * @param baseURL where none is given
 * @throws ZeroGPUError that names the option
 */
export function readConnection(
  options: Pick<ClientOptions, 'baseURL' | 'timeout' | 'maxRetries' | 'fetch'>,
  baseURL: string,
  pageURL: string | null,
): Connection {
  return {
    root: readRoot(options.baseURL ?? baseURL, pageURL),
    timeout: readTimeout(options.timeout ?? DEFAULT_TIMEOUT_MS),
    maxRetries: readMaxRetries(options.maxRetries ?? DEFAULT_MAX_RETRIES),
    // Called as a plain function: a browser's fetch refuses another `this`.
    fetch: options.fetch ?? ((url, init) => globalThis.fetch(url, init)),
  };
}

function readKey(text: string): string {
  const key = headerText('apiKey', text);
  if (key === '')
    throw new ZeroGPUError('An API key is missing: pass apiKey, or set the variable ZEROGPU_API_KEY');
  return key;
}

/** Checked here because `Headers` quotes a bad value, here a secret, in its own error. */
export function headerText(name: string, text: string): string {
  const trimmed = text.trim();
  if (!/^[\x21-\x7e]*$/.test(trimmed)) {
    throw new ZeroGPUError(`${name} holds a character that cannot stand in a header`);
  }
  return trimmed;
}

function readRoot(text: string, pageURL: string | null): string {
  const url = parseURL(text.trim(), pageURL);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new ZeroGPUError('baseURL must be an http or https address, such as http://127.0.0.1:8080');
  }
  if (url.username !== '' || url.password !== '') {
    throw new ZeroGPUError('baseURL must not hold a user name or a password');
  }
  return url.origin + url.pathname.replace(/\/+$/, '').replace(/\/v1$/, '');
}

function parseURL(text: string, pageURL: string | null): URL | null {
  try {
    return pageURL === null ? new URL(text) : new URL(text, pageURL);
  } catch {
    return null;
  }
}

export function readTimeout(value: number): number {
  if (!(value > 0 && value <= LONGEST_TIMEOUT_MS)) {
    throw new ZeroGPUError(`timeout must be a number of milliseconds from 1 to ${LONGEST_TIMEOUT_MS}`);
  }
  return value;
}

export function readMaxRetries(value: number): number {
  if (!Number.isInteger(value) || value < 0 || value > MOST_RETRIES) {
    throw new ZeroGPUError(`maxRetries must be a whole number from 0 to ${MOST_RETRIES}`);
  }
  return value;
}

export function readIdempotencyKey(text: string): string {
  if (!/^[\x21-\x7e]{1,255}$/.test(text)) {
    throw new ZeroGPUError('idempotencyKey must be 1 to 255 visible ASCII characters');
  }
  return text;
}
