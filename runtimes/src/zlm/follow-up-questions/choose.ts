/** Three of the questions that could be asked: telling ones, on different aspects and things, in different words. */
import { wordsOf } from '../words.ts';
import type { Binding } from './bindings.ts';
import { fill, mayAsk, type Schema } from './schemas.ts';

export interface Candidate {
  readonly question: string;
  readonly aspect: string;
  readonly about: string;
  readonly key: string;
  /** What it was bound to. */
  readonly scope: string;
  readonly score: number;
}

/** How far chance, seeded by the text, may outweigh the weights: it spreads wordings evenly over texts. */
const CHANCE = 2;
const LONGEST_QUESTION = 190;
/** Candidates looked at when choosing. */
const MOST_CANDIDATES = 400;

export function candidatesOf(
  bindings: readonly Binding[],
  schemas: ReadonlyMap<string, readonly Schema[]>,
  terms: ReadonlySet<string>,
  seed: number,
): Candidate[] {
  const candidates: Candidate[] = [];
  for (const binding of bindings) {
    for (const schema of schemas.get(binding.scope) ?? []) {
      if (!mayAsk(schema, binding.facts, terms)) continue;
      const question = fill(schema.template, binding.slots);
      if (question === null || question.length > LONGEST_QUESTION || repeatsItself(question)) continue;
      const chance = unit(hash(schema.template, hash(binding.key, seed)));
      candidates.push({
        question,
        aspect: schema.aspect,
        about: binding.about,
        key: binding.key,
        scope: binding.scope,
        score: binding.weight + chance * CHANCE,
      });
    }
  }
  candidates.sort((a, b) => b.score - a.score || (a.question < b.question ? -1 : 1));
  return candidates.slice(0, MOST_CANDIDATES);
}

/** The same word of weight twice: "the effect of the effect". */
function repeatsItself(question: string): boolean {
  const words = contentWords(question);
  return new Set(words).size < words.length;
}

function contentWords(question: string): string[] {
  return wordsOf(question)
    .map(({ text }) => text)
    .filter((word) => word.length > 5);
}

/** The best `count`, each unlike those before it; fewer when there are no more. */
export function chooseQuestions(candidates: readonly Candidate[], count: number): string[] {
  const chosen: Candidate[] = [];
  for (const strictness of [2, 1, 0]) {
    for (const candidate of candidates) {
      if (chosen.length === count) break;
      if (chosen.every((other) => isUnlike(candidate, other, strictness))) chosen.push(candidate);
    }
  }
  return chosen.map(({ question }) => question);
}

function isUnlike(a: Candidate, b: Candidate, strictness: number): boolean {
  if (a.question === b.question || overlap(wording(a), wording(b)) > 0.5) return false;
  if (strictness >= 1 && isRead(a) && isRead(b)) return false;
  if (strictness >= 1 && (a.aspect === b.aspect || opening(a.question, 2) === opening(b.question, 2)))
    return false;
  return strictness === 1 || a.key === '' || a.key !== b.key;
}

/** Rests on a sentence's grammar: one misread sentence must not spoil more than one question. */
function isRead({ scope, about }: Candidate): boolean {
  return (scope === 'clause' || scope === 'claim') && about !== 'you';
}

/** The question without the thing that it is on. */
function wording({ question, about }: Candidate): string {
  return about === '' ? question : question.replaceAll(about, '');
}

function opening(question: string, words: number): string {
  return question.split(' ').slice(0, words).join(' ');
}

/** Shared words of weight, of the fewer. */
function overlap(a: string, b: string): number {
  const [wordsOfA, wordsOfB] = [new Set(contentWords(a)), new Set(contentWords(b))];
  const fewer = Math.min(wordsOfA.size, wordsOfB.size);
  if (fewer === 0) return 0;
  let shared = 0;
  for (const word of wordsOfA) if (wordsOfB.has(word)) shared++;
  return fewer < 3 ? shared / 3 : shared / fewer;
}

/** FNV-1a over UTF-16 units, with its bits mixed at the end. */
export function hash(text: string, seed: number): number {
  let h = (0x811c9dc5 ^ seed) >>> 0;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193) >>> 0;
  h ^= h >>> 15;
  h = Math.imul(h, 0x2c1b3c6d);
  h ^= h >>> 12;
  h = Math.imul(h, 0x297a2d39);
  return (h ^ (h >>> 15)) >>> 0;
}

function unit(h: number): number {
  return h / 0x1_0000_0000;
}
