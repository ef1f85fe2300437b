/** What is known of each node and model, as numbers in a row of its own: a million views as objects would be 400 MB. */

/** The columns of a row. */
export const X = 0;
export const Y = 1;
export const Z = 2;
/** The network's part as seen from home, or wherever the ask comes from for a node without a place. */
export const SEEN = 3;
/** What the distance to home makes likely. */
export const FROM_HOME = 4;
export const QUEUE = 5;
/** The same for a batch run, which waits behind those that wait already. */
export const BATCH_QUEUE = 6;
export const LOAD = 7;
export const PENALTY = 8;
export const BASE = 9;
export const PER_TOKEN = 10;
export const COLUMNS = 11;

/** The lengths of input, in tokens, for which nodes are kept in order: a prediction is a straight line between two of them. */
export const LENGTHS = [0, 512, 8192] as const;
export const ORDERS = LENGTHS.length;

/** Bits of a row's flags. */
export const HAS_ROOM = 1;
export const HAS_BATCH_ROOM = 2;
export const PLACED = 4;

const FIRST_CAPACITY = 64;
/** Rows that are made anew at once when memory is given back, in about 20 ms; with more, three quarters must not be used for long. */
const MOST_MADE_ANEW = 8192;

export class FleetTable {
  numbers = new Float32Array(FIRST_CAPACITY * COLUMNS);
  flags = new Uint8Array(FIRST_CAPACITY);
  /** The cell in which a row stands, and its neighbours in the list of that cell. */
  cell = new Int32Array(FIRST_CAPACITY);
  next = new Int32Array(FIRST_CAPACITY);
  previous = new Int32Array(FIRST_CAPACITY);
  /** In crowded cells: bucket and position there, for each order. */
  bucket = new Int16Array(FIRST_CAPACITY * ORDERS);
  position = new Int32Array(FIRST_CAPACITY * ORDERS);
  readonly ids: string[] = [];
  readonly #free: number[] = [];

  /** A row for a node; those that were given back come first, so that memory is bounded by the most there ever were at once. */
  take(id: string): number {
    const entry = this.#free.pop() ?? this.ids.length;
    this.ids[entry] = id;
    if (entry >= this.flags.length) this.#grow();
    return entry;
  }

  giveBack(entry: number): void {
    this.ids[entry] = '';
    this.#free.push(entry);
  }

  /** Far more room than is needed, and so little needed that all of it can be made anew. */
  get isSparse(): boolean {
    const used = this.ids.length - this.#free.length;
    const capacity = this.flags.length;
    return capacity > 4 * FIRST_CAPACITY && used <= MOST_MADE_ANEW && used < capacity / 4;
  }

  /** What a run of so many tokens costs there but for the way from where the ask comes from. */
  cost(entry: number, tokens: number): number {
    const { numbers } = this;
    const at = entry * COLUMNS;
    return (
      numbers[at + SEEN]! +
      numbers[at + QUEUE]! +
      numbers[at + LOAD]! +
      numbers[at + PENALTY]! +
      numbers[at + BASE]! +
      numbers[at + PER_TOKEN]! * tokens
    );
  }

  get bytes(): number {
    const arrays = [
      this.numbers,
      this.flags,
      this.cell,
      this.next,
      this.previous,
      this.bucket,
      this.position,
    ];
    return arrays.reduce((sum, array) => sum + array.byteLength, 0);
  }

  #grow(): void {
    const to = this.flags.length * 2;
    this.numbers = grown(this.numbers, floats, to * COLUMNS);
    this.flags = grown(this.flags, (length) => new Uint8Array(length), to);
    this.cell = grown(this.cell, integers, to);
    this.next = grown(this.next, integers, to);
    this.previous = grown(this.previous, integers, to);
    this.bucket = grown(this.bucket, (length) => new Int16Array(length), to * ORDERS);
    this.position = grown(this.position, integers, to * ORDERS);
  }
}

interface Numbers {
  set(from: this): void;
}

/** @param make the same kind of array, with room for more */
export function grown<T extends Numbers>(array: T, make: (length: number) => T, length: number): T {
  const larger = make(length);
  larger.set(array);
  return larger;
}

export const floats = (length: number) => new Float32Array(length);
export const integers = (length: number) => new Int32Array(length);
