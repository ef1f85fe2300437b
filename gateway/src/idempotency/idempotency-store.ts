import type { Pool } from 'pg';
import type { StoredAnswer } from '../flow.ts';
import { blamesItem, retryTransient } from '../store/database-errors.ts';
import { Grouped } from '../store/grouped.ts';
import { KEY_KEPT_MS, openAnswer } from '../store/sealed-answer.ts';
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

export type ClaimResult =
  /** This attempt is the one that runs. */
  | { readonly kind: 'claimed' }
  /** It was answered before. */
  | { readonly kind: 'replay'; readonly stored: StoredAnswer }
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
  async claim(claim: ClaimRequest): Promise<ClaimResult> {
    const { kind, answer } = await this.#queue.add(claim);
    if (kind !== 'replay') return { kind };
    return { kind, stored: openAnswer(this.#secrets, claim.projectId, Buffer.from(answer ?? '', 'base64')) };
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
