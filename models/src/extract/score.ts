/** Precision, recall and F1 of spans against gold spans: same place, same label. */
export interface Scored {
  readonly gold: number;
  readonly found: number;
  readonly right: number;
}

export function scoreSpans(
  gold: readonly { start: number; end: number; label: string }[],
  found: readonly { start: number; end: number; label: string }[],
): Scored {
  const keys = new Set(gold.map(({ start, end, label }) => `${start} ${end} ${label}`));
  const right = found.filter(({ start, end, label }) => keys.has(`${start} ${end} ${label}`)).length;
  return { gold: gold.length, found: found.length, right };
}

export function sum(parts: readonly Scored[]): Scored {
  const total = { gold: 0, found: 0, right: 0 };
  for (const { gold, found, right } of parts) {
    total.gold += gold;
    total.found += found;
    total.right += right;
  }
  return total;
}

export function rates({ gold, found, right }: Scored): { precision: number; recall: number; f1: number } {
  const precision = found === 0 ? 0 : right / found;
  const recall = gold === 0 ? 0 : right / gold;
  return { precision, recall, f1: right === 0 ? 0 : (2 * precision * recall) / (precision + recall) };
}
