/** TextRank (Mihalcea and Tarau, 2004), the rival of the summary model: PageRank over shared words of sentences. */
import { wordsOf } from '@zerogpu/runtimes';

const DAMPING = 0.85;
const ROUNDS = 50;

/** The `count` best sentences in their order, joined by spaces. */
export function textRank(sentences: readonly string[], count: number): string {
  const ranks = rank(similarities(sentences.map((text) => wordsOf(text).map((word) => word.text))));
  const best = sentences.map((_, i) => i).sort((a, b) => ranks[b]! - ranks[a]! || a - b);
  return best
    .slice(0, count)
    .sort((a, b) => a - b)
    .map((i) => sentences[i])
    .join(' ');
}

/** Shared words over the sum of the lengths' logarithms, as in the paper. */
function similarities(sentences: readonly (readonly string[])[]): Float64Array[] {
  const sets = sentences.map((words) => new Set(words));
  return sentences.map((words, i) =>
    Float64Array.from(sentences, (others, j) => {
      if (i === j || words.length < 2 || others.length < 2) return 0;
      let shared = 0;
      for (const word of sets[i]!) if (sets[j]!.has(word)) shared++;
      return shared / (Math.log(words.length) + Math.log(others.length));
    }),
  );
}

function rank(weights: readonly Float64Array[]): Float64Array {
  const totals = weights.map((row) => row.reduce((a, b) => a + b, 0));
  let ranks = new Float64Array(weights.length).fill(1);
  for (let round = 0; round < ROUNDS; round++) {
    const next = new Float64Array(weights.length).fill(1 - DAMPING);
    weights.forEach((row, from) => {
      if (totals[from] === 0) return;
      row.forEach((weight, to) => {
        next[to]! += (DAMPING * ranks[from]! * weight) / totals[from]!;
      });
    });
    ranks = next;
  }
  return ranks;
}
