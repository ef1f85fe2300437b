import type { Duplex } from 'node:stream';
import type { Hello, NodePool } from '@zerogpu/protocol';
import type { WebSocket } from 'ws';
import type { NodeFacts, NodeView, Target, Trust } from '../flow.ts';
import type { Misconduct } from './conduct.ts';
import { NodeConnection } from './connection.ts';
import type { Admittance } from './node-directory.ts';
import { type GatewaySoftware, thisSoftware } from './node-software.ts';
import { Trials } from './trials.ts';

/** A node that said nothing for this many heartbeats is gone, whatever its socket believes. */
const MISSED_HEARTBEATS = 3;
/** Pings of a heartbeat go out in so many parts: ten thousand at once would hold up everybody else for a tenth of a second. */
const PARTS = 20;
/** Sockets that have not yet shown to be nodes; more are sent away until some have. */
const MAX_STRANGERS = 1000;
/** Of one address, so that it does not take all places; behind a proxy without `x-forwarded-for` everybody is one. */
const MAX_STRANGERS_OF_ADDRESS = 500;
/** For a goodbye. */
const TURNED_AWAY_MS = 1000;

export interface RegistryServices {
  /** @param address of the other end of the socket; empty when it is not known */
  admit(hello: Hello, nonce: string, address: string): Promise<Admittance>;
  /** Told when a node became welcome, and when its socket ended. */
  joined?(connection: NodeConnection): void;
  left?(connection: NodeConnection): void;
  /** A node's socket, perhaps before it was welcome, was closed because of what it sent. */
  misbehaved?(connection: NodeConnection, misconduct: Misconduct): void;
  /** What the rest of the gateway uses in place of a node. */
  wrap?(connection: NodeConnection): Target;
  /** How far a node is believed. */
  trustOf?(facts: NodeFacts, model: string): Trust;
  /** The router's index, which is told of every change. */
  readonly index?: NodeIndex;
  readonly heartbeatMs: number;
  /** This gateway's own unless told. */
  software?(): GatewaySoftware;
  now(): number;
}

interface Forgiven {
  readonly connection: NodeConnection;
  readonly model: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** What is told how nodes are, model by model. */
export interface NodeIndex {
  put(model: string, view: NodeView): void;
  remove(model: string, nodeId: string): void;
}

/** The nodes connected to this gateway, found by model. */
export class NodeRegistry {
  readonly #services: RegistryServices;
  /** With the part of the heartbeat in which each is pinged. */
  readonly #sockets = new Map<NodeConnection, number>();
  readonly #byId = new Map<string, NodeConnection>();
  readonly #byModel = new Map<string, Map<NodePool, Set<NodeConnection>>>();
  /** Under which models a connection is found. */
  readonly #models = new Map<NodeConnection, ReadonlySet<string>>();
  /** By node and model: whose failures are forgotten when; soonest first. It ends by itself half a minute after the last failure. */
  readonly #forgiven = new Map<string, Forgiven>();
  /** By address. */
  readonly #strangers = new Map<string, number>();
  readonly #trials = new Trials();
  readonly #heartbeat: NodeJS.Timeout;
  #nextPart = 0;
  #beganAt: number;
  /** Parts of heartbeats that are over since then. */
  #beats = 0;
  #closing = false;

  constructor(services: RegistryServices) {
    this.#services = services;
    this.#beganAt = services.now();
    this.#heartbeat = setInterval(() => this.#beat(), services.heartbeatMs / PARTS);
    this.#heartbeat.unref();
  }

  /**
   * Takes in a socket that wants to be a node.
   * @param address of its other end
   * @param wire what carries it: every byte of it is counted
   */
  connect(socket: WebSocket, address = '', wire?: Duplex): void {
    if (this.#closing || this.#isFull(address)) {
      socket.on('error', () => socket.terminate());
      socket.close(this.#closing ? 1001 : 1013, 'try again later');
      // Who does not say goodbye either.
      setTimeout(() => socket.terminate(), TURNED_AWAY_MS).unref();
      return;
    }
    const connection: NodeConnection = new NodeConnection(socket, {
      admit: (hello, nonce) => this.#services.admit(hello, nonce, address),
      misbehaved: (connection, misconduct) => this.#services.misbehaved?.(connection, misconduct),
      trustOf: (facts, model) => this.#services.trustOf?.(facts, model) ?? trustOfPool(facts),
      trials: this.#trials,
      heartbeatMs: this.#services.heartbeatMs,
      software: () => this.#services.software?.() ?? thisSoftware(''),
      now: () => this.#services.now(),
      welcomed: (connection) => {
        left();
        this.#welcomed(connection);
      },
      changed: (connection) => this.#index(connection),
      told: (connection, model) => this.#tell(connection, model),
      closed: (connection) => {
        left();
        this.#closed(connection);
      },
    });
    const left = this.#strangerFrom(address);
    this.#sockets.set(connection, this.#nextPart);
    this.#nextPart = (this.#nextPart + 1) % PARTS;
    wire?.on('data', (bytes: Buffer) => connection.heardBytes(bytes.length));
  }

  #isFull(address: string): boolean {
    if (this.#sockets.size - this.#byId.size >= MAX_STRANGERS) return true;
    return address !== '' && (this.#strangers.get(address) ?? 0) >= MAX_STRANGERS_OF_ADDRESS;
  }

  /** @returns to be called when it is one no more, however often */
  #strangerFrom(address: string): () => void {
    const count = (by: number) => {
      const strangers = (this.#strangers.get(address) ?? 0) + by;
      if (strangers > 0) this.#strangers.set(address, strangers);
      else this.#strangers.delete(address);
    };
    let counted = true;
    count(1);
    return () => {
      if (counted) count(-1);
      counted = false;
    };
  }

  get size(): number {
    return this.#byId.size;
  }

  /** Connected nodes that have the model. */
  count(model: string): number {
    let count = 0;
    for (const nodes of this.#byModel.get(model)?.values() ?? []) count += nodes.size;
    return count;
  }

  views(model: string): NodeView[] {
    const views: NodeView[] = [];
    for (const nodes of this.#byModel.get(model)?.values() ?? []) {
      for (const connection of nodes) {
        const view = connection.view(model);
        if (view !== null) views.push(view);
      }
    }
    return views;
  }

  nodes(): IterableIterator<NodeConnection> {
    return this.#byId.values();
  }

  find(id: string): NodeConnection | undefined {
    return this.#byId.get(id);
  }

  /** Nodes of these pools that have the model and get runs. */
  *having(model: string, pools: readonly NodePool[]): Generator<NodeConnection, undefined> {
    for (const pool of pools) yield* this.#byModel.get(model)?.get(pool) ?? [];
  }

  /** A node is believed more, or less, than before. */
  trustChanged(id: string): void {
    const connection = this.#byId.get(id);
    if (!connection) return;
    for (const model of this.#models.get(connection) ?? []) this.#tell(connection, model);
  }

  target(id: string): Target | undefined {
    const connection = this.#byId.get(id);
    return connection && (this.#services.wrap?.(connection) ?? connection);
  }

  /** Tells every node to come back later: the gateway is going down. */
  close(): void {
    this.#closing = true;
    clearInterval(this.#heartbeat);
    for (const connection of [...this.#sockets.keys()])
      connection.close(1001, 'the gateway is shutting down');
  }

  #welcomed(connection: NodeConnection): void {
    // A node that comes back before its old socket was noticed dead: the new one counts.
    this.#byId.get(connection.id)?.close(1000, 'connected again');
    this.#byId.set(connection.id, connection);
    this.#index(connection);
    this.#services.joined?.(connection);
  }

  #index(connection: NodeConnection): void {
    const before = this.#models.get(connection) ?? new Set();
    const models = new Set(connection.serving ? connection.models() : []);
    this.#models.set(connection, models);
    for (const model of before) if (!models.has(model)) this.#unindex(connection, model);
    for (const model of models) {
      this.#poolOf(connection, model).add(connection);
      this.#tell(connection, model);
    }
  }

  #poolOf({ facts: { pool } }: NodeConnection, model: string): Set<NodeConnection> {
    const pools = this.#byModel.get(model) ?? new Map<NodePool, Set<NodeConnection>>();
    this.#byModel.set(model, pools);
    const nodes = pools.get(pool) ?? new Set();
    pools.set(pool, nodes);
    return nodes;
  }

  #unindex(connection: NodeConnection, model: string): void {
    const pools = this.#byModel.get(model);
    const nodes = pools?.get(connection.facts.pool);
    if (nodes?.delete(connection) && nodes.size === 0) pools?.delete(connection.facts.pool);
    if (pools?.size === 0) this.#byModel.delete(model);
    if (this.#isCurrent(connection)) this.#services.index?.remove(model, connection.id);
  }

  /** At each run's beginning and end, so that the next choice knows of it. */
  #tell(connection: NodeConnection, model: string): void {
    const { index } = this.#services;
    if (!index || !this.#isCurrent(connection) || !this.#models.get(connection)?.has(model)) return;
    const view = connection.serving ? connection.view(model) : null;
    if (view) index.put(model, view);
    else index.remove(model, connection.id);
    this.#noteFailures(connection, model);
  }

  /** Each failure is forgotten after the same time: the latest is always the last. */
  #noteFailures(connection: NodeConnection, model: string): void {
    const at = connection.forgivenAt(model);
    if (at === null && this.#forgiven.size === 0) return;
    const key = `${connection.id} ${model}`;
    if (this.#forgiven.get(key)?.at === at) return;
    this.#forgiven.delete(key);
    if (at !== null) this.#forgiven.set(key, { connection, model, at });
  }

  /** What is forgotten by now is told: a node that nobody asks would be thought bad for ever. */
  #forgive(): void {
    const now = this.#services.now();
    for (const [key, { connection, model, at }] of this.#forgiven) {
      if (at > now) return;
      this.#forgiven.delete(key);
      this.#tell(connection, model);
    }
  }

  #isCurrent(connection: NodeConnection): boolean {
    return this.#byId.get(connection.id) === connection;
  }

  #closed(connection: NodeConnection): void {
    this.#sockets.delete(connection);
    for (const model of this.#models.get(connection) ?? []) this.#unindex(connection, model);
    this.#models.delete(connection);
    if (this.#byId.get(connection.id) === connection) this.#byId.delete(connection.id);
    if (connection.id !== '') this.#services.left?.(connection);
  }

  /** On a machine that has no time for us many parts are due at once: were it one at a time, nodes would wait for minutes. */
  #partsDue(): (part: number) => boolean {
    const partMs = this.#services.heartbeatMs / PARTS;
    const now = this.#services.now();
    const first = this.#beats;
    // A clock that was put back begins anew.
    if (now < this.#beganAt + first * partMs - partMs) this.#beganAt = now - first * partMs - partMs;
    this.#beats = Math.max(first, Math.round((now - this.#beganAt) / partMs));
    const due = this.#beats - first;
    return (part) => (part - (first % PARTS) + PARTS) % PARTS < due;
  }

  #beat(): void {
    this.#forgive();
    const silentSince = this.#services.now() - MISSED_HEARTBEATS * this.#services.heartbeatMs;
    const due = this.#partsDue();
    for (const [connection, part] of [...this.#sockets]) {
      if (!due(part)) continue;
      if (connection.lastHeardAt < silentSince || connection.hangs()) connection.terminate();
      else connection.ping();
    }
  }
}

/** Without somebody who keeps the books: what the pool means. */
const trustOfPool = ({ pool }: NodeFacts): Trust => (pool === 'public' ? 'probation' : 'vouched');
