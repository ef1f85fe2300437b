import type { NodePool, Place } from '@zerogpu/protocol';
import type { NodeView } from '../flow.ts';
import { CellOrder } from './cell-order.ts';
import { Cells } from './cells.ts';
import { distanceKm, rttOfKm, UNMEASURED_MS, type Unit, unitOf } from './distance.ts';
import {
  BASE,
  BATCH_QUEUE,
  COLUMNS,
  FleetTable,
  FROM_HOME,
  floats,
  HAS_BATCH_ROOM,
  HAS_ROOM,
  LOAD,
  PENALTY,
  PER_TOKEN,
  PLACED,
  QUEUE,
  SEEN,
  X,
  Y,
  Z,
} from './fleet-table.ts';
import { asBatch, type Candidate, costsOf, isFailing, type RouteAsk } from './predict.ts';
import { type Quest, Search } from './search.ts';

/** Nodes that the same asks may have: of one pool, one organization, one kind of trust. */
export interface Group {
  readonly pool: NodePool;
  /** The cells of those whose place is known, and of all others. */
  globe: number;
  nowhere: number;
  count: number;
  /** With a free slot, and not failing. */
  room: number;
  batchRoom: number;
}

interface ModelFleet {
  readonly entries: Map<string, number>;
  readonly groups: Map<string, Group>;
}

/**
 * The fleet as the router sees it: each node and model is told of by `put` whenever something of it changes, and stands by
 * model, group and cell in the order of what it costs. A change takes as long in a fleet of a million as in one of ten.
 */
export class FleetIndex {
  /** Where the round trips are measured from. */
  readonly home: Place | null;
  table = new FleetTable();
  cells: Cells;
  #order: CellOrder;
  #search: Search;
  readonly #models = new Map<string, ModelFleet>();
  /** Which group a row is of. */
  #groups: (Group | undefined)[] = [];
  /** By model, then by node: those whose breaker is open. */
  readonly #closed = new Map<string, Map<string, NodeView>>();
  /** When the first of the closed may open; never earlier than that one does. */
  #opensAt = Infinity;
  readonly #row = floats(COLUMNS);

  constructor({ home = null }: { readonly home?: Place | null } = {}) {
    this.home = home;
    this.cells = new Cells(home);
    this.#order = new CellOrder(this.table, this.cells);
    this.#search = new Search(this.table, this.cells);
  }

  /** Takes in what is known of a node and a model on it, in place of what was known before. */
  put(model: string, view: NodeView): void {
    const { closedUntil = 0 } = view;
    if (view.trust === 'quarantined') this.remove(model, view.id);
    else if (closedUntil > 0) this.#close(model, view, closedUntil);
    else this.#putOpen(model, view);
  }

  remove(model: string, nodeId: string): void {
    this.#uncloseIfClosed(model, nodeId);
    this.#removeOpen(model, nodeId);
  }

  /** Nodes that have the model, closed ones too. */
  count(model: string): number {
    return (this.#models.get(model)?.entries.size ?? 0) + (this.#closed.get(model)?.size ?? 0);
  }

  /** @param key of `groupKey` */
  group(model: string, key: string): Group | undefined {
    return this.#models.get(model)?.groups.get(key);
  }

  /** The row of a node; undefined when it is not here, or closed. */
  entry(model: string, nodeId: string): number | undefined {
    return this.#models.get(model)?.entries.get(nodeId);
  }

  groupOfEntry(entry: number): Group {
    return this.#groups[entry]!;
  }

  /** Opens what was closed until now. Looks only when one of them is due. */
  wake(now: number): void {
    if (now < this.#opensAt) return;
    this.#opensAt = Infinity;
    for (const [model, views] of [...this.#closed]) {
      for (const view of [...views.values()]) {
        const { closedUntil = 0 } = view;
        if (closedUntil <= now) this.put(model, { ...view, closedUntil: 0 });
        else this.#opensAt = Math.min(this.#opensAt, closedUntil);
      }
    }
  }

  /** Nodes with the model that are closed, the longest closed first. */
  closed(model: string, limit: number): NodeView[] {
    const closed: NodeView[] = [];
    for (const view of this.#closed.get(model)?.values() ?? []) {
      if (closed.push(view) >= limit) break;
    }
    return closed;
  }

  /** From where nearness counts; null for home, from where everything is known as it is seen. */
  fromOf({ place }: RouteAsk): Unit | null {
    return place === null || this.#isHome(place) ? null : unitOf(place);
  }

  /** Rows, best first. */
  search(quest: Quest): number[] {
    return this.#search.run(quest);
  }

  /** What a row is predicted to take, in its parts. */
  candidate(entry: number, ask: RouteAsk): Candidate {
    const { numbers, ids } = this.table;
    const at = entry * COLUMNS;
    const networkMs = this.#search.networkOf(entry, this.fromOf(ask));
    const queueMs = numbers[at + (ask.tier === 'batch' ? BATCH_QUEUE : QUEUE)]!;
    const serviceMs = numbers[at + BASE]! + numbers[at + PER_TOKEN]! * ask.tokens;
    const loadMs = numbers[at + LOAD]!;
    const penaltyMs = numbers[at + PENALTY]!;
    const totalMs = networkMs + queueMs + serviceMs + loadMs + penaltyMs;
    const { pool } = this.groupOfEntry(entry);
    return { id: ids[entry]!, pool, networkMs, queueMs, serviceMs, loadMs, penaltyMs, totalMs };
  }

  /** Of its arrays: what it takes beside the nodes' ids. */
  get bytes(): number {
    return this.table.bytes + this.cells.bytes;
  }

  #isHome({ latitude, longitude }: Place): boolean {
    return this.home?.latitude === latitude && this.home.longitude === longitude;
  }

  #putOpen(model: string, view: NodeView): void {
    this.#uncloseIfClosed(model, view.id);
    const fleet = this.#models.get(model);
    const entry = fleet?.entries.get(view.id);
    const flags = this.#writeRow(view);
    if (fleet !== undefined && entry !== undefined) {
      const group = fleet.groups.get(groupKey(view));
      if (group !== undefined && this.#groups[entry] === group && this.#stays(entry, flags)) {
        this.#change(entry, group, flags);
        return;
      }
      this.#take(model, fleet, view.id, entry);
    }
    this.#insert(this.#fleetOf(model), view, flags);
  }

  #close(model: string, view: NodeView, until: number): void {
    this.#removeOpen(model, view.id);
    const closed = this.#closed.get(model) ?? new Map<string, NodeView>();
    closed.set(view.id, view);
    this.#closed.set(model, closed);
    this.#opensAt = Math.min(this.#opensAt, until);
  }

  #uncloseIfClosed(model: string, id: string): void {
    if (this.#closed.size === 0) return;
    const closed = this.#closed.get(model);
    if (closed?.delete(id) && closed.size === 0) this.#closed.delete(model);
  }

  #removeOpen(model: string, nodeId: string): void {
    const fleet = this.#models.get(model);
    const entry = fleet?.entries.get(nodeId);
    if (fleet && entry !== undefined) this.#take(model, fleet, nodeId, entry);
  }

  #fleetOf(model: string): ModelFleet {
    const known = this.#models.get(model);
    if (known) return known;
    const made = { entries: new Map<string, number>(), groups: new Map<string, Group>() };
    this.#models.set(model, made);
    return made;
  }

  #groupOf({ groups }: ModelFleet, view: NodeView): Group {
    const key = groupKey(view);
    const known = groups.get(key);
    if (known) return known;
    const { cells } = this;
    const empty = { count: 0, room: 0, batchRoom: 0 };
    const made = { pool: view.pool, globe: cells.globe(), nowhere: cells.nowhere(), ...empty };
    groups.set(key, made);
    return made;
  }

  /** @returns the flags of the row */
  #writeRow(view: NodeView): number {
    const { queueMs, loadMs, penaltyMs, baseMs, perThousandMs } = costsOf(view);
    const row = this.#row.fill(0);
    row[QUEUE] = queueMs;
    row[BATCH_QUEUE] = costsOf(asBatch(view)).queueMs;
    row[LOAD] = loadMs;
    row[PENALTY] = penaltyMs;
    row[BASE] = baseMs;
    row[PER_TOKEN] = perThousandMs / 1000;
    row[SEEN] = view.rttMs === 0 ? UNMEASURED_MS : view.rttMs;
    const room = view.inFlight < view.slots && !isFailing(view) ? HAS_ROOM : 0;
    const batchRoom = view.batchRoom > 0 && !isFailing(view) ? HAS_BATCH_ROOM : 0;
    return room | batchRoom | this.#writePlace(view);
  }

  /** Without a home, what was measured says more than any place: the run goes through this gateway. */
  #writePlace({ place, rttMs }: NodeView): number {
    const { home } = this;
    if (place === null || (home === null && rttMs > 0)) return 0;
    const { x, y, z } = unitOf(place);
    const row = this.#row;
    row[X] = x;
    row[Y] = y;
    row[Z] = z;
    const fromHome = home === null ? UNMEASURED_MS : rttOfKm(distanceKm(home, place));
    row[FROM_HOME] = fromHome;
    if (rttMs === 0) row[SEEN] = fromHome;
    return PLACED;
  }

  #stays(entry: number, flags: number): boolean {
    const { numbers, flags: before } = this.table;
    const at = entry * COLUMNS;
    const row = this.#row;
    const same = numbers[at + X] === row[X] && numbers[at + Y] === row[Y] && numbers[at + Z] === row[Z];
    return same && (before[entry]! & PLACED) === (flags & PLACED);
  }

  #change(entry: number, group: Group, flags: number): void {
    const { table } = this;
    const before = table.flags[entry]!;
    if (before === flags && this.#isSame(entry)) return;
    this.#count(group, before, -1);
    this.#count(group, flags, 1);
    this.#order.change(entry, () => {
      table.numbers.set(this.#row, entry * COLUMNS);
      table.flags[entry] = flags;
    });
  }

  #isSame(entry: number): boolean {
    const { numbers } = this.table;
    for (let column = 0; column < COLUMNS; column++) {
      if (numbers[entry * COLUMNS + column] !== this.#row[column]) return false;
    }
    return true;
  }

  #insert(fleet: ModelFleet, view: NodeView, flags: number): void {
    const group = this.#groupOf(fleet, view);
    this.#count(group, flags, 1);
    group.count++;
    this.#write(fleet, group, view.id, this.#row, flags);
  }

  #take(model: string, fleet: ModelFleet, id: string, entry: number): void {
    const group = this.#groups[entry]!;
    this.#order.remove(entry);
    this.#count(group, this.table.flags[entry]!, -1);
    group.count--;
    this.#groups[entry] = undefined;
    fleet.entries.delete(id);
    this.table.giveBack(entry);
    if (group.count === 0) this.#forget(fleet, group);
    if (fleet.entries.size === 0) this.#models.delete(model);
    if (this.table.isSparse) this.#makeAnew();
  }

  /** Gives memory back: where a million nodes were a thousand are left. */
  #makeAnew(): void {
    const { table: before } = this;
    const groups = this.#groups;
    this.table = new FleetTable();
    this.cells = new Cells(this.home);
    this.#order = new CellOrder(this.table, this.cells);
    this.#search = new Search(this.table, this.cells);
    this.#groups = [];
    for (const fleet of this.#models.values()) {
      for (const group of fleet.groups.values()) {
        group.globe = this.cells.globe();
        group.nowhere = this.cells.nowhere();
      }
      for (const [id, entry] of fleet.entries) {
        const row = before.numbers.subarray(entry * COLUMNS, (entry + 1) * COLUMNS);
        this.#write(fleet, groups[entry]!, id, row, before.flags[entry]!);
      }
    }
  }

  #write({ entries }: ModelFleet, group: Group, id: string, row: Float32Array, flags: number): void {
    const { table } = this;
    const entry = table.take(id);
    table.numbers.set(row, entry * COLUMNS);
    table.flags[entry] = flags;
    entries.set(id, entry);
    this.#groups[entry] = group;
    this.#order.insert(flags & PLACED ? group.globe : group.nowhere, entry);
  }

  #forget({ groups }: ModelFleet, group: Group): void {
    this.cells.forget(group.globe);
    this.cells.forget(group.nowhere);
    for (const [key, one] of groups) if (one === group) groups.delete(key);
  }

  #count(group: Group, flags: number, by: number): void {
    if (flags & HAS_ROOM) group.room += by;
    if (flags & HAS_BATCH_ROOM) group.batchRoom += by;
  }
}

/** Where a node stands among those that have its model. */
export function groupKey({ pool, organizationId, trust }: NodeViewKey): string {
  if (pool === 'organization') return `organization ${organizationId}`;
  if (pool === 'public' && trust !== 'earned' && trust !== 'vouched') return PROBATION;
  return pool;
}

type NodeViewKey = Pick<NodeView, 'pool' | 'organizationId' | 'trust'>;

/** Strangers whose answers are checked before they leave. */
export const PROBATION = 'public on probation';
