/**
 * The globe cut into cells, each cell with many nodes into 16 smaller ones, down to about 20 km: the round trip across one
 * differs by less than half a millisecond. Every cell knows the least cost within, so that a search looks only where the best can be.
 */
import type { Place } from '@zerogpu/protocol';
import { CostBuckets } from './cost-buckets.ts';
import {
  angleBetween,
  EARTH_KM,
  RTT_BASE_MS,
  RTT_MS_PER_KM,
  UNMEASURED_MS,
  type Unit,
  unitOf,
} from './distance.ts';
import { floats, grown, integers, ORDERS } from './fleet-table.ts';

/** Of each cell: least costs of nodes with room for batch runs, by order of length; then of the others. */
const SHELVES = 2;
export const LEASTS = SHELVES * ORDERS;
export const NONE = -1;

/** The whole globe has 8 by 4 children of 45°, every other cell 4 by 4. */
const DEEPEST = 5;
const FANOUT = 4;
const ROOT_COLUMNS = 8;
const ROOT_DEGREES = 45;
const CHILDREN = 32;

const CENTRE_COLUMNS = 5;
const RADIUS = 3;
const FAR_FROM_HOME = 4;
/** Nodes stand in single precision, and a box on a globe is no circle. */
const RADIUS_SLACK = 1.01;
const RADIUS_MARGIN = 1e-5;
const DEGREES = 180 / Math.PI;

const FIRST_CAPACITY = 64;

/** A cell of at most this many is searched one by one, and one of more is cut or, at its smallest, ordered by cost. */
export const CROWD = 48;

/** Nodes of one cell in order of their cost, for each shelf and each length. */
export type Crowd = readonly CostBuckets[];

export class Cells {
  least = floats(FIRST_CAPACITY * LEASTS).fill(Infinity);
  parent = integers(FIRST_CAPACITY);
  count = integers(FIRST_CAPACITY);
  /** First row of a cell that is neither cut nor a crowd. */
  head = integers(FIRST_CAPACITY);
  /** Where its children stand in `children`; NONE while it is not cut. */
  block = integers(FIRST_CAPACITY).fill(NONE);
  children = integers(CHILDREN);
  readonly crowds = new Map<number, Crowd>();
  #centre = floats(FIRST_CAPACITY * CENTRE_COLUMNS);
  /** Level, column and row of its box. */
  #box = integers(FIRST_CAPACITY * 3);
  #used = 0;
  #blocks = 0;
  readonly #free: number[] = [];
  readonly #freeBlocks: number[] = [];
  readonly #home: Unit | null;

  constructor(home: Place | null) {
    this.#home = home && unitOf(home);
  }

  /** The globe, for one group of nodes. */
  globe(): number {
    return this.#take(NONE, 0, 0, 0);
  }

  /** A cell for those whose place nobody knows: it has no box, and cannot be cut. */
  nowhere(): number {
    return this.#take(NONE, DEEPEST, NONE, NONE);
  }

  isNowhere(cell: number): boolean {
    return this.#box[cell * 3 + 1] === NONE;
  }

  isCut(cell: number): boolean {
    return this.block[cell] !== NONE;
  }

  mayBeCut(cell: number): boolean {
    return this.#box[cell * 3]! < DEEPEST;
  }

  cut(cell: number): void {
    this.head[cell] = NONE;
    this.block[cell] = this.#takeBlock();
  }

  crowd(cell: number): Crowd {
    const crowd = Array.from({ length: LEASTS }, () => new CostBuckets());
    this.head[cell] = NONE;
    this.crowds.set(cell, crowd);
    return crowd;
  }

  /** The child of a cut cell in whose box a node stands, made when there is none yet. */
  childAt(cell: number, { x, y, z }: Unit): number {
    const level = this.#box[cell * 3]!;
    const size = degreesOf(level + 1);
    const across = level === 0 ? ROOT_COLUMNS : FANOUT;
    const east = Math.atan2(y, x) * DEGREES + 180;
    const north = Math.asin(Math.max(-1, Math.min(1, z))) * DEGREES + 90;
    const column = within(Math.floor(east / size), this.#box[cell * 3 + 1]! * across, across);
    const row = within(Math.floor(north / size), this.#box[cell * 3 + 2]! * FANOUT, FANOUT);
    const slot = this.block[cell]! + (row % FANOUT) * across + (column % across);
    const child = this.children[slot]!;
    if (child !== NONE) return child;
    const made = this.#take(cell, level + 1, column, row);
    this.children[slot] = made;
    return made;
  }

  /**
   * Forgets an empty cell, and those above it that are empty by that; never a root.
   * @returns the last that is left
   */
  prune(from: number): number {
    let cell = from;
    while (this.count[cell] === 0 && this.parent[cell] !== NONE) {
      const parent = this.parent[cell]!;
      const block = this.block[parent]!;
      const slot = this.children.indexOf(cell, block);
      this.children[slot] = NONE;
      this.#giveBack(cell);
      cell = parent;
    }
    if (this.count[cell] === 0) this.#clear(cell);
    return cell;
  }

  /** How many children a cell can have. */
  fanout(cell: number): number {
    return this.#box[cell * 3] === 0 ? CHILDREN : FANOUT * FANOUT;
  }

  /** The least of a cut cell, as its children have it. */
  leastOfChildren(cell: number, which: number): number {
    const { children, least } = this;
    const block = this.block[cell]!;
    const many = this.fanout(cell);
    let lowest = Infinity;
    for (let slot = block; slot < block + many; slot++) {
      const child = children[slot]!;
      if (child !== NONE) lowest = Math.min(lowest, least[child * LEASTS + which]!);
    }
    return lowest;
  }

  /** Notes a new least of a cell, and what follows from it above. */
  setLeast(cell: number, which: number, value: number): void {
    const { least, parent } = this;
    let now = Math.fround(value);
    for (let at = cell; at !== NONE; at = parent[at]!) {
      const before = least[at * LEASTS + which]!;
      if (before === now) return;
      least[at * LEASTS + which] = now;
      const above = parent[at]!;
      if (above === NONE) return;
      const leastAbove = least[above * LEASTS + which]!;
      if (now < leastAbove) continue;
      if (before > leastAbove) return;
      now = this.leastOfChildren(above, which);
    }
  }

  /** Forgets a root that is empty. */
  forget(root: number): void {
    this.#giveBack(root);
  }

  /** The least round trip to a node in the cell, beyond what nodes have of it in their cost. */
  nearest(cell: number, from: Unit): number {
    const at = cell * CENTRE_COLUMNS;
    const centre = this.#centre;
    const square =
      (centre[at]! - from.x) ** 2 + (centre[at + 1]! - from.y) ** 2 + (centre[at + 2]! - from.z) ** 2;
    const angle = 2 * Math.asin(Math.min(1, Math.sqrt(square) / 2)) - centre[at + RADIUS]!;
    const km = angle > 0 ? angle * EARTH_KM : 0;
    return RTT_BASE_MS + km * RTT_MS_PER_KM - centre[at + FAR_FROM_HOME]!;
  }

  /** What no way can be shorter by than it is seen from home, wherever the node is: two sides of a triangle and the third. */
  nearestSeen(from: Unit): number {
    if (this.#home === null) return -UNMEASURED_MS;
    return -angleBetween(from, this.#home) * EARTH_KM * RTT_MS_PER_KM;
  }

  get bytes(): number {
    const arrays = [this.least, this.parent, this.count, this.head, this.block, this.children];
    return [...arrays, this.#centre, this.#box].reduce((sum, array) => sum + array.byteLength, 0);
  }

  #take(parent: number, level: number, column: number, row: number): number {
    const cell = this.#free.pop() ?? this.#used++;
    if (cell >= this.parent.length) this.#grow();
    this.parent[cell] = parent;
    this.#box.set([level, column, row], cell * 3);
    this.#measure(cell, level, column, row);
    this.count[cell] = 0;
    this.#clear(cell);
    return cell;
  }

  #clear(cell: number): void {
    this.least.fill(Infinity, cell * LEASTS, (cell + 1) * LEASTS);
    this.head[cell] = NONE;
    if (this.block[cell] !== NONE) this.#freeBlocks.push(this.block[cell]!);
    this.block[cell] = NONE;
    this.crowds.delete(cell);
  }

  #giveBack(cell: number): void {
    this.#clear(cell);
    this.#free.push(cell);
  }

  #takeBlock(): number {
    const block = this.#freeBlocks.pop() ?? this.#blocks++ * CHILDREN;
    if (block + CHILDREN > this.children.length)
      this.children = grown(this.children, integers, this.children.length * 2);
    this.children.fill(NONE, block, block + CHILDREN);
    return block;
  }

  /** Around its box: the middle, the angle within which all of it lies, and the round trip from home to its far side. */
  #measure(cell: number, level: number, column: number, row: number): void {
    const size = degreesOf(level);
    const west = column * size - 180;
    const south = row * (level === 0 ? 180 : size) - 90;
    const high = level === 0 ? 180 : size;
    const middle = unitOf({ latitude: south + high / 2, longitude: west + size / 2 });
    let radius = level === 0 ? Math.PI : 0;
    for (const latitude of [south, south + high / 2, south + high])
      for (const longitude of [west, west + size / 2])
        radius = Math.max(radius, angleBetween(middle, unitOf({ latitude, longitude })));
    radius = radius * RADIUS_SLACK + RADIUS_MARGIN;
    const far = this.#home === null ? UNMEASURED_MS : farthest(angleBetween(this.#home, middle) + radius);
    this.#centre.set([middle.x, middle.y, middle.z, radius, far], cell * CENTRE_COLUMNS);
  }

  #grow(): void {
    const to = this.parent.length * 2;
    const before = this.least.length;
    this.least = grown(this.least, floats, to * LEASTS).fill(Infinity, before);
    this.parent = grown(this.parent, integers, to);
    this.count = grown(this.count, integers, to);
    this.head = grown(this.head, integers, to);
    const cells = this.block.length;
    this.block = grown(this.block, integers, to).fill(NONE, cells);
    this.#centre = grown(this.#centre, floats, to * CENTRE_COLUMNS);
    this.#box = grown(this.#box, integers, to * 3);
  }
}

/** How wide a cell of a level is, and but for the globe as high. */
function degreesOf(level: number): number {
  return level === 0 ? 360 : ROOT_DEGREES / FANOUT ** (level - 1);
}

/** The east end of the last box, and what single precision puts past a border, belong to the box. */
function within(index: number, first: number, many: number): number {
  return Math.max(first, Math.min(first + many - 1, index));
}

function farthest(angle: number): number {
  return RTT_BASE_MS + Math.min(Math.PI, angle) * EARTH_KM * RTT_MS_PER_KM;
}
