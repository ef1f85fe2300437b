/**
 * How a worker and a gateway know each other: both have the server secret. It never travels; each message is signed with
 * a key that is derived from it, the answer bound to what it answers.
 *
 *     x-zerogpu-internal: <milliseconds since 1970>.<SHA-256 of the body>.<HMAC over these two, method and path>
 *
 * The head is judged before a byte of the body is read. Whoever records a call can have it run again for a few minutes, which
 * computes an answer that only the two can have asked for, and writes nothing.
 */
import { createHash, timingSafeEqual } from 'node:crypto';

export const PROOF_HEADER = 'x-zerogpu-internal';

/** HMAC-SHA256 with a key that only our own processes have. */
export type Seal = (text: string) => Buffer;

/** Clocks of two machines may differ by this, and a call may be on its way as long. */
const MAX_AGE_MS = 300_000;
const FORM = /^(\d{1,16})\.([\w-]{43})\.([\w-]{43})$/;

export interface CallHead {
  readonly method: string;
  readonly path: string;
}

/** What goes with a call. */
export function proveCall(seal: Seal, { method, path }: CallHead, body: string, now: number): string {
  const claim = `${now}.${digestOf(body)}`;
  return `${claim}.${seal(callText(claim, method, path)).toString('base64url')}`;
}

/**
 * Judges a call by its head.
 * @returns the digest that its body must have; null when it is none of ours
 */
export function judgeCall(
  seal: Seal,
  { method, path }: CallHead,
  proof: string | undefined,
  now: number,
): string | null {
  const [, at, digest, mac] = FORM.exec(proof ?? '') ?? [];
  if (at === undefined || digest === undefined || mac === undefined) return null;
  if (Math.abs(now - Number(at)) > MAX_AGE_MS) return null;
  const right = seal(callText(`${at}.${digest}`, method, path));
  return timingSafeEqual(right, Buffer.from(mac, 'base64url')) ? digest : null;
}

/** What goes with an answer: bound to the call by its proof. */
export function proveAnswer(seal: Seal, callProof: string, body: string | Uint8Array): string {
  return seal(`answer\n${callProof}\n${digestOf(body)}`).toString('base64url');
}

export function isAnswerOf(seal: Seal, callProof: string, body: Uint8Array, proof: unknown): boolean {
  if (typeof proof !== 'string' || !/^[\w-]{43}$/.test(proof)) return false;
  return timingSafeEqual(
    Buffer.from(proveAnswer(seal, callProof, body), 'base64url'),
    Buffer.from(proof, 'base64url'),
  );
}

export function digestOf(body: string | Uint8Array): string {
  return createHash('sha256').update(body).digest('base64url');
}

const callText = (claim: string, method: string, path: string) => `call\n${claim}\n${method} ${path}`;
