/** What people ask about nodes and do with them, whichever nodes are theirs. */
import type { IncomingHttpHeaders } from 'node:http';
import type { AdminRouteName } from '@zerogpu/protocol';
import type { Pool, PoolClient } from 'pg';
import { boundedRead } from '../admin/bounded-read.ts';
import type { AdminContext } from '../admin/handler.ts';
import { newsStream, type StreamTimes } from '../admin/news-stream.ts';
import { limitOf, pageOf } from '../admin/paging.ts';
import { Places } from '../admin/places.ts';
import type { LiveNodes } from '../live-nodes.ts';
import { cursorOf, findNode, listNodes, type NodeQuery } from './list-nodes.ts';
import { type NodeRow, shownNode } from './node-rows.ts';
import type { NodeTail } from './node-tail.ts';
import type { Scope } from './scope.ts';
import { totalsOf } from './totals.ts';
import { type Earned, shownBy, wrongBy } from './trust-rows.ts';

export interface FleetServices {
  readonly pool: Pool;
  readonly gatewayId: string;
  /** What this gateway holds. */
  readonly live: LiveNodes;
  readonly tail: NodeTail;
  /** The ids of gateways that live. */
  gateways(): Promise<readonly string[]>;
  /** Has this gateway look at once for what people changed. */
  changed(): void;
  /** How a join token is stored and found. */
  hash(token: string): Buffer;
  readonly earned: Earned;
  /** Where people and devices reach this server. */
  publicUrl(): string;
  /** Whether whoever sent these headers may still see this: an organization's, or with null the operator's. */
  stillAdmitted(headers: IncomingHttpHeaders, organizationId: string | null): Promise<boolean>;
  now(): number;
  /** For tests. */
  readonly times?: StreamTimes;
}

/** Open streams of one gateway: a socket each, and some of what one look for all of them reads. */
const MOST_STREAMS = 200;
const STREAMS_OF_ORGANIZATION = 20;

type Acting = Pick<AdminContext<AdminRouteName>, 'audit' | 'now'>;
type Following = Pick<AdminContext<AdminRouteName>, 'headers' | 'hangup'>;

/** A change of a node, with what the audit log says of it. */
export interface NodeAct {
  /** @throws ApiError state_conflict */
  do(db: PoolClient, row: NodeRow): Promise<void>;
  readonly details?: object;
}

export class NodeDesk {
  readonly #services: FleetServices;
  readonly #places = new Places(MOST_STREAMS, STREAMS_OF_ORGANIZATION, 'streams of nodes');

  constructor(services: FleetServices) {
    this.#services = services;
  }

  async list(scope: Scope, query: NodeQuery, now: number) {
    const alive = await this.#services.gateways();
    return boundedRead(scope.transaction, async (db) => {
      const rows = await listNodes(db, scope, query, alive);
      const { data, ...page } = pageOf(rows, limitOf(query), (row) => row, cursorOf(query));
      return { ...page, data: await this.#shown(db, data, now) };
    });
  }

  async get(scope: Scope, nodeId: string, now: number) {
    const alive = await this.#services.gateways();
    return scope.transaction(async (db) => this.#one(db, await findNode(db, scope, nodeId, alive), now));
  }

  /** Does it, writes it down, and has the gateway that holds the node's socket know. */
  async change(scope: Scope, { audit, now }: Acting, nodeId: string, act: NodeAct) {
    const alive = await this.#services.gateways();
    const after = await scope.transaction(async (db) => {
      const row = await findNode(db, scope, nodeId, alive, true);
      await act.do(db, row);
      const details = { ...act.details, was: row.name, pool: row.pool };
      await audit(db, { kind: 'node', id: nodeId, details });
      return this.#one(db, await findNode(db, scope, nodeId, alive), now);
    });
    this.#services.changed();
    return after;
  }

  /** @param organizationId null for all nodes that there are */
  async totals(organizationId: string | null, transaction: Scope['transaction']) {
    const { gatewayId, live } = this.#services;
    const alive = await this.#services.gateways();
    const sums = await boundedRead(transaction, (db) =>
      totalsOf(db, { organizationId, alive, gatewayId, live }),
    );
    return { ...sums, gateways: alive.length };
  }

  stream({ organizationId }: Scope, { headers, hangup }: Following) {
    const { tail, times, stillAdmitted } = this.#services;
    const text = newsStream({
      name: 'node',
      follow: () => tail.follow(organizationId),
      shown: (news) => news,
      stays: () => stillAdmitted(headers, organizationId),
      hangup,
      ...(times === undefined ? {} : { times }),
    });
    const content = 'text/event-stream' as const;
    return { content, text: this.#places.during(organizationId ?? 'operators', text) };
  }

  async #one(db: PoolClient, row: NodeRow, now: number) {
    const [shown] = await this.#shown(db, [row], now);
    if (shown === undefined) throw new Error('A row was there a moment ago');
    return shown;
  }

  async #shown(db: PoolClient, rows: readonly NodeRow[], now: number) {
    const { live, earned } = this.#services;
    const of = await shownBy(db, rows, earned);
    const wrong = await wrongBy(db, rows);
    return rows.map((row) => {
      const { trust, shown } = of(row);
      const node = shownNode(row, live.find(row.id), trust, now);
      return { ...node, shown: [...shown], wrong_answers: wrong(row) };
    });
  }
}
