import type { IncomingHttpHeaders } from 'node:http';
import { makeSecret, SESSION_PREFIX } from '@zerogpu/protocol';
import type { Pool, PoolClient } from 'pg';
import type { PersonFinder } from '../admin/access.ts';
import type { Person } from '../admin/handler.ts';
import type { Secrets } from '../store/secrets.ts';
import { tokenOf } from './session-token.ts';

/**
 * A session ends 30 days after it was opened, or after 7 days without a call: a laptop that is used every week stays
 * signed in, a forgotten one does not. By the database's clock, the only one that all gateways share.
 */
const LASTS = "interval '30 days'";
const IDLE = "interval '7 days'";
/** More than anybody's browsers and programs; the oldest ends when one more is opened. */
const MAX_SESSIONS = 50;
const MAX_AGENT = 200;

const IS_LIVE = `s.expires_at > now() AND s.last_seen_at > now() - ${IDLE}`;
const SELECT = `
SELECT s.id, s.created_at, s.expires_at, s.last_seen_at, s.agent, s.hash = $2 AS current FROM sessions s`;
const FIND = `
SELECT p.id, p.email, p.name, s.last_seen_at < now() - interval '5 minutes' AS stale
FROM sessions s JOIN people p ON p.id = s.person_id WHERE s.hash = $1 AND ${IS_LIVE}`;
/** Of many calls at once only the first writes. */
const SEEN = `
UPDATE sessions SET last_seen_at = now() WHERE hash = $1 AND last_seen_at < now() - interval '5 minutes'`;
const INSERT = `
INSERT INTO sessions (person_id, hash, agent, expires_at) VALUES ($1, $2, $3, now() + ${LASTS})
RETURNING id, expires_at`;
const PRUNE = `
DELETE FROM sessions s WHERE s.person_id = $1 AND (NOT (${IS_LIVE}) OR s.id NOT IN (
  SELECT id FROM sessions WHERE person_id = $1 ORDER BY created_at DESC, id LIMIT ${MAX_SESSIONS}))`;
const LIST = `${SELECT} WHERE s.person_id = $1 AND ${IS_LIVE} ORDER BY s.created_at DESC, s.id`;
const END = 'DELETE FROM sessions WHERE person_id = $1 AND id = $2 RETURNING id';
const END_CURRENT = 'DELETE FROM sessions WHERE person_id = $1 AND hash = $2 RETURNING id';
const END_OTHERS = 'DELETE FROM sessions WHERE person_id = $1 AND hash IS DISTINCT FROM $2';

export interface SessionRow {
  readonly id: string;
  readonly created_at: Date;
  readonly expires_at: Date;
  readonly last_seen_at: Date;
  readonly agent: string;
  readonly current: boolean;
}

export interface OpenedSession {
  readonly id: string;
  /** Shown once. */
  readonly token: string;
  readonly expiresAt: Date;
}

/** Who is signed in. Kept nowhere but in the database: a session that was ended is out at once, on every gateway. */
export class Sessions implements PersonFinder {
  readonly #pool: Pool;
  readonly #secrets: Secrets;
  readonly #isSecure: () => boolean;

  /** @param isSecure whether the public address is https */
  constructor(pool: Pool, secrets: Secrets, isSecure: () => boolean) {
    this.#pool = pool;
    this.#secrets = secrets;
    this.#isSecure = isSecure;
  }

  async find(headers: IncomingHttpHeaders): Promise<Person | null> {
    const hash = this.#hashOf(headers);
    if (hash === null) return null;
    const query = { name: 'find session', text: FIND, values: [hash] };
    const { rows } = await this.#pool.query<Person & { stale: boolean }>(query);
    const row = rows[0];
    if (row === undefined) return null;
    if (row.stale) await this.#pool.query(SEEN, [hash]);
    const { id, email, name } = row;
    return { id, email, name };
  }

  /** @param agent what the caller calls itself */
  async open(db: PoolClient, personId: string, agent: string): Promise<OpenedSession> {
    const token = makeSecret(SESSION_PREFIX);
    const values = [personId, this.#secrets.hashToken(token), withoutNul(agent).slice(0, MAX_AGENT)];
    const { rows } = await db.query<{ id: string; expires_at: Date }>(INSERT, values);
    await db.query(PRUNE, [personId]);
    return { id: rows[0]!.id, token, expiresAt: rows[0]!.expires_at };
  }

  async list(personId: string, headers: IncomingHttpHeaders): Promise<readonly SessionRow[]> {
    return (await this.#pool.query<SessionRow>(LIST, [personId, this.#hashOf(headers)])).rows;
  }

  /** @returns false when this person has no such session */
  async end(db: PoolClient, personId: string, sessionId: string): Promise<boolean> {
    return (await db.query(END, [personId, sessionId])).rows.length > 0;
  }

  /** Ends the session that a call was made with. @returns its id; null when it had ended already */
  async endCurrent(db: PoolClient, personId: string, headers: IncomingHttpHeaders): Promise<string | null> {
    const values = [personId, this.#hashOf(headers)];
    return (await db.query<{ id: string }>(END_CURRENT, values)).rows[0]?.id ?? null;
  }

  /** @param but the headers of a call whose session stays; null ends all */
  async endOthers(db: PoolClient, personId: string, but: IncomingHttpHeaders | null): Promise<void> {
    await db.query(END_OTHERS, [personId, but === null ? null : this.#hashOf(but)]);
  }

  #hashOf(headers: IncomingHttpHeaders): Buffer | null {
    const token = tokenOf(headers, this.#isSecure());
    return token === null ? null : this.#secrets.hashToken(token);
  }
}

/** A header cannot carry one; the column could not either. */
const withoutNul = (text: string) => text.replaceAll('\0', '');
