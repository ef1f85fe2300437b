import type { BatchStatus } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import type { Log } from '../store/log.ts';
import { TERMINAL } from './batch.ts';
import { RateWindow } from './rate-window.ts';

/** Between two looks at the database, one look for everybody who follows batches on this gateway. */
const LOOK_MS = 1_000;
/** Of one project, newest first: a screen full, and what one look reads at most of each project that is followed. */
const MOST_OPEN = 100;

const OPEN = "('validating', 'in_progress', 'finalizing', 'cancelling')";
const COLUMNS = 'id, project_id, status, total, completed, failed, in_progress_at, expires_at';
/** What is open now, and what was when it was last looked at and has ended since. */
const LOOK = `
SELECT open.* FROM unnest($1::uuid[]) AS followed (id) CROSS JOIN LATERAL (
  SELECT ${COLUMNS} FROM batches WHERE project_id = followed.id AND status IN ${OPEN}
  ORDER BY id DESC LIMIT ${MOST_OPEN}) open
UNION ALL
SELECT ${COLUMNS} FROM batches
WHERE project_id = ANY ($1::uuid[]) AND id = ANY ($2::text[]) AND status NOT IN ${OPEN}`;

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
  readonly #followers = new Map<string, Set<BatchFollower>>();
  /** Of those batches alone that the last look saw open. */
  #rates = new Map<string, RateWindow>();
  #timer: NodeJS.Timeout | null = null;
  #looking: Promise<void> | null = null;
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(services: BatchTailServices) {
    this.#services = services;
  }

  /** At first everything that is open, then what changes. How many follow is the caller's to bound. */
  follow(projectId: string): BatchFollower {
    const others = this.#followers.get(projectId) ?? new Set();
    const follower = new BatchFollower(() => this.#leave(projectId, follower));
    this.#followers.set(projectId, others.add(follower));
    const { lookMs = LOOK_MS } = this.#services;
    this.#timer ??= setInterval(() => void this.look(), lookMs).unref();
    // Whoever comes and goes quickly does not make it look more often.
    if (performance.now() - this.#lookedAt >= lookMs) void this.look();
    return follower;
  }

  #leave(projectId: string, follower: BatchFollower): void {
    const others = this.#followers.get(projectId);
    if (!others?.delete(follower)) return;
    if (others.size === 0) this.#followers.delete(projectId);
    if (this.#followers.size > 0) return;
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#rates.clear();
  }

  /** One look; runs by itself. */
  look(): Promise<void> {
    this.#looking ??= this.#read()
      .catch((error: unknown) => {
        const reason = error instanceof Error ? error.message : String(error);
        this.#services.log.warn({ reason }, 'Open batches could not be looked at');
      })
      .finally(() => {
        this.#looking = null;
      });
    return this.#looking;
  }

  async #read(): Promise<void> {
    this.#lookedAt = performance.now();
    if (this.#followers.size === 0) return;
    const known = new Set<string>();
    for (const followers of this.#followers.values())
      for (const { open } of followers) for (const id of open) known.add(id);
    const values = [[...this.#followers.keys()], [...known]];
    const { rows } = await this.#services.pool.query<BatchState>(LOOK, values);
    const news = this.#measured(rows);
    for (const one of news)
      for (const follower of this.#followers.get(one.project_id) ?? []) follower.offer(one);
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

/** Who follows the batches of a project: what changed and was not read yet. */
export class BatchFollower {
  /** The latest of each batch: a slow reader misses what lay between. */
  readonly #waiting = new Map<string, BatchNews>();
  /** What was told last of each open batch. */
  readonly #told = new Map<string, string>();
  readonly #leave: () => void;
  #wake: (() => void) | null = null;
  #closed = false;

  constructor(leave: () => void) {
    this.#leave = leave;
  }

  /** Batches that it believes to be open. */
  get open(): Iterable<string> {
    return this.#told.keys();
  }

  offer(news: BatchNews): void {
    const { id, status, total, completed, failed } = news;
    const seen = `${status} ${total} ${completed} ${failed}`;
    if (this.#closed || this.#told.get(id) === seen) return;
    const ended = TERMINAL.has(status);
    // Looks overlap with endings: what has ended is told to those alone who saw it open.
    if (ended && !this.#told.has(id)) return;
    if (ended) this.#told.delete(id);
    else this.#told.set(id, seen);
    this.#waiting.set(id, news);
    this.#wake?.();
  }

  /** @returns what changed, perhaps nothing after `ms`; null when it is closed */
  async next(ms: number): Promise<readonly BatchNews[] | null> {
    if (this.#waiting.size === 0 && !this.#closed) await this.#sleep(ms);
    const came = [...this.#waiting.values()];
    this.#waiting.clear();
    return came.length === 0 && this.#closed ? null : came;
  }

  close(): void {
    this.#closed = true;
    this.#leave();
    this.#wake?.();
  }

  async #sleep(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    const timer = setTimeout(resolve, ms);
    await promise;
    clearTimeout(timer);
    this.#wake = null;
  }
}
