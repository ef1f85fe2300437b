/** Keeps rows in their cells, and each cell's least costs true. */
import { type Cells, CROWD, type Crowd, LEASTS, NONE } from './cells.ts';
import { bucketOf } from './cost-buckets.ts';
import { COLUMNS, type FleetTable, floats, HAS_BATCH_ROOM, LENGTHS, ORDERS, X, Y, Z } from './fleet-table.ts';

/** A crowd that is smaller than this is a list again. */
const NO_CROWD = CROWD / 2;

export class CellOrder {
  readonly #table: FleetTable;
  readonly #cells: Cells;
  readonly #before = floats(ORDERS);
  readonly #scan = floats(LEASTS);

  constructor(table: FleetTable, cells: Cells) {
    this.#table = table;
    this.#cells = cells;
  }

  insert(root: number, entry: number): void {
    const cell = this.#put(root, entry, true);
    this.#refresh(cell, entry);
  }

  remove(entry: number): void {
    const cells = this.#cells;
    const cell = this.#table.cell[entry]!;
    const crowd = cells.crowds.get(cell);
    if (crowd) this.#leaveCrowd(crowd, entry);
    else this.#unlink(cell, entry);
    for (let at = cell; at !== NONE; at = cells.parent[at]!) cells.count[at]!--;
    // Before the cells go: above, they are still read.
    this.#rescan(cell);
    if (cells.count[cell] === 0) cells.prune(cell);
    else if (crowd && cells.count[cell]! < NO_CROWD) this.#disperse(cell, crowd);
  }

  /** Around a change of a row's costs and room. */
  change(entry: number, write: () => void): void {
    const table = this.#table;
    const shelf = this.#shelf(entry);
    for (let order = 0; order < ORDERS; order++) this.#before[order] = table.cost(entry, LENGTHS[order]!);
    write();
    const cell = table.cell[entry]!;
    const crowd = this.#cells.crowds.get(cell);
    if (crowd) this.#moveInCrowd(cell, crowd, entry, shelf);
    else this.#moveInList(cell, entry, shelf);
  }

  /**
   * @param comes it was not counted in this cell before
   * @returns the cell in which it stands now
   */
  #put(from: number, entry: number, comes: boolean): number {
    const cells = this.#cells;
    let cell = from;
    if (comes) cells.count[cell]!++;
    while (cells.isCut(cell)) {
      cell = cells.childAt(cell, this.#unit(entry));
      cells.count[cell]!++;
    }
    this.#table.cell[entry] = cell;
    const crowd = cells.crowds.get(cell);
    if (crowd) this.#joinCrowd(crowd, entry);
    else this.#link(cell, entry);
    if (!crowd && cells.count[cell]! > CROWD) this.#divide(cell);
    return this.#table.cell[entry]!;
  }

  #divide(cell: number): void {
    const cells = this.#cells;
    const entries = [...this.#list(cell)];
    if (cells.mayBeCut(cell)) {
      cells.cut(cell);
      for (const entry of entries) this.#refresh(this.#put(cell, entry, false), entry);
      return;
    }
    const crowd = cells.crowd(cell);
    for (const entry of entries) this.#joinCrowd(crowd, entry);
    this.#rescan(cell);
  }

  #disperse(cell: number, crowd: Crowd): void {
    const entries: number[] = [];
    for (let shelf = 0; shelf < LEASTS; shelf += ORDERS) {
      const buckets = crowd[shelf]!;
      for (let at = buckets.next(0); at >= 0; at = buckets.next(at + 1)) entries.push(...buckets.members(at));
    }
    this.#cells.crowds.delete(cell);
    for (const entry of entries) this.#link(cell, entry);
    this.#rescan(cell);
  }

  *#list(cell: number): Iterable<number> {
    for (let entry = this.#cells.head[cell]!; entry !== NONE; entry = this.#table.next[entry]!) yield entry;
  }

  #link(cell: number, entry: number): void {
    const { next, previous } = this.#table;
    const { head } = this.#cells;
    const first = head[cell]!;
    next[entry] = first;
    previous[entry] = NONE;
    if (first !== NONE) previous[first] = entry;
    head[cell] = entry;
  }

  #unlink(cell: number, entry: number): void {
    const { next, previous } = this.#table;
    const before = previous[entry]!;
    const after = next[entry]!;
    if (before === NONE) this.#cells.head[cell] = after;
    else next[before] = after;
    if (after !== NONE) previous[after] = before;
  }

  #joinCrowd(crowd: Crowd, entry: number): void {
    const shelf = this.#shelf(entry);
    for (let order = 0; order < ORDERS; order++) {
      this.#joinBucket(crowd, entry, shelf, order, bucketOf(this.#table.cost(entry, LENGTHS[order]!)));
    }
  }

  #joinBucket(crowd: Crowd, entry: number, shelf: number, order: number, bucket: number): void {
    const { bucket: buckets, position } = this.#table;
    buckets[entry * ORDERS + order] = bucket;
    position[entry * ORDERS + order] = crowd[shelf + order]!.add(entry, bucket);
  }

  #leaveCrowd(crowd: Crowd, entry: number): void {
    const shelf = this.#shelf(entry);
    for (let order = 0; order < ORDERS; order++) this.#leaveBucket(crowd, entry, shelf, order);
  }

  #leaveBucket(crowd: Crowd, entry: number, shelf: number, order: number): void {
    const { bucket, position } = this.#table;
    const at = entry * ORDERS + order;
    const moved = crowd[shelf + order]!.remove(bucket[at]!, position[at]!);
    if (moved !== NONE) position[moved * ORDERS + order] = position[at]!;
  }

  #moveInCrowd(cell: number, crowd: Crowd, entry: number, shelf: number): void {
    const table = this.#table;
    const shelfNow = this.#shelf(entry);
    for (let order = 0; order < ORDERS; order++) {
      const bucket = bucketOf(table.cost(entry, LENGTHS[order]!));
      if (shelf === shelfNow && bucket === table.bucket[entry * ORDERS + order]) continue;
      this.#leaveBucket(crowd, entry, shelf, order);
      this.#joinBucket(crowd, entry, shelfNow, order, bucket);
      this.#cells.setLeast(cell, shelf + order, crowd[shelf + order]!.least);
      if (shelf !== shelfNow) this.#cells.setLeast(cell, shelfNow + order, crowd[shelfNow + order]!.least);
    }
  }

  /** Only where the row had the least, others have to be looked at. */
  #moveInList(cell: number, entry: number, shelf: number): void {
    const table = this.#table;
    const { least } = this.#cells;
    const shelfNow = this.#shelf(entry);
    let wasLeast = false;
    for (let order = 0; order < ORDERS; order++) {
      const before = this.#before[order]!;
      const now = table.cost(entry, LENGTHS[order]!);
      const rises = now > before || shelf !== shelfNow;
      wasLeast ||= rises && before <= least[cell * LEASTS + shelf + order]!;
    }
    if (wasLeast) this.#rescan(cell);
    else this.#refresh(cell, entry);
  }

  /** A row that came, or became cheaper. */
  #refresh(cell: number, entry: number): void {
    const cells = this.#cells;
    const shelf = this.#shelf(entry);
    const crowd = cells.crowds.get(cell);
    for (let order = 0; order < ORDERS; order++) {
      const cost = crowd ? crowd[shelf + order]!.least : this.#table.cost(entry, LENGTHS[order]!);
      if (cost < cells.least[cell * LEASTS + shelf + order]!) cells.setLeast(cell, shelf + order, cost);
    }
  }

  #rescan(cell: number): void {
    const least = this.#scan.fill(Infinity);
    const crowd = this.#cells.crowds.get(cell);
    if (crowd) for (let which = 0; which < LEASTS; which++) least[which] = crowd[which]!.least;
    else this.#scanList(cell, least);
    for (let which = 0; which < LEASTS; which++) this.#cells.setLeast(cell, which, least[which]!);
  }

  #scanList(cell: number, least: Float32Array): void {
    const table = this.#table;
    for (let entry = this.#cells.head[cell]!; entry !== NONE; entry = table.next[entry]!) {
      const shelf = this.#shelf(entry);
      for (let order = 0; order < ORDERS; order++) {
        const cost = table.cost(entry, LENGTHS[order]!);
        if (cost < least[shelf + order]!) least[shelf + order] = cost;
      }
    }
  }

  /** Where its orders begin among a cell's least costs. */
  #shelf(entry: number): number {
    return this.#table.flags[entry]! & HAS_BATCH_ROOM ? 0 : ORDERS;
  }

  #unit(entry: number): { readonly x: number; readonly y: number; readonly z: number } {
    const { numbers } = this.#table;
    const at = entry * COLUMNS;
    return { x: numbers[at + X]!, y: numbers[at + Y]!, z: numbers[at + Z]! };
  }
}
