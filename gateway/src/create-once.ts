/** Calls that make something, under an Idempotency-Key: the same key and the same body make it once. Types alone. */
import type { IncomingHttpHeaders } from 'node:http';
import type { ClientBase } from 'pg';
import type { CallerAnswer } from './caller-route.ts';
import type { Caller } from './flow.ts';

export interface Creation {
  readonly caller: Caller;
  /** They hold the Idempotency-Key; without one nothing is remembered. */
  readonly headers: IncomingHttpHeaders;
  /** Such as `files`: what is asked of one route is not what is asked of another, nor an inference. */
  readonly route: string;
  /** What was asked, or a hash of it; the same for the same. */
  readonly fingerprint: Uint8Array | string;
  readonly requestId: string;
  /** Longer than making it may ever take: after that, and a grace, another attempt may take this one's place. */
  readonly deadlineMs: number;
  readonly hangup: AbortSignal;
}

export type JsonAnswer = Extract<CallerAnswer, { readonly kind: 'json' }>;

/**
 * Writes down what is answered, in the transaction that makes the thing (as owner or `inTenant`), so that both are there
 * or neither. An answer may be a refusal that is to be the same next time. Does nothing without an Idempotency-Key.
 * @throws ApiError upstream_timeout when another attempt took this one's place: then the transaction must not happen
 */
export type KeepAnswer = (db: ClientBase, answer: JsonAnswer) => Promise<void>;

/**
 * Makes it, or waits for the attempt that does, or gives the first answer again. An attempt that ends without an answer
 * kept lets the next one begin at once.
 * @throws ApiError invalid_value, idempotency_conflict, upstream_timeout, client_closed_request; what `make` throws
 */
export type CreateOnce = (
  creation: Creation,
  make: (keep: KeepAnswer) => Promise<JsonAnswer>,
) => Promise<JsonAnswer>;
