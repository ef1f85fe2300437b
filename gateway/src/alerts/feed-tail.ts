import { ApiError } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import { Followers } from '../admin/followers.ts';
import { Inbox } from '../admin/inbox.ts';
import type { Log } from '../store/log.ts';
import { EVENT_COLUMNS, type EventRow } from './event-row.ts';

/** Between two looks at the database, one look for everybody who follows a feed on this gateway. */
const LOOK_MS = 2_000;
/** Open streams of one gateway: a socket each, and next to nothing else. */
const MAX_FOLLOWERS = 1_000;
/** Of one organization, so that none takes the places of the others. */
const MAX_OF_ORGANIZATION = 50;
/** Events that wait for a slow reader; then its stream ends, and it goes on from the last that it saw. */
const MAX_WAITING = 200;
/** Of all organizations together, between two looks. */
const BATCH = 500;

const NOW = 'SELECT pg_current_snapshot()::text AS snapshot';
/**
 * What is visible now and was not in the snapshot `$2`: also what was told earlier and committed later. One row without
 * an event when there is nothing new.
 */
const NEW_ONES = `
SELECT pg_current_snapshot()::text AS snapshot, e.* FROM (VALUES (1)) one LEFT JOIN (
  SELECT ${EVENT_COLUMNS} FROM events
  WHERE organization_id = ANY ($1::uuid[]) AND transaction >= pg_snapshot_xmin($2::text::pg_snapshot)
    AND NOT pg_visible_in_snapshot(transaction, $2::text::pg_snapshot)
  ORDER BY id LIMIT ${BATCH}
) e ON true`;

type TailRow = { readonly snapshot: string } & (EventRow | { readonly id: null });

/** Follows the feeds of organizations across gateways by asking the database, while somebody listens. */
export class FeedTail {
  readonly #pool: Pool;
  readonly #followers: Followers<string, Follower>;
  /** Of the last look: what was visible then has been handed on. */
  #seen: string | null = null;

  constructor(pool: Pool, log: Log, lookMs = LOOK_MS) {
    this.#pool = pool;
    const deserted = () => {
      this.#seen = null;
    };
    const failed = 'New events could not be looked for';
    this.#followers = new Followers({ everyMs: lookMs, look: () => this.#look(), log, failed, deserted });
  }

  /**
   * Everything that is told from now on. The same event may come twice.
   * @throws ApiError no_capacity
   */
  async follow(organizationId: string): Promise<Follower> {
    const others = this.#followers.of(organizationId);
    if (this.#followers.size >= MAX_FOLLOWERS || others.size >= MAX_OF_ORGANIZATION) {
      throw new ApiError('no_capacity', {
        message: 'As many streams of events are open as this gateway keeps; close one, or ask for the list',
        retryAfterSeconds: 30,
      });
    }
    const follower = new Follower(() => this.#followers.leave(organizationId, follower));
    this.#followers.add(organizationId, follower);
    try {
      await this.#begin();
    } catch (error) {
      follower.close();
      throw error;
    }
    return follower;
  }

  async #begin(): Promise<void> {
    if (this.#seen === null) {
      const { rows } = await this.#pool.query<{ snapshot: string }>(NOW);
      this.#seen ??= rows[0]?.snapshot ?? null;
    }
    this.#followers.begin();
  }

  async #look(): Promise<void> {
    if (this.#seen === null) return;
    const { rows } = await this.#pool.query<TailRow>(NEW_ONES, [[...this.#followers.keys()], this.#seen]);
    for (const row of rows) {
      if (row.id === null) continue;
      for (const follower of this.#followers.of(row.organization_id)) follower.push(row);
    }
    if (rows.length >= BATCH) this.#closeAll();
    if (this.#seen !== null) this.#seen = rows[0]?.snapshot ?? this.#seen;
  }

  /** More came than one look hands on: everybody goes on from the last that they saw. */
  #closeAll(): void {
    for (const follower of [...this.#followers.all()]) follower.close();
  }
}

/** Who follows a feed. */
export class Follower {
  readonly #inbox = new Inbox<EventRow>();
  readonly #leave: () => void;

  constructor(leave: () => void) {
    this.#leave = leave;
  }

  push(row: EventRow): void {
    if (this.#inbox.size >= MAX_WAITING) this.close();
    this.#inbox.put(row.id, row);
  }

  /** @returns what came, perhaps nothing after `ms`; null when it is closed */
  next(ms: number): Promise<readonly EventRow[] | null> {
    return this.#inbox.next(ms);
  }

  close(): void {
    this.#inbox.close();
    this.#leave();
  }
}
