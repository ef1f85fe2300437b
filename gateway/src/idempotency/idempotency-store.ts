import type { ClientBase, Pool } from 'pg';
import type { JsonAnswer } from '../create-once.ts';
import type { StoredAnswer } from '../flow.ts';
import { blamesItem, retryTransient } from '../store/database-errors.ts';
import { Grouped } from '../store/grouped.ts';
import { KEY_KEPT_MS, openAnswer, openCreation, sealCreation } from '../store/sealed-answer.ts';
import type { Secrets } from '../store/secrets.ts';

export interface ClaimRequest {
  readonly projectId: string;
  /** The caller's Idempotency-Key, 1 to 255 characters. */
  readonly key: string;
  /** SHA-256 of the body. */
  readonly bodyHash: Uint8Array;
  /** Of this attempt. */
  readonly requestId: string;
  /** Milliseconds since 1970 after which another attempt may take over: this one's deadline and a grace. */
  readonly lockedUntil: number;
}

export type ClaimResult<Stored = StoredAnswer> =
  /** This attempt is the one that runs. */
  | { readonly kind: 'claimed' }
  /** It was answered before. */
  | { readonly kind: 'replay'; readonly stored: Stored }
  /** The key was used with another body. */
  | { readonly kind: 'conflict' }
  /** Another attempt is under way: ask again in a moment. */
  | { readonly kind: 'running' };

const MAX_GROUP = 256;

/** The function's body is in migrations/0002_requests.sql. */
const CLAIM = {
  name: 'idempotency.claim',
  text: 'SELECT claim_idempotency_keys($1::json, $2) AS results',
};

/** Only while it runs, and only by the attempt that holds it: an answer stays. */
const RELEASE = `
DELETE FROM idempotency_keys WHERE project_id = $1 AND key = $2 AND request_id = $3 AND state = 'running'`;

/** As the settlement of an inference does it (`settle_requests`). */
const KEEP = `
UPDATE idempotency_keys SET state = 'done', answer = $4, expires_at = $5
WHERE project_id = $1 AND key = $2 AND request_id = $3 AND state = 'running'`;

interface ClaimRow {
  readonly kind: ClaimResult['kind'];
  readonly answer: string | null;
}

/** One answer per Idempotency-Key and project, replayed for a day. */
export class IdempotencyStore {
  readonly #pool: Pool;
  readonly #secrets: Secrets;
  readonly #queue: Grouped<ClaimRequest, ClaimRow>;

  constructor(pool: Pool, secrets: Secrets) {
    this.#pool = pool;
    this.#secrets = secrets;
    this.#queue = new Grouped({
      // Safe to try twice: the same attempt claims once.
      flush: (claims) => retryTransient(() => this.#flush(claims)),
      maxGroup: MAX_GROUP,
      blamesItem,
    });
  }

  /** @throws when the database does not answer */
  claim(claim: ClaimRequest): Promise<ClaimResult> {
    return this.#claim(claim, openAnswer);
  }

  /** A claim on making something. @throws when the database does not answer */
  claimCreation(claim: ClaimRequest): Promise<ClaimResult<JsonAnswer>> {
    return this.#claim(claim, openCreation);
  }

  async #claim<Stored>(
    claim: ClaimRequest,
    open: (secrets: Secrets, projectId: string, sealed: Buffer) => Stored,
  ): Promise<ClaimResult<Stored>> {
    const { kind, answer } = await this.#queue.add(claim);
    if (kind !== 'replay') return { kind };
    return { kind, stored: open(this.#secrets, claim.projectId, Buffer.from(answer ?? '', 'base64')) };
  }

  /**
   * The answer of an attempt that made something, in the transaction that did.
   * @returns false when the attempt no longer holds its key
   */
  async keep(
    db: ClientBase,
    projectId: string,
    key: string,
    requestId: string,
    answer: JsonAnswer,
  ): Promise<boolean> {
    const sealed = sealCreation(this.#secrets, projectId, answer);
    const expiresAt = new Date(Date.now() + KEY_KEPT_MS);
    const { rowCount } = await db.query(KEEP, [projectId, key, requestId, sealed, expiresAt]);
    return rowCount === 1;
  }

  /** The attempt failed: the next one may run at once. Does nothing when it was answered or taken over. */
  async release(projectId: string, key: string, requestId: string): Promise<void> {
    await this.#pool.query(RELEASE, [projectId, key, requestId]);
  }

  close(): Promise<void> {
    return this.#queue.close();
  }

  async #flush(claims: readonly ClaimRequest[]): Promise<ClaimRow[]> {
    const now = Date.now();
    const batch = JSON.stringify(
      claims.map((c) => ({
        project_id: c.projectId,
        key: c.key,
        body_hash: Buffer.from(c.bodyHash).toString('hex'),
        request_id: c.requestId,
        locked_until: new Date(c.lockedUntil),
        expires_at: new Date(now + KEY_KEPT_MS),
      })),
    );
    const { rows } = await this.#pool.query<{ results: ClaimRow[] }>({
      ...CLAIM,
      values: [batch, new Date(now)],
    });
    return rows[0]!.results;
  }
}
