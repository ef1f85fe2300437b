import type { JsonAnswer } from '../create-once.ts';
import type { StoredAnswer } from '../flow.ts';
import type { Secrets } from './secrets.ts';

/** An Idempotency-Key is remembered, and its answer replayed, for this long: a day, as clients of such keys expect. */
export const KEY_KEPT_MS = 24 * 60 * 60 * 1_000;

/** Bound to its project: an answer cannot be read as another project's. */
export function sealAnswer(secrets: Secrets, projectId: string, answer: StoredAnswer): Buffer {
  return secrets.encrypt(JSON.stringify(answer), projectId);
}

/** @throws SecretError when it was sealed with another secret */
export function openAnswer(secrets: Secrets, projectId: string, sealed: Uint8Array): StoredAnswer {
  return JSON.parse(secrets.decrypt(sealed, projectId));
}

/** What a call answered that made something; sealed as the answers of inferences are. */
export function sealCreation(secrets: Secrets, projectId: string, { status, body }: JsonAnswer): Buffer {
  return secrets.encrypt(JSON.stringify({ status: status ?? 200, body }), projectId);
}

/** @throws SecretError when it was sealed with another secret */
export function openCreation(secrets: Secrets, projectId: string, sealed: Uint8Array): JsonAnswer {
  return { kind: 'json', ...JSON.parse(secrets.decrypt(sealed, projectId)) };
}
