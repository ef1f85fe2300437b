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
const IDF_OF_KNOWN_FOREIGN = 8;
const IDF_OF_UNKNOWN_FOREIGN = 6;
const GERMAN = 'de';
const LEAST_IDF = 3;
const MODIFIER = 1;
const NOUN = 2;
/** A keyword is worth telling when it has such a share of the best one's score. */
const LEAST_SHARE = 0.28;
const LONE_MODIFIER = 0.35;
const NAME_BONUS = 1.3;
const PHRASE_BONUS = 0.35;
const KNOWN_PHRASE_BONUS = 1.25;
const REPEATED_PHRASE_BONUS = 1.3;
/** For a word that is met only where a sentence begins: it may be a verb. */
const BEGINNING = 0.7;
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

  /**
   * At most `MOST_KEYWORDS`, best first, each as it is written in the text.
   * @param isTitle whether a phrase in lower case is the title of an article
   */
  of(text: string, words: readonly Word[], isTitle: (phrase: string) => boolean): string[] {
    const units = unitsOf(text, words);
    const stops = stopWordsOf(words, this.#stopWords);
    const shouting = units.filter(({ capital }) => capital).length > 0.6 * units.length;
    const contents = units.map((unit, place) => this.#contentOf(unit, place, stops, shouting));
    const candidates = candidatesOf(contents);
    return chosen(text, candidates, isTitle);
  }

  /** What the unit is worth; null for what is no part of a keyword. */
  #contentOf(unit: Unit, place: number, stops: StopWords, shouting: boolean): Content | null {
    const { text } = unit;
    if (text.length < 2 || stops.words.has(text) || isDigit(text.charCodeAt(0))) return null;
    const name = unit.capital && !unit.startsSentence && !shouting;
    if (text.length === 2 && !(name && unit.secondCapital)) return null;
    const known = this.#base.wordPlace(text);
    return isEnglish(stops)
      ? this.#english(unit, place, known, name)
      : foreign(unit, place, known >= 0, name, shouting ? '' : stops.language);
  }

  #english(unit: Unit, place: number, known: number, name: boolean): Content | null {
    const role = known < 0 ? NOUN : this.#roles[known]!;
    const level = known < 0 ? NOT_SEEN : this.#idf[known]!;
    const idf = level === NOT_SEEN ? IDF_OF_UNKNOWN : level * this.#idfStep;
    if (!name && ((role !== NOUN && role !== MODIFIER) || idf < LEAST_IDF)) return null;
    const noun = name || (role === NOUN && !unit.possessive);
    return { unit, place, noun, idf: Math.max(idf, LEAST_IDF), name };
  }
}

/** How verbs often end that are no names of things, for languages of which the model knows no verbs. */
const VERB_ENDINGS: ReadonlyMap<string, RegExp> = new Map([
  ['fr', /(?:é|és|ée|ées|aient|ait|era|eront|oit|ez)$/],
  ['es', /(?:ó|aron|ieron|aba|aban|ando|iendo|ará|arán)$/],
  ['it', /(?:ò|arono|ando|endo|ava|avano|are|ere|ire|erà)$/],
  ['pt', /(?:ou|aram|eram|iram|ava|avam|ando|endo|indo|ará|arão)$/],
]);

/** German nouns have capitals; of other languages only the words with a meaning for the categories are known. */
function foreign(unit: Unit, place: number, known: boolean, name: boolean, language: string): Content | null {
  const german = language === GERMAN;
  const idf = known ? IDF_OF_KNOWN_FOREIGN : IDF_OF_UNKNOWN_FOREIGN;
  const isAdjective = german && !unit.capital;
  if (!known && !unit.capital && VERB_ENDINGS.get(language)?.test(unit.text)) return null;
  // Those in -en are left out, since verbs end so.
  if (isAdjective && !/e[mrs]?$/.test(unit.text)) return null;
  return { unit, place, noun: !isAdjective, idf, name: name && !german };
}

/** All runs of neighbouring contents up to the longest phrase, by their words. */
function candidatesOf(contents: readonly (Content | null)[]): Map<string, Candidate> {
  const candidates = new Map<string, Candidate>();
  for (let first = 0; first < contents.length; first++) {
    const run: Content[] = [];
    for (let i = first; i < contents.length && run.length < LONGEST_PHRASE; i++) {
      const content = contents[i];
      if (!content || (run.length > 0 && !content.unit.followsClosely)) break;
      // A small adjective begins a German phrase, and is in none.
      if (
        run.length > 0 &&
        run.at(-1)!.noun &&
        !content.noun &&
        content.unit.capital !== run[0]!.unit.capital
      )
        break;
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

function chosen(
  text: string,
  candidates: ReadonlyMap<string, Candidate>,
  isTitle: (phrase: string) => boolean,
): string[] {
  const ranked = [...candidates.values()]
    .map((candidate) => ({ candidate, score: scoreOf(candidate, candidates, isTitle) }))
    .sort((a, b) => b.score - a.score || a.candidate.contents[0]!.place - b.candidate.contents[0]!.place);
  const taken = new Set<string>();
  const keywords: string[] = [];
  const least = (ranked[0]?.score ?? 0) * LEAST_SHARE;
  for (const { candidate, score } of ranked) {
    if (keywords.length === MOST_KEYWORDS || score < least) break;
    const stems = candidate.contents.flatMap(({ unit }) => unit.text.split('-')).map(termOf);
    if (stems.some((stem) => taken.has(stem))) continue;
    for (const stem of stems) taken.add(stem);
    keywords.push(text.slice(candidate.shown[0]!.unit.start, candidate.shown.at(-1)!.unit.end));
  }
  return keywords;
}

function scoreOf(
  { contents, count, shown }: Candidate,
  candidates: ReadonlyMap<string, Candidate>,
  isTitle: (phrase: string) => boolean,
): number {
  let sum = 0;
  let alone = 0;
  for (const { unit, idf, name } of contents) {
    sum += idf * (name ? NAME_BONUS : 1);
    alone += candidates.get(termOf(unit.text))?.count ?? count;
  }
  const length = contents.length;
  const known = length > 1 && isTitle(contents.map(({ unit }) => unit.text).join(' '));
  // The share of its words' occurrences that are in this phrase.
  const together = (count * length) / Math.max(alone, count * length);
  const early = 1 + 0.5 / (1 + contents[0]!.place / EARLY);
  const kind = contents.at(-1)!.noun ? 1 : LONE_MODIFIER;
  const start = length === 1 && shown[0]!.unit.startsSentence && count === 1 ? BEGINNING : 1;
  const phrase =
    (1 + PHRASE_BONUS * (length - 1)) *
    Math.sqrt(together) *
    (known ? KNOWN_PHRASE_BONUS : 1) *
    (length > 1 && count > 1 ? REPEATED_PHRASE_BONUS : 1);
  return (sum / length) * phrase * Math.sqrt(count) * early * kind * start;
}
