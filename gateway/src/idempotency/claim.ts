import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError, type Route } from '@zerogpu/protocol';
import type { Caller, StoredAnswer } from '../flow.ts';
import type { ClaimRequest, ClaimResult } from './idempotency-store.ts';

export interface ClaimStore {
  claim(request: ClaimRequest): Promise<ClaimResult<StoredAnswer>>;
}

export type Claim<Stored = StoredAnswer> =
  | { readonly kind: 'claimed'; readonly key: string }
  | { readonly kind: 'replay'; readonly stored: Stored };

const MAX_KEY_LENGTH = 255;
const FIRST_POLL_MS = 20;
const LAST_POLL_MS = 500;
/** Longer than a hold outlives its deadline: while an attempt can still be charged, no other takes its place. */
const LOCK_GRACE_MS = 30_000;

/** To whoever made something when the answer was no longer theirs to give. */
export const TOOK_OVER =
  'Another call with the same Idempotency-Key took the place of this one; call again to get its answer';

export interface Attempt {
  readonly caller: Caller;
  readonly route: Route;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly requestId: string;
  /** How long this attempt may take, and how long it waits for another. */
  readonly deadlineMs: number;
  readonly hangup: AbortSignal;
}

/**
 * Between steps 2 and 3: a retry of an answered request gets that answer, and one of a running request waits for it.
 * @returns null when the caller sent no Idempotency-Key
 * @throws ApiError invalid_value, idempotency_conflict, upstream_timeout, client_closed_request
 */
export async function claimIdempotency(store: ClaimStore, attempt: Attempt): Promise<Claim | null> {
  const { caller, route, headers, body, ...rest } = attempt;
  const key = keyOf(headers);
  if (key === null) return null;
  const { projectId } = caller;
  return claimKey((request) => store.claim(request), {
    ...rest,
    projectId,
    key,
    bodyHash: hashOf(route, body),
  });
}

/** The same bytes on another route are another body. */
export function hashOf(route: string, body: Uint8Array | string): Buffer {
  return createHash('sha256').update(route).update('\n').update(body).digest();
}

export interface KeyAttempt extends Pick<Attempt, 'requestId' | 'deadlineMs' | 'hangup'> {
  readonly projectId: string;
  readonly key: string;
  readonly bodyHash: Uint8Array;
}

/**
 * Asks for the key until it is this attempt's, or was answered.
 * @throws ApiError idempotency_conflict, upstream_timeout, client_closed_request
 */
export async function claimKey<Stored>(
  claim: (request: ClaimRequest) => Promise<ClaimResult<Stored>>,
  { projectId, key, bodyHash, requestId, ...waiting }: KeyAttempt,
): Promise<Claim<Stored>> {
  const request = { projectId, key, bodyHash, requestId };
  const result = await untilDecided((lockedUntil) => claim({ ...request, lockedUntil }), waiting);
  return result.kind === 'claimed' ? { kind: 'claimed', key } : result;
}

export interface Waiting extends Pick<Attempt, 'deadlineMs' | 'hangup'> {
  /** What is told who waited in vain, where no model was asked. */
  readonly late?: string;
}

/**
 * Looks until the key is this attempt's, or was answered.
 * @throws ApiError idempotency_conflict, upstream_timeout, client_closed_request
 */
export async function untilDecided<Stored>(
  look: (lockedUntil: number) => Promise<ClaimResult<Stored>>,
  { deadlineMs, hangup, late }: Waiting,
): Promise<Extract<ClaimResult<Stored>, { readonly kind: 'claimed' | 'replay' }>> {
  const until = Date.now() + deadlineMs;
  for (let wait = FIRST_POLL_MS; ; wait = Math.min(wait * 2, LAST_POLL_MS)) {
    const result = await look(Date.now() + deadlineMs + LOCK_GRACE_MS);
    if (result.kind === 'claimed' || result.kind === 'replay') return result;
    if (result.kind === 'conflict') throw new ApiError('idempotency_conflict');
    if (Date.now() + wait > until)
      throw new ApiError('upstream_timeout', late === undefined ? {} : { message: late });
    await sleep(wait, undefined, { signal: hangup }).catch(() => {
      throw hangup.reason;
    });
  }
}

/** @throws ApiError invalid_value */
export function keyOf(headers: IncomingHttpHeaders): string | null {
  const key = headers['idempotency-key'];
  if (key === undefined) return null;
  if (typeof key === 'string' && key !== '' && key.length <= MAX_KEY_LENGTH) return key;
  throw new ApiError('invalid_value', {
    message: `Idempotency-Key must have 1 to ${MAX_KEY_LENGTH} characters`,
    param: 'Idempotency-Key',
  });
}
