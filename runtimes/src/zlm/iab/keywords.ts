/**
 * The words and phrases that tell most of a text: often in it, rare elsewhere, nouns and what stands before them. A
 * phrase counts when its words keep together in the text; of two candidates that share a word the better one is told.
 */

import { termOf } from '../terms.ts';
import { type Weights, WeightsError } from '../weights.ts';
import { isDigit, type Word } from '../words.ts';
import type { IabModel } from './iab-model.ts';
import { type Unit, unitsOf } from './keyword-units.ts';
import { isEnglish, readStopWords, type StopWords, stopWordsOf } from './stop-words.ts';

export const MOST_KEYWORDS = 10;
const LONGEST_PHRASE = 3;
const NOT_SEEN = 255;
/** In natural logarithms. */
const IDF_OF_UNKNOWN = 8.5;
const LEAST_IDF = 2.5;
const MODIFIER = 1;
const NOUN = 2;
/** A keyword is worth telling when it has such a share of the best one's score. */
const LEAST_SHARE = 0.28;
const LONE_MODIFIER = 0.35;
const NAME_BONUS = 1.3;
const PHRASE_BONUS = 0.3;
/** Units after which the beginning's advantage is halved. */
const EARLY = 40;

interface Content {
  readonly unit: Unit;
  /** Its place among all units, from 0. */
  readonly place: number;
  readonly noun: boolean;
  readonly idf: number;
  readonly name: boolean;
}

interface Candidate {
  readonly contents: readonly Content[];
  count: number;
  /** Of its first occurrence that does not begin a sentence, if there is one. */
  shown: readonly Content[];
}

export class KeywordModel {
  readonly #base: IabModel;
  readonly #idf: Uint8Array;
  readonly #roles: Uint8Array;
  readonly #idfStep: number;
  readonly #stopWords: readonly StopWords[];

  /** @throws WeightsError when a tensor is absent or does not fit the base's words */
  constructor(weights: Weights, base: IabModel) {
    this.#base = base;
    this.#idf = weights.u8('keywords.idf', [base.wordCount]);
    this.#roles = weights.u8('keywords.roles', [base.wordCount]);
    this.#idfStep = Number(weights.meta['idfStep']);
    if (!(this.#idfStep > 0)) throw new WeightsError(`Weights of ${weights.model} give no idfStep`);
    this.#stopWords = readStopWords(weights);
  }

  /** At most `MOST_KEYWORDS`, best first, each as it is written in the text. */
  of(text: string, words: readonly Word[]): string[] {
    const units = unitsOf(text, words);
    const stops = stopWordsOf(words, this.#stopWords);
    const shouting = units.filter(({ capital }) => capital).length > 0.6 * units.length;
    const contents = units.map((unit, place) => this.#contentOf(unit, place, stops, shouting));
    const candidates = candidatesOf(contents);
    return chosen(text, candidates);
  }

  /** What the unit is worth; null for what is no part of a keyword. */
  #contentOf(unit: Unit, place: number, stops: StopWords, shouting: boolean): Content | null {
    if (unit.text.length < 2 || stops.words.has(unit.text) || isDigit(unit.text.charCodeAt(0))) return null;
    const known = this.#base.wordPlace(unit.text);
    const level = known < 0 ? NOT_SEEN : this.#idf[known]!;
    const english = isEnglish(stops);
    const role = known < 0 || !english ? NOUN : this.#roles[known]!;
    const name = unit.capital && !unit.startsSentence && !shouting;
    if (role !== NOUN && role !== MODIFIER && !name) return null;
    const idf = level === NOT_SEEN || !english ? IDF_OF_UNKNOWN : level * this.#idfStep;
    if (idf < LEAST_IDF && !name) return null;
    // German writes its nouns with capitals, so that a small word there is none.
    const noun = role === NOUN && (stops.language !== 'de' || unit.capital || shouting);
    return { unit, place, noun: noun || name, idf: Math.max(idf, LEAST_IDF), name };
  }
}

/** All runs of neighbouring contents up to the longest phrase, by their words. */
function candidatesOf(contents: readonly (Content | null)[]): Map<string, Candidate> {
  const candidates = new Map<string, Candidate>();
  for (let first = 0; first < contents.length; first++) {
    const run: Content[] = [];
    for (let i = first; i < contents.length && run.length < LONGEST_PHRASE; i++) {
      const content = contents[i];
      if (!content || (run.length > 0 && !content.unit.followsClosely)) break;
      run.push(content);
      if (content.noun || run.length === 1) note(candidates, [...run]);
    }
  }
  return candidates;
}

function note(candidates: Map<string, Candidate>, run: readonly Content[]): void {
  const key = run.map(({ unit }) => termOf(unit.text)).join(' ');
  const known = candidates.get(key);
  if (!known) {
    candidates.set(key, { contents: run, count: 1, shown: run });
    return;
  }
  known.count++;
  if (known.shown[0]!.unit.startsSentence && !run[0]!.unit.startsSentence) known.shown = run;
}

function chosen(text: string, candidates: ReadonlyMap<string, Candidate>): string[] {
  const ranked = [...candidates.values()]
    .map((candidate) => ({ candidate, score: scoreOf(candidate, candidates) }))
    .sort((a, b) => b.score - a.score || a.candidate.contents[0]!.place - b.candidate.contents[0]!.place);
  const taken = new Set<string>();
  const keywords: string[] = [];
  const least = (ranked[0]?.score ?? 0) * LEAST_SHARE;
  for (const { candidate, score } of ranked) {
    if (keywords.length === MOST_KEYWORDS || score < least) break;
    const stems = candidate.contents.flatMap(({ unit }) => unit.text.split(/[-_]/)).map(termOf);
    if (stems.some((stem) => taken.has(stem))) continue;
    for (const stem of stems) taken.add(stem);
    keywords.push(text.slice(candidate.shown[0]!.unit.start, candidate.shown.at(-1)!.unit.end));
  }
  return keywords;
}

function scoreOf({ contents, count }: Candidate, candidates: ReadonlyMap<string, Candidate>): number {
  let sum = 0;
  let alone = 0;
  for (const { unit, idf, name } of contents) {
    sum += idf * (name ? NAME_BONUS : 1);
    alone += candidates.get(termOf(unit.text))?.count ?? count;
  }
  const length = contents.length;
  // The share of its words' occurrences that are in this phrase.
  const together = (count * length) / Math.max(alone, count * length);
  const early = 1 + 0.5 / (1 + contents[0]!.place / EARLY);
  const kind = contents.at(-1)!.noun ? 1 : LONE_MODIFIER;
  return (sum / length) * (1 + PHRASE_BONUS * (length - 1)) * together * Math.sqrt(count) * early * kind;
}
