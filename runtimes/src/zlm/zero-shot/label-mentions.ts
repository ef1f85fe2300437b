/** Labels whose own words stand in the text: strong evidence, unless they are denied or said of everything. */
import type { SentenceEncoder } from '../encoder/sentence-encoder.ts';
import { termOf } from '../terms.ts';
import { type Word, wordsOf } from '../words.ts';
import { NEGATORS } from './affect-profile.ts';

const REACH = 2;
/** Lengths of the encoder's rows: a word that tells nothing of a text, and one that tells as much as any. */
const EMPTY = 150;
const TELLING = 320;
/** What one mention counts, of at most 1: each further one takes as much of what is left. */
const FIRST = 0.65;

/** The text's terms with how strongly each is said, 0 to 1. */
export function mentionsOf(words: readonly Word[]): ReadonlyMap<string, number> {
  const mentions = new Map<string, number>();
  for (const [at, word] of words.entries()) {
    if (isDenied(words, at)) continue;
    const term = termOf(word.text);
    const before = mentions.get(term) ?? 0;
    mentions.set(term, before + FIRST * (1 - before));
  }
  return mentions;
}

function isDenied(words: readonly Word[], at: number): boolean {
  for (let back = 1; back <= REACH && at >= back; back++)
    if (NEGATORS.has(words[at - back]!.text)) return true;
  return false;
}

/** A label's words that the other labels of the request do not have, each with how much it tells. */
export type OwnTerms = ReadonlyMap<string, number>;

export function ownTerms(labels: readonly string[], encoder: SentenceEncoder): OwnTerms[] {
  const all = labels.map((label) => wordsOf(label));
  const holders = new Map<string, number>();
  for (const words of all) {
    for (const term of new Set(words.map((word) => termOf(word.text))))
      holders.set(term, (holders.get(term) ?? 0) + 1);
  }
  return all.map((words) => {
    const own = words.filter((word) => holders.get(termOf(word.text)) === 1);
    return new Map(own.map((word) => [termOf(word.text), telling(word.text, encoder)]));
  });
}

function telling(word: string, encoder: SentenceEncoder): number {
  if (!encoder.knows(word)) return 1;
  const [feature = 0] = encoder.featuresOf([word]);
  return Math.max(0, Math.min(1, (encoder.weight(feature) - EMPTY) / (TELLING - EMPTY)));
}

/** 0 to 1: how far the text says the label's own words. A part of them counts less than its share. */
export function mentioned(own: OwnTerms, mentions: ReadonlyMap<string, number>): number {
  let told = 0;
  let found = 0;
  let all = 0;
  for (const [term, weight] of own) {
    const strength = mentions.get(term) ?? 0;
    told += weight * strength;
    found += strength > 0 ? weight : 0;
    all += weight;
  }
  return all === 0 ? 0 : (told / Math.max(1, all)) * (found / all);
}
