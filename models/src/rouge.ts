/**
 * ROUGE-1, -2 and -L (Lin, 2004) as F1 over lower-cased words of letters and digits, without stemming and with stop
 * words, as in the rouge_score package with use_stemmer off.
 */

export interface Rouge {
  readonly rouge1: number;
  readonly rouge2: number;
  readonly rougeL: number;
}

export function rougeWords(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

export function rouge(candidate: string, reference: string): Rouge {
  const words = rougeWords(candidate);
  const wanted = rougeWords(reference);
  return {
    rouge1: overlapF1(words, wanted),
    rouge2: overlapF1(pairs(words), pairs(wanted)),
    rougeL: f1(longestCommon(words, wanted), words.length, wanted.length),
  };
}

/** Several references: the best of each measure, as SciTLDR is scored. */
export function bestRouge(candidate: string, references: readonly string[]): Rouge {
  const all = references.map((reference) => rouge(candidate, reference));
  const best = (name: keyof Rouge) => Math.max(0, ...all.map((one) => one[name]));
  return { rouge1: best('rouge1'), rouge2: best('rouge2'), rougeL: best('rougeL') };
}

function pairs(words: readonly string[]): string[] {
  return words.slice(1).map((word, i) => `${words[i]} ${word}`);
}

function overlapF1(candidate: readonly string[], reference: readonly string[]): number {
  const left = new Map<string, number>();
  for (const item of reference) left.set(item, (left.get(item) ?? 0) + 1);
  let hits = 0;
  for (const item of candidate) {
    const count = left.get(item) ?? 0;
    if (count > 0) hits++;
    left.set(item, count - 1);
  }
  return f1(hits, candidate.length, reference.length);
}

function f1(hits: number, candidate: number, reference: number): number {
  return hits === 0 ? 0 : (2 * hits) / (candidate + reference);
}

function longestCommon(a: readonly string[], b: readonly string[]): number {
  let row = new Uint16Array(b.length + 1);
  for (const word of a) {
    const next = new Uint16Array(b.length + 1);
    for (let j = 0; j < b.length; j++) {
      next[j + 1] = word === b[j] ? row[j]! + 1 : Math.max(row[j + 1]!, next[j]!);
    }
    row = next;
  }
  return row[b.length]!;
}
