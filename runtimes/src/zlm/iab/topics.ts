/**
 * Topics of a text by human names: what the likely concepts are called, and titles of encyclopaedia articles that
 * stand in the text and are about the same concepts as the text is.
 */
import { roundTo } from '../numeric.ts';
import { termOf } from '../terms.ts';
import { type Weights, WeightsError } from '../weights.ts';
import { plain, WordTable } from '../word-table.ts';
import { lowerCase, type Word } from '../words.ts';
import { DECIMALS, type IabModel, type ScoredName } from './iab-model.ts';

export const MOST_TOPICS = 8;
const LEAST_SCORE = 0.1;
const LONGEST_TITLE = 4;
const LONGEST_WORD = 30;
const CONCEPTS_OF_TITLE = 3;
const SHARES = 255;
/** From such a probability of the title's concept on, the text is as much about it as can be. */
const FULL_CONCEPT = 0.15;
const FULL_TIER1 = 0.5;
const TIER1_PART = 0.3;
/** Phrases of the text that become topics, how much they must have in common with it, and what that counts. */
const MOST_PHRASES = 3;
const LEAST_COMMON = 0.25;
const PHRASE_PART = 0.6;
/** A category whose best-known concepts have so much of its score says nothing besides them. */
const SAID_ALREADY = 0.6;

export class TopicModel {
  readonly residentBytes: number;
  readonly #base: IabModel;
  /** Of the concepts; empty for what is no topic. */
  readonly #names: readonly string[];
  /** Of the nodes of Content 2.2; empty for what is no topic. */
  readonly #categories: readonly string[];
  readonly #titles: readonly string[];
  readonly #table: WordTable;
  readonly #titleConcepts: Uint16Array;
  readonly #titleShares: Uint8Array;

  /** @throws WeightsError when a tensor is absent or does not fit the base's concepts */
  constructor(weights: Weights, base: IabModel) {
    this.#base = base;
    this.#names = weights.text('topics.concepts').split('\n');
    if (this.#names.length !== base.conceptCount) {
      throw new WeightsError(`${this.#names.length} names of topics for ${base.conceptCount} concepts`);
    }
    this.#categories = weights.text('topics.categories').split('\n');
    if (this.#categories.length !== base.content22.size) {
      throw new WeightsError(
        `${this.#categories.length} names of topics for ${base.content22.size} categories`,
      );
    }
    this.#titles = weights.lines('topics.titles');
    this.#table = new WordTable(this.#titles);
    const shape = [this.#titles.length, CONCEPTS_OF_TITLE];
    this.#titleConcepts = weights.u16('topics.title_concepts', shape);
    this.#titleShares = weights.u8('topics.title_shares', shape);
    if (this.#titleConcepts.some((concept) => concept >= base.conceptCount)) {
      throw new WeightsError('A title is of a concept that the base does not have');
    }
    this.residentBytes = this.#titles.length * 70;
  }

  /** Whether an article is called so, in lower case; its plural counts. */
  isTitle(phrase: string): boolean {
    return phrase.length <= LONGEST_TITLE * LONGEST_WORD && this.#table.find(phrase) >= 0;
  }

  /**
   * Best first, at most `MOST_TOPICS`; none for a text that is about nothing.
   * @param keywords of the text: phrases among them that are about the same as the text are topics, too
   * @param content the text's scores of the nodes of Content 2.2
   */
  of(
    words: readonly Word[],
    keywords: readonly string[],
    probabilities: Float64Array,
    content: Float64Array,
  ): ScoredName[] {
    const scores = new Map<string, number>();
    this.#addConcepts(probabilities, scores);
    this.#addCategories(probabilities, content, scores);
    for (const [title, count] of this.#titleCounts(words)) {
      raise(scores, this.#titles[title]!, this.#relation(title, probabilities, content) * salience(count));
    }
    this.#addPhrases(keywords, probabilities, scores);
    const ranked = [...scores].filter(([name, score]) => name !== '' && score >= LEAST_SCORE);
    ranked.sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
    return different(ranked).map(([name, score]) => ({ name, score: roundTo(score, DECIMALS) }));
  }

  #addConcepts(probabilities: Float64Array, scores: Map<string, number>): void {
    for (const [concept, name] of this.#names.entries()) {
      const isBroad = this.#base.content22.depth(Math.max(this.#base.content22.ofConcept(concept), 0)) === 0;
      if (name !== '' && !isBroad) scores.set(name, (scores.get(name) ?? 0) + probabilities[concept]!);
    }
  }

  /** Keywords of several small-written words, as far as they mean what the text does. */
  #addPhrases(keywords: readonly string[], probabilities: Float64Array, scores: Map<string, number>): void {
    let added = 0;
    for (const phrase of keywords) {
      if (added === MOST_PHRASES || !phrase.includes(' ') || lowerCase(phrase) !== phrase) continue;
      const own = this.#base.probabilities(phrase);
      let common = 0;
      // The last is that it is about nothing.
      for (let i = 0; i < own.length - 1; i++) common += Math.min(own[i]!, probabilities[i]!);
      if (common < LEAST_COMMON) continue;
      raise(scores, phrase, PHRASE_PART * common);
      added++;
    }
  }

  /** Categories whose score is spread over concepts of which none is likely; tier 1 when nothing finer in it is. */
  #addCategories(probabilities: Float64Array, content: Float64Array, scores: Map<string, number>): void {
    const taxonomy = this.#base.content22;
    const best = new Float64Array(taxonomy.size);
    for (let concept = 0; concept < probabilities.length; concept++) {
      const name = this.#names[concept]!;
      const node = taxonomy.ofConcept(concept);
      if (name === '' || node < 0) continue;
      taxonomy.raise(best, node, taxonomy.depth(node) === 0 ? 0 : scores.get(name)!);
    }
    for (let node = 0; node < taxonomy.size; node++) {
      if (content[node]! < LEAST_SCORE || best[node]! > SAID_ALREADY * content[node]!) continue;
      if (taxonomy.depth(node) > 0 || best[node]! < LEAST_SCORE)
        raise(scores, this.#categories[node]!, content[node]!);
    }
  }

  /** How often each title stands in the text, the longest first wherever several begin. */
  #titleCounts(words: readonly Word[]): Map<number, number> {
    const counts = new Map<number, number>();
    const parts = words.map(({ text }) => (text.length > LONGEST_WORD ? '' : plain(text)));
    for (let at = 0; at < parts.length; ) {
      const [title, length] = this.#titleAt(parts, at);
      if (title >= 0) counts.set(title, (counts.get(title) ?? 0) + 1);
      at += Math.max(length, 1);
    }
    return counts;
  }

  #titleAt(parts: readonly string[], at: number): readonly [title: number, length: number] {
    let found: readonly [number, number] = [-1, 0];
    let phrase = '';
    for (let length = 1; length <= LONGEST_TITLE && at + length <= parts.length; length++) {
      const part = parts[at + length - 1]!;
      if (part === '') break;
      phrase = length === 1 ? part : `${phrase} ${part}`;
      const title = this.#table.find(phrase);
      if (title >= 0) found = [title, length];
    }
    return found;
  }

  /** How much the text is about what the title is about, 0 to 1. */
  #relation(title: number, probabilities: Float64Array, content: Float64Array): number {
    const taxonomy = this.#base.content22;
    let relation = 0;
    for (let i = title * CONCEPTS_OF_TITLE; i < (title + 1) * CONCEPTS_OF_TITLE; i++) {
      const concept = this.#titleConcepts[i]!;
      const [root = -1] = taxonomy.path(taxonomy.ofConcept(concept));
      const near = Math.min(1, probabilities[concept]! / FULL_CONCEPT);
      const wide = Math.min(1, (content[root] ?? 0) / FULL_TIER1);
      relation += (this.#titleShares[i]! / SHARES) * ((1 - TIER1_PART) * near + TIER1_PART * wide);
    }
    return relation;
  }
}

/** Once is half; more and more of the rest the oftener. */
function salience(count: number): number {
  return 1 - 1 / (1 + count);
}

function raise(scores: Map<string, number>, name: string, score: number): void {
  scores.set(name, Math.max(scores.get(name) ?? 0, Math.min(1, score)));
}

/** The first ones, without those whose words all stand in one before them, or the other way round. */
function different(ranked: readonly (readonly [string, number])[]): (readonly [string, number])[] {
  const kept: (readonly [string, number])[] = [];
  const stems: Set<string>[] = [];
  for (const entry of ranked) {
    if (kept.length === MOST_TOPICS) break;
    const own = new Set(entry[0].split(' ').map(termOf));
    if (stems.some((other) => contains(other, own))) continue;
    kept.push(entry);
    stems.push(own);
  }
  return kept;
}

function contains(outer: ReadonlySet<string>, inner: ReadonlySet<string>): boolean {
  for (const stem of inner) if (!outer.has(stem)) return false;
  return true;
}
