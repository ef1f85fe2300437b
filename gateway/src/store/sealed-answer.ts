import type { StoredAnswer } from '../flow.ts';
import type { Secrets } from './secrets.ts';

/** Bound to its project: an answer cannot be read as another project's. */
export function sealAnswer(secrets: Secrets, projectId: string, answer: StoredAnswer): Buffer {
  return secrets.encrypt(JSON.stringify(answer), projectId);
}

/** @throws SecretError when it was sealed with another secret */
export function openAnswer(secrets: Secrets, projectId: string, sealed: Uint8Array): StoredAnswer {
  return JSON.parse(secrets.decrypt(sealed, projectId));
}
