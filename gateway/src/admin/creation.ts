/** Calls of the admin API that make or charge something, under an Idempotency-Key. Types alone. */
import type { IncomingHttpHeaders } from 'node:http';
import type { ClientBase } from 'pg';

export interface AdminCreation {
  /** Null where the route names none. */
  readonly organizationId: string | null;
  /** Whose the key is: nobody else is given the answer, which may hold what is shown once. */
  readonly personId: string;
  /** They hold the Idempotency-Key; without one nothing is remembered. */
  readonly headers: IncomingHttpHeaders;
  /** What was asked of which route; the same for the same. */
  readonly asked: string;
  readonly requestId: string;
  /** Aborts when the caller went away: for who waits. */
  readonly hangup: AbortSignal;
  /** Each look at the database is the organization's turn. */
  turn<T>(look: () => Promise<T>): Promise<T>;
}

/**
 * Writes down what is answered, in the transaction that makes the thing (as owner or as the tenant), so that both are
 * there or neither. Does nothing without an Idempotency-Key.
 * @throws ApiError upstream_timeout when another attempt took this one's place: then the transaction must not happen
 */
export type KeepCreated = (db: ClientBase, answer: unknown) => Promise<void>;

export interface Created {
  readonly answer: unknown;
  /** It was given before. */
  readonly replayed: boolean;
}

/**
 * Makes it, or waits for the attempt that does, or gives the first answer again. What `make` did not keep itself is kept
 * when it has ended; an attempt that fails without an answer kept lets the next one begin at once.
 * @throws ApiError invalid_value, idempotency_conflict, upstream_timeout, client_closed_request; what `make` throws
 */
export type AdminCreateOnce = (
  creation: AdminCreation,
  make: (keep: KeepCreated) => Promise<unknown>,
) => Promise<Created>;
