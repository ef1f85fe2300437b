/**
 * What the reader or writer of a text is after: a linear classifier over its words, pairs of words, signs and tier-1
 * categories. `models/python/train_iab_profile.py` finds the same features.
 */
import { roundTo, softmax } from '../numeric.ts';
import { type Weights, WeightsError } from '../weights.ts';
import { plain } from '../word-table.ts';
import { isDigit, isSpace, lowerCase, type Word } from '../words.ts';
import { DECIMALS } from './iab-model.ts';
import type { Taxonomy } from './taxonomy.ts';

const CATEGORIES = ['informational', 'navigational', 'commercial', 'transactional'] as const;

export type IntentCategory = (typeof CATEGORIES)[number];

export interface UserIntent {
  /** A short phrase, the likeliest of all: "compare products". */
  readonly name: string;
  readonly category: IntentCategory;
  /** The category's probability, four decimals. */
  readonly score: number;
}

const DAMPING = 4;
/** Words of a text that are looked at: what it is for shows early, and pairs of more would cost more. */
const MOST_WORDS = 600;

export class IntentModel {
  readonly residentBytes: number;
  readonly #names: readonly string[];
  readonly #categories: readonly IntentCategory[];
  readonly #features: ReadonlyMap<string, number>;
  readonly #weights: Int8Array;
  readonly #bias: Float32Array;
  readonly #step: number;
  readonly #scale: number;
  /** Tier-1 nodes of Content 2.2 and the rows of their weights. */
  readonly #tier1: readonly (readonly [node: number, feature: number])[];

  /** @throws WeightsError when a tensor is absent or does not fit the others */
  constructor(weights: Weights, content22: Taxonomy) {
    this.#names = weights.lines('intent.names');
    this.#categories = weights.lines('intent.categories').map(categoryOf);
    const features = weights.lines('intent.features');
    this.#features = new Map(features.map((feature, place) => [feature, place]));
    this.#weights = weights.i8('intent.weights', [features.length, this.#names.length]);
    this.#bias = weights.f32('intent.bias', [this.#names.length]);
    this.#step = Number(weights.meta['intentStep']);
    this.#scale = Number(weights.meta['intentScale']);
    this.#tier1 = content22.keys.flatMap((key, node) => {
      const feature = this.#features.get(`<tier 1 ${key}>`);
      return feature === undefined ? [] : [[node, feature] as const];
    });
    this.residentBytes = features.length * 100;
  }

  /** @param content the text's scores of the nodes of Content 2.2 */
  of(text: string, words: readonly Word[], content: Float64Array): UserIntent {
    const scores = this.#probabilities(text, words, content);
    let best = 0;
    // Informational intents come first, so that they have every tie.
    for (const [i, score] of scores.entries()) if (score > scores[best]!) best = i;
    const category = this.#categories[best]!;
    let sum = 0;
    for (const [i, score] of scores.entries()) if (this.#categories[i] === category) sum += score;
    return { name: this.#names[best]!, category, score: roundTo(sum, DECIMALS) };
  }

  #probabilities(text: string, words: readonly Word[], content: Float64Array): Float64Array {
    const size = this.#names.length;
    const found = this.#found(text, words);
    const value = (this.#scale * this.#step) / Math.sqrt(found.size + DAMPING);
    const scores = new Float64Array(this.#bias);
    for (const feature of found) {
      for (let i = 0; i < size; i++) scores[i]! += value * this.#weights[feature * size + i]!;
    }
    for (const [node, feature] of this.#tier1) {
      const share = this.#step * content[node]!;
      for (let i = 0; i < size; i++) scores[i]! += share * this.#weights[feature * size + i]!;
    }
    softmax(scores);
    return scores;
  }

  /** The known features of a text, each once. */
  #found(text: string, words: readonly Word[]): Set<number> {
    const found = new Set<number>();
    const add = (feature: string) => {
      const place = this.#features.get(feature);
      if (place !== undefined) found.add(place);
    };
    let before = '^';
    for (const word of words.slice(0, MOST_WORDS)) {
      const own = plain(word.text);
      add(own);
      add(`${before} ${own}`);
      before = own;
    }
    for (const sign of signsOf(text, words.length)) add(sign);
    return found;
  }
}

function categoryOf(name: string): IntentCategory {
  const category = CATEGORIES.find((known) => known === name);
  if (!category) throw new WeightsError(`There is no category of intents "${name}"`);
  return category;
}

const LENGTHS = [1, 3, 6, 12, 25, 60, 150];
const CODE_SIGNS = '{}();=<>[]_';
/** One sign of code in so many characters makes a text code. */
const CODE_DENSITY = 12;

/** What a text shows besides its words. */
function signsOf(text: string, wordCount: number): string[] {
  const signs = [`<length ${LENGTHS.filter((most) => wordCount > most).length}>`];
  if (text.includes('?') || text.includes('¿')) signs.push('<question>');
  if (text.includes('!')) signs.push('<exclamation>');
  if (hasPrice(text)) signs.push('<price>');
  if (text.includes('www.') || text.includes('://')) signs.push('<address>');
  let code = 0;
  for (let i = 0; i < text.length; i++) if (CODE_SIGNS.includes(text.charAt(i))) code++;
  if (code * CODE_DENSITY > text.length) signs.push('<code>');
  return signs;
}

const CURRENCY_SIGNS = '$£€';
const CURRENCY_WORDS = ['€', 'euros', 'euro', 'eur', 'dollars', 'usd'];
const LONGEST_CURRENCY_WORD = 7;

/** A currency sign before a digit, or a digit before a currency, at most one space between. */
export function hasPrice(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if (CURRENCY_SIGNS.includes(text.charAt(i)) && isAsciiDigit(text, afterSpace(text, i + 1))) return true;
    if (isAsciiDigit(text, i) && startsWithCurrency(text, afterSpace(text, i + 1))) return true;
  }
  return false;
}

function afterSpace(text: string, at: number): number {
  return at < text.length && isSpace(text.charCodeAt(at)) ? at + 1 : at;
}

function isAsciiDigit(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  return unit >= 0x30 && unit <= 0x39 && isDigit(unit);
}

function startsWithCurrency(text: string, at: number): boolean {
  const next = text.charCodeAt(at) | 0x20;
  if (text.charAt(at) !== '€' && next !== 0x65 && next !== 0x64 && next !== 0x75) return false;
  const rest = lowerCase(text.slice(at, at + LONGEST_CURRENCY_WORD + 1));
  return CURRENCY_WORDS.some((word) => rest.startsWith(word));
}
