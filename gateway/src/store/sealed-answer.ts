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
