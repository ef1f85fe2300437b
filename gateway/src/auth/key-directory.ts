import { timingSafeEqual } from 'node:crypto';
import type { PrivacyTier } from '@zerogpu/protocol';
import type { Pool, QueryConfig } from 'pg';
import type { PayloadPolicy } from '../flow.ts';
import { retryTransient } from '../store/database-errors.ts';
import type { Log } from '../store/log.ts';
import type { Secrets } from '../store/secrets.ts';
import type { KeyFinder, KeyRecord } from './authenticate.ts';

/** A revoked key is refused everywhere after this long. */
const MAX_AGE_MS = 1_000;
/** Known keys and unknown ones are kept apart, so that guessing does not push customers out. */
const MAX_KNOWN = 10_000;
const MAX_UNKNOWN = 1_000;
const LAST_USED_EVERY_MS = 60_000;
const FLUSH_EVERY_MS = 10_000;

const RECORDS = `
SELECT k.id, k.hash, k.project_id, p.status, p.organization_id, o.wallet_id, p.privacy, p.upstreams, p.stand_ins,
  p.payload_policy, p.payload_days,
  p.allowed_models AS project_models, k.allowed_models AS key_models,
  k.requests_per_minute AS key_requests, k.tokens_per_minute AS key_tokens,
  p.requests_per_minute AS project_requests, p.tokens_per_minute AS project_tokens,
  k.revoked_at IS NOT NULL AS revoked, (extract(epoch FROM k.expires_at) * 1000)::float8 AS expires_at
FROM api_keys k
JOIN projects p ON p.id = k.project_id
JOIN organizations o ON o.id = p.organization_id`;

/** By the hash, which is unique, or by the id. Joins three tables by primary key: about 0.1 ms, once per key and second. */
const FIND = {
  name: 'key-directory.find',
  text: `${RECORDS}
WHERE k.hash = $1`,
};
const FIND_BY_ID = {
  name: 'key-directory.find-by-id',
  text: `${RECORDS}
WHERE k.id = $1`,
};

/** To the minute: a key that was used lately is not written again. */
const TOUCH = `
UPDATE api_keys k SET last_used_at = u.at
FROM unnest($1::uuid[], $2::timestamptz[]) AS u (id, at)
WHERE k.id = u.id AND (k.last_used_at IS NULL OR k.last_used_at < u.at - interval '1 minute')`;

interface Row {
  readonly id: string;
  readonly hash: Buffer;
  readonly project_id: string;
  readonly status: 'active' | 'archived';
  readonly organization_id: string;
  readonly wallet_id: string;
  readonly privacy: PrivacyTier;
  readonly upstreams: boolean;
  readonly project_models: string[] | null;
  readonly key_models: string[] | null;
  readonly key_requests: number | null;
  readonly key_tokens: number | null;
  readonly project_requests: number | null;
  readonly project_tokens: number | null;
  readonly stand_ins: boolean | null;
  readonly payload_policy: PayloadPolicy;
  readonly payload_days: number;
  readonly revoked: boolean;
  /** Milliseconds since 1970. */
  readonly expires_at: number | null;
}

interface Cached {
  readonly row: Row | null;
  readonly until: number;
}

/** Finds keys by their hash, from memory for at most a second. When the database fails it fails: it never guesses. */
export class KeyDirectory implements KeyFinder {
  readonly #pool: Pool;
  readonly #secrets: Secrets;
  readonly #log: Log;
  readonly #known = new Map<string, Cached>();
  readonly #unknown = new Map<string, Cached>();
  readonly #underWay = new Map<string, Promise<Row | null>>();
  /** Key id → when it was written last, and when it was used last. */
  readonly #used = new Map<string, { written: number; at: number }>();
  readonly #timer: NodeJS.Timeout;

  constructor(pool: Pool, secrets: Secrets, log: Log) {
    this.#pool = pool;
    this.#secrets = secrets;
    this.#log = log;
    this.#timer = setInterval(() => void this.flushLastUsed(Date.now()), FLUSH_EVERY_MS);
    this.#timer.unref();
  }

  /**
   * @param now milliseconds since 1970
   * @throws when the database does not answer: the caller must not let anyone in
   */
  async find(key: string, now: number): Promise<KeyRecord | null> {
    const hash = this.#secrets.hashKey(key);
    const ask = () => this.#ask({ ...FIND, values: [hash] }, (row) => timingSafeEqual(row.hash, hash));
    return this.#record(await this.#row(hash.toString('base64'), ask, now), now);
  }

  /**
   * @param now milliseconds since 1970
   * @throws as `find`
   */
  async findById(keyId: string, now: number): Promise<KeyRecord | null> {
    const ask = () => this.#ask({ ...FIND_BY_ID, values: [keyId] }, (row) => row.id === keyId);
    return this.#record(await this.#row(keyId, ask, now), now);
  }

  #record(row: Row | null, now: number): KeyRecord | null {
    if (row === null) return null;
    this.#touch(row.id, now);
    return {
      keyId: row.id,
      projectId: row.project_id,
      projectActive: row.status === 'active',
      organizationId: row.organization_id,
      walletId: row.wallet_id,
      privacy: row.privacy,
      upstreams: row.upstreams,
      allowedModels: inBoth(row.project_models, row.key_models),
      limits: {
        key: { requests: row.key_requests, tokens: row.key_tokens },
        project: { requests: row.project_requests, tokens: row.project_tokens },
      },
      standIns: row.stand_ins,
      payloadPolicy: row.payload_policy,
      payloadDays: row.payload_days,
      ended: row.revoked || (row.expires_at !== null && row.expires_at <= now),
    };
  }

  /** Writes which keys were used, at most once a minute each. Runs by itself; public for tests and for the end. */
  async flushLastUsed(now: number): Promise<void> {
    const due = [...this.#used].filter(([, u]) => u.at - u.written >= LAST_USED_EVERY_MS);
    for (const [id, used] of this.#used) if (now - used.at > LAST_USED_EVERY_MS) this.#used.delete(id);
    if (due.length === 0) return;
    try {
      await this.#pool.query(TOUCH, [
        due.map(([id]) => id),
        due.map(([, u]) => new Date(u.at).toISOString()),
      ]);
      for (const [, used] of due) used.written = used.at;
    } catch (error) {
      // A date for people; the next round writes it.
      this.#log.warn({ reason: String(error) }, 'Could not write when keys were last used');
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.flushLastUsed(Date.now());
  }

  async #row(id: string, ask: () => Promise<Row | null>, now: number): Promise<Row | null> {
    const cached = this.#known.get(id) ?? this.#unknown.get(id);
    if (cached && cached.until > now && cached.until - now <= MAX_AGE_MS) return cached.row;
    let query = this.#underWay.get(id);
    if (!query) {
      // The second counts from before the question, so that the answer is never older than it says.
      query = ask().finally(() => this.#underWay.delete(id));
      this.#underWay.set(id, query);
      const row = await query;
      this.#keep(id, { row, until: now + MAX_AGE_MS });
      return row;
    }
    return query;
  }

  async #ask(query: QueryConfig, isIt: (row: Row) => boolean): Promise<Row | null> {
    const { rows } = await retryTransient(() => this.#pool.query<Row>(query));
    const row = rows[0];
    return row && isIt(row) ? row : null;
  }

  #keep(id: string, cached: Cached): void {
    this.#known.delete(id);
    this.#unknown.delete(id);
    const map = cached.row ? this.#known : this.#unknown;
    map.set(id, cached);
    // The oldest answer goes first; a Map keeps the order of insertion.
    for (const oldest of map.keys()) {
      if (map.size <= (cached.row ? MAX_KNOWN : MAX_UNKNOWN)) break;
      map.delete(oldest);
    }
  }

  #touch(id: string, now: number): void {
    const used = this.#used.get(id);
    if (used) used.at = now;
    else if (this.#used.size < MAX_KNOWN) this.#used.set(id, { written: 0, at: now });
  }
}

/** A list that is null allows everything. */
function inBoth(some: readonly string[] | null, others: readonly string[] | null): readonly string[] | null {
  if (some === null || others === null) return some ?? others;
  const allowed = new Set(others);
  return some.filter((model) => allowed.has(model));
}
