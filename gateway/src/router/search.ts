/**
 * Looks for the best nodes of some groups: cells by what the best in them could be, nearest to the truth first, until no
 * cell left can beat what was found. What it looks at is bounded, so that a choice takes as long in any fleet.
 */
import { type Cells, type Crowd, LEASTS, NONE } from './cells.ts';
import { edgeOf, NO_BUCKET } from './cost-buckets.ts';
import { angleBetween, EARTH_KM, RTT_BASE_MS, RTT_MS_PER_KM, type Unit } from './distance.ts';
import {
  BASE,
  BATCH_QUEUE,
  COLUMNS,
  type FleetTable,
  FROM_HOME,
  HAS_BATCH_ROOM,
  LENGTHS,
  LOAD,
  ORDERS,
  PENALTY,
  PER_TOKEN,
  PLACED,
  QUEUE,
  SEEN,
  X,
  Y,
  Z,
} from './fleet-table.ts';

export interface Quest {
  /** Cells without parent to look in. */
  readonly roots: readonly number[];
  readonly tokens: number;
  /** Null counts the ways as they are seen from home. */
  readonly from: Unit | null;
  readonly batch: boolean;
  /** Which nodes: those with room for batch runs, those without, or all. */
  readonly shelves: 'room' | 'none' | 'all';
  readonly limit: number;
  readonly random: () => number;
  /** Rows that are not looked for. */
  readonly except: ReadonlySet<number>;
}

/** Cells and buckets that are looked into at most: what a choice may take, 100 µs, is what this many do. */
const MAX_LOOKS = 64;
/** Nodes that are weighed exactly at most, for the same reason. */
const MAX_WEIGHED = 1000;
/** Nodes of one bucket that are weighed exactly; they differ by 3 %, and by where in their cell they stand. */
const SAMPLE = 8;
/** What is left unsearched could be better by this. */
const NEAR_ENOUGH = 1.02;
/** Nodes this near each other are equals, and chance picks among them. */
const EQUAL = 0.01;
/** In the middle of what the logarithm below gives: chance decides between cells, not rounding. */
const RACE_SCALE = 1e-3;
/** Looks times children, with room: the heap never holds more. */
const CAPACITY = 4096;

/** One for each index: its arrays are used again by every search, which is over before the next begins. */
export class Search {
  readonly #table: FleetTable;
  readonly #cells: Cells;
  readonly #keys = new Float64Array(CAPACITY);
  readonly #items = new Int32Array(CAPACITY);
  /** Of each item: its cell, the shelf of a crowd or NONE, and the buckets that are next. */
  readonly #cell = new Int32Array(CAPACITY);
  readonly #shelf = new Int32Array(CAPACITY);
  readonly #low = new Int32Array(CAPACITY);
  readonly #high = new Int32Array(CAPACITY);
  #size = 0;
  #made = 0;
  #weighed = 0;
  /** No way is shorter than as seen from home by more than what lies between the two. */
  #shortest = 0;
  #found: number[] = [];
  #foundKeys: number[] = [];
  #quest: Quest = NO_QUEST;
  #lowOrder = 0;
  #highOrder = 0;
  /** How far the ask's tokens are on the way between the two lengths. */
  #between = 0;
  #firstShelf = 0;
  #lastShelf = 0;

  constructor(table: FleetTable, cells: Cells) {
    this.#table = table;
    this.#cells = cells;
  }

  /** Rows, best first. */
  run(quest: Quest): number[] {
    this.#begin(quest);
    for (const root of quest.roots) if (this.#cells.count[root]! > 0) this.#push(root);
    for (let looks = 0; looks < MAX_LOOKS && this.#size > 0; looks++) {
      if (this.#keys[0]! * NEAR_ENOUGH >= this.#worst || this.#weighed > MAX_WEIGHED) break;
      this.#look(this.#pop());
    }
    return this.#found;
  }

  /** What a row's way is, as this ask sees it. */
  networkOf(entry: number, from: Unit | null): number {
    const { numbers, flags } = this.#table;
    const at = entry * COLUMNS;
    const seen = numbers[at + SEEN]!;
    if (from === null || !(flags[entry]! & PLACED)) return seen;
    const node = { x: numbers[at + X]!, y: numbers[at + Y]!, z: numbers[at + Z]! };
    const ms = RTT_BASE_MS + angleBetween(from, node) * EARTH_KM * RTT_MS_PER_KM;
    return Math.max(0, ms + seen - numbers[at + FROM_HOME]!);
  }

  #begin(quest: Quest): void {
    this.#quest = quest;
    this.#size = 0;
    this.#made = 0;
    this.#weighed = 0;
    this.#shortest = quest.from === null ? 0 : this.#cells.nearestSeen(quest.from);
    this.#found = [];
    this.#foundKeys = [];
    this.#firstShelf = quest.shelves === 'none' ? ORDERS : 0;
    this.#lastShelf = quest.shelves === 'room' ? 0 : ORDERS;
    const above = LENGTHS.findIndex((length) => length >= quest.tokens);
    this.#highOrder = above === -1 ? ORDERS - 1 : above;
    this.#lowOrder = above === -1 ? ORDERS - 1 : Math.max(0, above - 1);
    const low = LENGTHS[this.#lowOrder]!;
    const high = LENGTHS[this.#highOrder]!;
    this.#between = high === low ? 0 : (quest.tokens - low) / (high - low);
  }

  get #worst(): number {
    return this.#foundKeys.length < this.#quest.limit ? Infinity : this.#foundKeys.at(-1)!;
  }

  #look(item: number): void {
    const cells = this.#cells;
    const cell = this.#cell[item]!;
    const shelf = this.#shelf[item]!;
    if (shelf !== NONE) this.#lookInBuckets(cell, shelf, item);
    else if (cells.isCut(cell)) this.#lookBelow(cell);
    else this.#lookInList(cell);
  }

  #lookBelow(cell: number): void {
    const cells = this.#cells;
    const { children } = cells;
    const from = cells.block[cell]!;
    const to = from + cells.fanout(cell);
    for (let slot = from; slot < to; slot++) {
      const child = children[slot]!;
      if (child !== NONE) this.#push(child);
    }
  }

  #lookInList(cell: number): void {
    const { next } = this.#table;
    for (let entry = this.#cells.head[cell]!; entry !== NONE; entry = next[entry]!) this.#weigh(entry);
  }

  /** A bucket of each of the two orders: whoever is in neither costs at least what lies between the next two. */
  #lookInBuckets(cell: number, shelf: number, item: number): void {
    const crowd = this.#cells.crowds.get(cell)!;
    const low = crowd[shelf + this.#lowOrder]!;
    const high = crowd[shelf + this.#highOrder]!;
    this.#sample(low.members(this.#low[item]!));
    if (this.#between > 0) this.#sample(high.members(this.#high[item]!));
    const nextLow = low.next(this.#low[item]! + 1);
    const nextHigh = high.next(this.#high[item]! + 1);
    if (nextLow === NO_BUCKET || nextHigh === NO_BUCKET) return;
    this.#pushBuckets(cell, shelf, nextLow, nextHigh);
  }

  #sample(members: readonly number[]): void {
    const { length } = members;
    if (length <= SAMPLE) {
      for (const entry of members) this.#weigh(entry);
      return;
    }
    const { random } = this.#quest;
    for (let i = 0; i < SAMPLE; i++) this.#weigh(members[Math.floor(random() * length)]!);
  }

  /** Weighs a node exactly, and keeps it if it is among the best so far. */
  #weigh(entry: number): void {
    this.#weighed++;
    const { numbers, flags } = this.#table;
    const { tokens, batch, shelves, from, limit, random, except } = this.#quest;
    if (shelves !== 'all' && (shelves === 'room') !== Boolean(flags[entry]! & HAS_BATCH_ROOM)) return;
    if (except.size > 0 && except.has(entry)) return;
    const at = entry * COLUMNS;
    const own =
      numbers[at + (batch ? BATCH_QUEUE : QUEUE)]! +
      numbers[at + LOAD]! +
      numbers[at + PENALTY]! +
      numbers[at + BASE]! +
      numbers[at + PER_TOKEN]! * tokens;
    if (own >= this.#worst) return;
    const total = own + this.networkOf(entry, from);
    const key = total * (1 + EQUAL * random());
    if (key < this.#worst && !this.#found.includes(entry)) this.#keep(entry, key, limit);
  }

  #keep(entry: number, key: number, limit: number): void {
    const keys = this.#foundKeys;
    let at = keys.length;
    while (at > 0 && keys[at - 1]! > key) at--;
    keys.splice(at, 0, key);
    this.#found.splice(at, 0, entry);
    if (keys.length <= limit) return;
    keys.pop();
    this.#found.pop();
  }

  #push(cell: number): void {
    const crowd = this.#cells.crowds.get(cell);
    if (!crowd) {
      this.#add(cell, NONE, 0, 0, this.#leastIn(cell));
      return;
    }
    for (let shelf = this.#firstShelf; shelf <= this.#lastShelf; shelf += ORDERS) {
      this.#pushCrowd(cell, crowd, shelf);
    }
  }

  #pushCrowd(cell: number, crowd: Crowd, shelf: number): void {
    const low = crowd[shelf + this.#lowOrder]!.next(0);
    if (low === NO_BUCKET) return;
    this.#pushBuckets(cell, shelf, low, crowd[shelf + this.#highOrder]!.next(0));
  }

  #pushBuckets(cell: number, shelf: number, low: number, high: number): void {
    const least = edgeOf(low) + this.#between * (edgeOf(high) - edgeOf(low));
    this.#add(cell, shelf, low, high, least);
  }

  /** The least that a node in the cell can cost for so many tokens. */
  #leastIn(cell: number): number {
    const { least } = this.#cells;
    let lowest = Infinity;
    for (let shelf = this.#firstShelf; shelf <= this.#lastShelf; shelf += ORDERS) {
      const low = least[cell * LEASTS + shelf + this.#lowOrder]!;
      if (low === Infinity) continue;
      const high = least[cell * LEASTS + shelf + this.#highOrder]!;
      lowest = Math.min(lowest, low + this.#between * (high - low));
    }
    return lowest;
  }

  #add(cell: number, shelf: number, low: number, high: number, least: number): void {
    if (least === Infinity || this.#made === CAPACITY) return;
    const cells = this.#cells;
    const { from, random } = this.#quest;
    const far = from !== null && !cells.isNowhere(cell);
    const way = far ? Math.max(this.#shortest, cells.nearest(cell, from)) : 0;
    const bound = Math.max(0, least + way);
    if (bound >= this.#worst) return;
    // Among cells that are alike the one with more nodes comes first more often: each node has the same chance.
    const race = -Math.log(1 - random()) / cells.count[cell]!;
    const item = this.#made++;
    this.#cell[item] = cell;
    this.#shelf[item] = shelf;
    this.#low[item] = low;
    this.#high[item] = high;
    this.#rise(item, bound * (1 + (EQUAL * race) / (race + RACE_SCALE)));
  }

  #rise(item: number, key: number): void {
    const keys = this.#keys;
    const items = this.#items;
    let at = this.#size++;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (keys[above]! <= key) break;
      keys[at] = keys[above]!;
      items[at] = items[above]!;
      at = above;
    }
    keys[at] = key;
    items[at] = item;
  }

  #pop(): number {
    const keys = this.#keys;
    const items = this.#items;
    const top = items[0]!;
    const key = keys[--this.#size]!;
    const item = items[this.#size]!;
    const size = this.#size;
    let at = 0;
    for (let below = 1; below < size; below = 2 * at + 1) {
      if (below + 1 < size && keys[below + 1]! < keys[below]!) below++;
      if (keys[below]! >= key) break;
      keys[at] = keys[below]!;
      items[at] = items[below]!;
      at = below;
    }
    keys[at] = key;
    items[at] = item;
    return top;
  }
}

const NO_QUEST: Quest = {
  roots: [],
  tokens: 0,
  from: null,
  batch: false,
  shelves: 'all',
  limit: 0,
  random: () => 0,
  except: new Set(),
};
