import { ApiError } from '@zerogpu/protocol';
import type { ClientBase, Pool } from 'pg';
import type { AdminCreateOnce, AdminCreation, KeepCreated } from '../admin/creation.ts';
import { retryTransient } from '../store/database-errors.ts';
import { KEY_KEPT_MS } from '../store/sealed-answer.ts';
import type { Secrets } from '../store/secrets.ts';
import { keyOf, TOOK_OVER, untilDecided } from './claim.ts';
import type { ClaimResult } from './idempotency-store.ts';

export interface CreationParts {
  readonly pool: Pool;
  readonly secrets: Pick<Secrets, 'encrypt' | 'decrypt' | 'hashAsked'>;
  now(): number;
  /** Something was made, and its answer could not be kept. */
  report(requestId: string, cause: unknown): void;
}

/**
 * How long making something may take, and how long others wait for it: the slowest asks the payment provider three
 * questions, of 20 seconds each.
 */
const DEADLINE_MS = 60_000;
const LATE =
  'Another call with the same Idempotency-Key has not ended yet; call again with it in a minute to get its answer';

/** The function's body is in migrations/0017_admin_creations.sql. */
const CLAIM = 'SELECT kind, kept FROM claim_admin_creation($1, $2, $3, $4, $5, $6, $7, $8)';
const KEEP = `
UPDATE admin_creations SET state = 'done', answer = $4, expires_at = $5
WHERE attempt = $1 AND organization_id IS NOT DISTINCT FROM $2 AND person_id = $3 AND state = 'running'`;
/** Only while it runs, and only by the attempt that holds it: an answer stays. */
const RELEASE = `DELETE FROM admin_creations WHERE attempt = $1 AND person_id = $2 AND state = 'running'`;

/** One answer per Idempotency-Key, person and organization, replayed for a day: see `AdminCreateOnce`. */
export function makeAdminCreateOnce(parts: CreationParts): AdminCreateOnce {
  return async (creation, make) => {
    const key = keyOf(creation.headers);
    if (key === null) return { answer: await make(async () => {}), replayed: false };
    const hash = parts.secrets.hashAsked(key);
    const claim = await untilDecided(
      (lockedUntil) => creation.turn(() => claimOnce(parts, creation, hash, lockedUntil)),
      { deadlineMs: DEADLINE_MS, hangup: creation.hangup, late: LATE },
    );
    if (claim.kind === 'replay') return { answer: claim.stored, replayed: true };
    return { answer: await makeClaimed(parts, creation, hash, make), replayed: false };
  };
}

async function makeClaimed(
  parts: CreationParts,
  creation: AdminCreation,
  hash: Buffer,
  make: (keep: KeepCreated) => Promise<unknown>,
): Promise<unknown> {
  const { pool, report } = parts;
  const { requestId, personId } = creation;
  let kept = false;
  let answer: unknown;
  try {
    answer = await make(async (db, given) => {
      kept = await keep(parts, db, creation, hash, given);
      if (!kept) throw new ApiError('upstream_timeout', { message: TOOK_OVER });
    });
  } catch (error) {
    // The error is what the caller must hear; a database that is away leaves the key locked for a while.
    await pool.query(RELEASE, [requestId, personId]).catch(() => {});
    throw error;
  }
  // It is made, and its caller hears so; whoever asks again after the lock has passed finds what the route itself says.
  if (!kept) await keep(parts, pool, creation, hash, answer).catch((cause) => report(requestId, cause));
  return answer;
}

async function claimOnce(
  { pool, secrets, now }: CreationParts,
  { organizationId, personId, asked, requestId }: AdminCreation,
  hash: Buffer,
  lockedUntil: number,
): Promise<ClaimResult<unknown>> {
  const at = now();
  const who = [organizationId, personId, hash, secrets.hashAsked(asked), requestId];
  const when = [new Date(lockedUntil), new Date(at + KEY_KEPT_MS), new Date(at)];
  // Safe to try twice: the same attempt claims once.
  const { rows } = await retryTransient(() =>
    pool.query<{ kind: ClaimResult['kind']; kept: Buffer | null }>(CLAIM, [...who, ...when]),
  );
  const { kind, kept } = rows[0]!;
  if (kind !== 'replay') return { kind };
  return { kind, stored: open(secrets, boundTo(organizationId, personId, hash), kept) };
}

/** @returns false when the attempt no longer holds its key */
async function keep(
  { secrets, now }: CreationParts,
  db: ClientBase | Pool,
  { requestId, organizationId, personId }: AdminCreation,
  hash: Buffer,
  answer: unknown,
): Promise<boolean> {
  const sealed = secrets.encrypt(JSON.stringify({ answer }), boundTo(organizationId, personId, hash));
  const values = [requestId, organizationId, personId, sealed, new Date(now() + KEY_KEPT_MS)];
  return (await db.query(KEEP, values)).rowCount === 1;
}

/** @throws SecretError when it was sealed with another secret, or for somebody else */
function open(secrets: CreationParts['secrets'], bound: string, sealed: Buffer | null): unknown {
  const { answer }: { answer?: unknown } = JSON.parse(secrets.decrypt(sealed ?? Buffer.alloc(0), bound));
  return answer;
}

/** An answer that was moved to another row cannot be read there. */
function boundTo(organizationId: string | null, personId: string, hash: Buffer): string {
  return `creation ${organizationId ?? ''} ${personId} ${hash.toString('hex')}`;
}
