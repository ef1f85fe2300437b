/** A stretch of a text that something was found in. Offsets are UTF-16 code units of the text as sent. */
export interface Span {
  readonly start: number;
  /** Behind the last character. */
  readonly end: number;
  readonly label: string;
  /** 0 to 1: how sure the recogniser is. */
  readonly score: number;
}

/** Without spans that overlap a better one; in the order of the text. Of equal scores the longer, then the earlier wins. */
export function withoutOverlaps<T extends Span>(spans: readonly T[]): T[] {
  const byScore = [...spans].sort(
    (a, b) => b.score - a.score || b.end - b.start - (a.end - a.start) || a.start - b.start,
  );
  const kept = new SpanSet<T>();
  for (const span of byScore) kept.add(span);
  return kept.inOrder();
}

/** Spans without overlaps, sorted by place. */
class SpanSet<T extends Span> {
  readonly #taken = new Map<number, T[]>();
  readonly #all: T[] = [];

  /** Adds the span unless one that is there overlaps it. */
  add(span: T): void {
    const last = Math.max(span.start, span.end - 1);
    for (let cell = cellOf(span.start); cell <= cellOf(last); cell++) {
      for (const other of this.#taken.get(cell) ?? []) {
        if (other.start < span.end && span.start < other.end) return;
      }
    }
    for (let cell = cellOf(span.start); cell <= cellOf(last); cell++) {
      const cells = this.#taken.get(cell);
      if (cells) cells.push(span);
      else this.#taken.set(cell, [span]);
    }
    this.#all.push(span);
  }

  inOrder(): T[] {
    return this.#all.sort((a, b) => a.start - b.start);
  }
}

/** Spans are looked up by cells of so many characters, so that a long text costs no more per span than a short one. */
const CELL_BITS = 6;

function cellOf(at: number): number {
  return at >> CELL_BITS;
}
