import { type BatchStatus, idsFrom } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import { Followers } from '../admin/followers.ts';
import { Inbox } from '../admin/inbox.ts';
import { OPEN_STATES } from '../store/batch-states.ts';
import type { Log } from '../store/log.ts';
import { TERMINAL } from './batch.ts';
import { RateWindow } from './rate-window.ts';

/** Between two looks at the database, one look for everybody who follows batches on this gateway. */
const LOOK_MS = 1_000;
/** Of one project, newest first: a screen full, and what one look reads at most of each project that is followed. */
const MOST_OPEN = 100;

/** Of those that have ended, of all projects that are followed: the others of one moment are in the list. */
const MOST_ENDED = 1_000;
/** Batches that were made so long before the last look are new, too: clocks differ, and a commit takes its time. */
const LOOK_BACK_MS = 5_000;

const COLUMNS = 'id, project_id, status, total, completed, failed, in_progress_at, expires_at';
/**
 * What is open now, and what has ended: of those that were open at the last look, and of those made since. 0.6 ms for two
 * projects with 100,000 batches each and 100 of them open.
 */
const LOOK = `
SELECT open.* FROM unnest($1::uuid[]) AS followed (id) CROSS JOIN LATERAL (
  SELECT ${COLUMNS} FROM batches WHERE project_id = followed.id AND status IN ${OPEN_STATES}
  ORDER BY id DESC LIMIT ${MOST_OPEN}) open
UNION ALL (
  SELECT ${COLUMNS} FROM batches
  WHERE project_id = ANY ($1::uuid[]) AND (id = ANY ($2::text[]) OR id >= $3) AND status NOT IN ${OPEN_STATES}
  LIMIT ${MOST_ENDED})`;

/** A batch as far as it changes while it runs. */
export interface BatchState {
  readonly id: string;
  readonly project_id: string;
  readonly status: BatchStatus;
  readonly total: number;
  readonly completed: number;
  readonly failed: number;
  readonly in_progress_at: Date | null;
  readonly expires_at: Date;
}

/** A state with what is measured of it: lines a second of late, null until there is something to measure. */
export type BatchNews = BatchState & { readonly rate: number | null };

export interface BatchTailServices {
  readonly pool: Pool;
  readonly log: Log;
  /** Milliseconds since 1970. */
  now(): number;
  /** Between two looks. Default a second. */
  readonly lookMs?: number;
}

/** Follows the open batches of projects across gateways by asking the database, while somebody listens. */
export class BatchTail {
  readonly #services: BatchTailServices;
  readonly #followers: Followers<string, BatchFollower>;
  readonly #lookMs: number;
  /** Of those batches alone that the last look saw open. */
  #rates = new Map<string, RateWindow>();
  /** By the clock of timers, and in milliseconds since 1970. */
  #lookedAt = { timer: Number.NEGATIVE_INFINITY, time: Number.POSITIVE_INFINITY };

  constructor(services: BatchTailServices) {
    this.#services = services;
    this.#lookMs = services.lookMs ?? LOOK_MS;
    this.#followers = new Followers({
      everyMs: this.#lookMs,
      look: () => this.#look(),
      log: services.log,
      failed: 'Open batches could not be looked at',
      deserted: () => {
        this.#rates.clear();
        this.#lookedAt = { ...this.#lookedAt, time: Number.POSITIVE_INFINITY };
      },
    });
  }

  /** At first everything that is open, then what changes. How many follow is the caller's to bound. */
  follow(projectId: string): BatchFollower {
    const leave = () => this.#followers.leave(projectId, follower);
    const follower = new BatchFollower(this.#services.now(), leave);
    this.#followers.add(projectId, follower);
    this.#followers.begin();
    // Whoever comes and goes quickly does not make it look more often.
    if (performance.now() - this.#lookedAt.timer >= this.#lookMs) void this.look();
    return follower;
  }

  /** One look; runs by itself. */
  async look(): Promise<void> {
    await this.#followers.look();
  }

  async #look(): Promise<void> {
    const since = idsFrom('batch', this.#begin() - LOOK_BACK_MS);
    if (this.#followers.size === 0) return;
    const known = new Set<string>();
    for (const { open } of this.#followers.all()) for (const id of open) known.add(id);
    const values = [[...this.#followers.keys()], [...known], since];
    const { rows } = await this.#services.pool.query<BatchState>(LOOK, values);
    const news = this.#measured(rows);
    for (const one of news) for (const follower of this.#followers.of(one.project_id)) follower.offer(one);
    for (const follower of this.#followers.all()) follower.forgetBefore(since);
  }

  /** @returns when it was last looked, in milliseconds since 1970; at the first look, now */
  #begin(): number {
    const time = this.#services.now();
    const last = Math.min(this.#lookedAt.time, time);
    this.#lookedAt = { timer: performance.now(), time };
    return last;
  }

  #measured(rows: readonly BatchState[]): readonly BatchNews[] {
    const now = this.#services.now();
    const rates = new Map<string, RateWindow>();
    const news = rows.map((row) => {
      const window = this.#rates.get(row.id) ?? new RateWindow();
      window.add(now, row.completed + row.failed);
      if (!TERMINAL.has(row.status)) rates.set(row.id, window);
      return { ...row, rate: window.perSecond() };
    });
    this.#rates = rates;
    return news;
  }
}

/** Who follows the batches of a project. */
export class BatchFollower {
  /** The latest of each batch: a slow reader misses what lay between. */
  readonly #inbox = new Inbox<BatchNews>();
  /** What was told last of each open batch, and of those that ended a moment ago. */
  readonly #told = new Map<string, { readonly seen: string; readonly ended: boolean }>();
  /** Ids that are less were there before it followed: of those, what had ended is no news. */
  readonly #since: string;
  readonly #leave: () => void;

  /** @param now milliseconds since 1970 */
  constructor(now: number, leave: () => void) {
    this.#since = idsFrom('batch', now);
    this.#leave = leave;
  }

  /** Batches that it believes to be open. */
  get open(): readonly string[] {
    return [...this.#told].filter(([, { ended }]) => !ended).map(([id]) => id);
  }

  offer(news: BatchNews): void {
    const { id, status, total, completed, failed } = news;
    const seen = `${status} ${total} ${completed} ${failed}`;
    const before = this.#told.get(id);
    if (this.#inbox.closed || before?.seen === seen) return;
    const ended = TERMINAL.has(status);
    if (ended && before === undefined && id < this.#since) return;
    this.#told.set(id, { seen, ended });
    this.#inbox.put(id, news);
  }

  /** No look gives those of them that have ended again. */
  forgetBefore(id: string): void {
    for (const [told, { ended }] of this.#told) if (ended && told < id) this.#told.delete(told);
  }

  /** @returns what changed, perhaps nothing after `ms`; null when it is closed */
  next(ms: number): Promise<readonly BatchNews[] | null> {
    return this.#inbox.next(ms);
  }

  close(): void {
    this.#inbox.close();
    this.#leave();
  }
}
