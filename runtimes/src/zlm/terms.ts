/** Terms: words as the models compare them, and how much each tells (inverse document frequency). */
import type { Weights } from './weights.ts';

const WITHOUT_PLURAL = new Set(['news', 'series', 'species', 'always', 'perhaps', 'whereas']);

/**
 * The word without its possessive and its English inflection, roughly: enough that "launches" meets "launched".
 * Words of other languages lose an ending at most.
 */
export function termOf(word: string): string {
  const apostrophe = word.search(/['’]/);
  const base = apostrophe > 1 ? word.slice(0, apostrophe) : word;
  if (base.length < 4 || WITHOUT_PLURAL.has(base)) return base;
  if (base.endsWith('ies')) return `${base.slice(0, -3)}y`;
  if (base.endsWith('ing') && base.length > 6) return withoutDoubling(base.slice(0, -3));
  if (base.endsWith('ed') && base.length > 4 && !base.endsWith('eed'))
    return withoutDoubling(base.slice(0, -2));
  if (/(?:s|x|z|ch|sh)es$/.test(base)) return base.slice(0, -2);
  if (base.endsWith('s') && !/[sui]s$/.test(base)) return withoutE(base.slice(0, -1));
  return withoutE(base);
}

/** "planned" → "plan", and "used" → "us" as "use" → "us". */
function withoutDoubling(stem: string): string {
  const last = stem.charAt(stem.length - 1);
  return last === stem.charAt(stem.length - 2) && !'lse'.includes(last) ? stem.slice(0, -1) : stem;
}

function withoutE(stem: string): string {
  return stem.length > 3 && stem.endsWith('e') ? stem.slice(0, -1) : stem;
}

/** Inverse document frequencies, in natural logarithms: near 0 for "the", about 10 for a word never seen. */
export class TermTable {
  readonly #idf: ReadonlyMap<string, number>;
  readonly unseen: number;

  constructor(idf: ReadonlyMap<string, number>, unseen: number) {
    this.#idf = idf;
    this.unseen = unseen;
  }

  /** Reads the tensors `terms` (one a line) and `idf` (u8, in steps of the meta's `idfStep`). */
  static of(weights: Weights): TermTable {
    const terms = weights.lines('terms');
    const levels = weights.u8('idf', [terms.length]);
    const step = Number(weights.meta['idfStep']);
    return new TermTable(new Map(terms.map((term, i) => [term, levels[i]! * step])), 255 * step);
  }

  idf(term: string): number {
    return this.#idf.get(term) ?? this.unseen;
  }

  get size(): number {
    return this.#idf.size;
  }
}
