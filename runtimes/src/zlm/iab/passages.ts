/** Long texts in passages, so that a theme that is told in one of them is not drowned by the words of the others. */
import { wordsOf } from '../words.ts';
import type { IabModel } from './iab-model.ts';

const LINE_FEED = 0x0a;
/** How much longer than wished a passage may become while it waits for the end of its paragraph. */
const PATIENCE = 0.5;

/** Consecutive passages of about so many words, cut where a line ends if one does in time. Nothing is left out. */
export function passagesOf(text: string, words: number): string[] {
  const passages: string[] = [];
  let start = 0;
  let count = 0;
  let before = 0;
  for (const word of wordsOf(text)) {
    const isFull = count >= words && hasLineEnd(text, before, word.start);
    if (isFull || count >= words * (1 + PATIENCE)) {
      passages.push(text.slice(start, word.start));
      start = word.start;
      count = 0;
    }
    count++;
    before = word.end;
  }
  passages.push(text.slice(start));
  return passages;
}

function hasLineEnd(text: string, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (text.charCodeAt(i) === LINE_FEED) return true;
  return false;
}

/**
 * The mean of the passages' probabilities of the concepts. A passage counts by its words' number, damped, and by how
 * much it is about anything at all, so that boilerplate does not thin what the text is about.
 */
export function meanProbabilities(model: IabModel, passages: readonly string[]): Float64Array {
  if (passages.length === 1) return model.probabilities(passages[0]!);
  const sum = new Float64Array(model.conceptCount);
  let total = 0;
  for (const passage of passages) {
    const probabilities = model.probabilities(passage);
    const weight = Math.sqrt(passage.length) * (LEAST_WEIGHT + 1 - probabilities.at(-1)!);
    total += weight;
    for (let i = 0; i < sum.length; i++) sum[i]! += weight * probabilities[i]!;
  }
  if (total > 0) for (let i = 0; i < sum.length; i++) sum[i]! /= total;
  return sum;
}

/** Keeps the weights' sum above zero when every passage is about nothing. */
const LEAST_WEIGHT = 0.05;
