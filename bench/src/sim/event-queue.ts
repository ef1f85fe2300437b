/**
 * What happens next: a binary heap of (time, kind, subject). Typed arrays, because a simulation of a million requests
 * pushes and pops several million times; events of one instant come out in the order in which they went in, so that a run
 * can be repeated byte for byte.
 */

const FIRST_CAPACITY = 1024;

export class EventQueue {
  /** Of the event taken last. */
  time = 0;
  kind = 0;
  subject = 0;
  #times = new Float64Array(FIRST_CAPACITY);
  #order = new Float64Array(FIRST_CAPACITY);
  #kinds = new Uint8Array(FIRST_CAPACITY);
  #subjects = new Int32Array(FIRST_CAPACITY);
  #size = 0;
  #pushed = 0;

  get size(): number {
    return this.#size;
  }

  /** @param kind 0 … 255 */
  push(time: number, kind: number, subject: number): void {
    if (this.#size === this.#times.length) this.#grow();
    const order = this.#pushed++;
    let at = this.#size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((this.#times[parent] ?? 0) <= time) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#put(at, time, order, kind, subject);
  }

  /** Takes the next event into `time`, `kind` and `subject`; false when there is none. */
  take(): boolean {
    if (this.#size === 0) return false;
    this.time = this.#times[0] ?? 0;
    this.kind = this.#kinds[0] ?? 0;
    this.subject = this.#subjects[0] ?? 0;
    this.#size--;
    if (this.#size > 0) this.#sink(this.#size);
    return true;
  }

  /** The last one looks for its place from the top. */
  #sink(last: number): void {
    const time = this.#times[last] ?? 0;
    const order = this.#order[last] ?? 0;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#size) break;
      if (child + 1 < this.#size && this.#isBefore(child + 1, child)) child++;
      const childTime = this.#times[child] ?? 0;
      if (time < childTime || (time === childTime && order < (this.#order[child] ?? 0))) break;
      this.#move(child, at);
      at = child;
    }
    this.#put(at, time, order, this.#kinds[last] ?? 0, this.#subjects[last] ?? 0);
  }

  #isBefore(a: number, b: number): boolean {
    const between = (this.#times[a] ?? 0) - (this.#times[b] ?? 0);
    return between < 0 || (between === 0 && (this.#order[a] ?? 0) < (this.#order[b] ?? 0));
  }

  #move(from: number, to: number): void {
    this.#put(
      to,
      this.#times[from] ?? 0,
      this.#order[from] ?? 0,
      this.#kinds[from] ?? 0,
      this.#subjects[from] ?? 0,
    );
  }

  #put(at: number, time: number, order: number, kind: number, subject: number): void {
    this.#times[at] = time;
    this.#order[at] = order;
    this.#kinds[at] = kind;
    this.#subjects[at] = subject;
  }

  #grow(): void {
    const capacity = this.#times.length * 2;
    const grown = { times: this.#times, order: this.#order, kinds: this.#kinds, subjects: this.#subjects };
    this.#times = new Float64Array(capacity);
    this.#order = new Float64Array(capacity);
    this.#kinds = new Uint8Array(capacity);
    this.#subjects = new Int32Array(capacity);
    this.#times.set(grown.times);
    this.#order.set(grown.order);
    this.#kinds.set(grown.kinds);
    this.#subjects.set(grown.subjects);
  }
}
