import type { NodePool, NodeState } from '@zerogpu/protocol';
import type { Pool } from 'pg';
import { Followers } from '../admin/followers.ts';
import { Inbox } from '../admin/inbox.ts';
import type { LiveNodes } from '../live-nodes.ts';
import type { Log } from '../store/log.ts';
import { columnsOf, loadOf, type NodeRow, stateNow } from './node-rows.ts';

/** Between two looks at the database, one for each organization that somebody follows on this gateway. */
const LOOK_MS = 2_000;
/** Newest first: what a screen shows of a fleet, and what one look reads at most for each that is followed. */
const MOST_NODES = 500;

const LOOK = `
SELECT ${columnsOf('$1')} FROM nodes n
WHERE (CASE WHEN $2::uuid IS NULL THEN n.pool <> 'organization' ELSE n.organization_id = $2 END)
  AND (n.revoked_at IS NULL OR n.id = ANY ($3::text[]))
ORDER BY n.created_at DESC, n.id DESC LIMIT ${MOST_NODES}`;

/** A node as far as it changes while people look at it. */
export interface NodeNews {
  readonly id: string;
  readonly name: string;
  readonly pool: NodePool;
  readonly state: NodeState;
  readonly slots: number;
  readonly in_flight: number | null;
  readonly runs: { readonly done: number; readonly failed: number };
}

export interface NodeTailServices {
  readonly pool: Pool;
  readonly log: Log;
  readonly live: LiveNodes;
  gateways(): Promise<readonly string[]>;
  /** Between two looks. Default two seconds. */
  readonly lookMs?: number;
}

/** Follows nodes across gateways by asking the database, while somebody listens. */
export class NodeTail {
  readonly #services: NodeTailServices;
  /** By organization; null is the operator's. */
  readonly #followers: Followers<string | null, NodeFollower>;

  constructor(services: NodeTailServices) {
    this.#services = services;
    const { lookMs = LOOK_MS, log } = services;
    const failed = 'Nodes could not be looked at';
    this.#followers = new Followers({ everyMs: lookMs, look: () => this.#look(), log, failed });
  }

  /** At first every node, then what changes. How many follow is the caller's to bound. */
  follow(organizationId: string | null): NodeFollower {
    const follower = new NodeFollower(() => this.#followers.leave(organizationId, follower));
    this.#followers.add(organizationId, follower);
    this.#followers.begin();
    void this.look();
    return follower;
  }

  /** One look; runs by itself. */
  async look(): Promise<void> {
    await this.#followers.look();
  }

  async #look(): Promise<void> {
    const { pool, live } = this.#services;
    const alive = await this.#services.gateways();
    for (const organizationId of [...this.#followers.keys()]) {
      const followers = this.#followers.of(organizationId);
      const told = new Set([...followers].flatMap((follower) => follower.told));
      const { rows } = await pool.query<NodeRow>(LOOK, [alive, organizationId, [...told]]);
      for (const row of rows) {
        const node = live.find(row.id);
        const { slots, in_flight } = loadOf(row, node);
        const { id, name, pool: of, done, failed } = row;
        const news = { id, name, pool: of, state: stateNow(row, node), slots, in_flight };
        for (const follower of followers) follower.offer({ ...news, runs: { done, failed } });
      }
    }
  }
}

/** Who follows the nodes of an organization, or the operator's. */
export class NodeFollower {
  /** The latest of each node: a slow reader misses what lay between. */
  readonly #inbox = new Inbox<NodeNews>();
  /** What was told last of each node that is not removed. */
  readonly #told = new Map<string, string>();
  readonly #leave: () => void;

  constructor(leave: () => void) {
    this.#leave = leave;
  }

  get told(): readonly string[] {
    return [...this.#told.keys()];
  }

  offer(news: NodeNews): void {
    const seen = JSON.stringify(news);
    if (this.#inbox.closed || this.#told.get(news.id) === seen) return;
    const removed = news.state === 'removed';
    if (removed && !this.#told.has(news.id)) return;
    if (removed) this.#told.delete(news.id);
    else this.#told.set(news.id, seen);
    this.#inbox.put(news.id, news);
  }

  /** @returns what changed, perhaps nothing after `ms`; null when it is closed */
  next(ms: number): Promise<readonly NodeNews[] | null> {
    return this.#inbox.next(ms);
  }

  close(): void {
    this.#inbox.close();
    this.#leave();
  }
}
