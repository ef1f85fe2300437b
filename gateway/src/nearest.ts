/** Which of the known names somebody meant. A part of a longer name is one slip away from it, however much is missing. */
export function nearest(name: string, candidates: readonly string[]): string {
  const distance = (candidate: string) => (candidate.includes(name) ? 1 : editDistance(name, candidate));
  let best = candidates[0]!;
  for (const candidate of candidates) if (distance(candidate) < distance(best)) best = candidate;
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + same));
    }
    row = next;
  }
  return row[b.length]!;
}
