/** Scores of the 13 categories of a text: a linear model over the patterns that it shows, unit by unit. */
import { MODERATION_CATEGORIES, type ModerationCategory } from '@zerogpu/protocol';
import { exp, roundTo } from '../numeric.ts';
import { type Weights, WeightsError } from '../weights.ts';
import { Lexicon } from './lexicon.ts';
import { featuresOf, literalsOf, Patterns } from './patterns.ts';
import { type Clause, clausesOf } from './tokens.ts';

/** A category is true from this score on. */
export const THRESHOLD = 0.5;
const DECIMALS = 4;

/** Clauses are judged together up to so many words: a tweet, two or three sentences. */
const UNIT_WORDS = 48;
/** The first time that a pattern shows counts whole, the second half, then no more. */
const REPEATED = 0.5;
/** What is quoted by somebody who reports it counts so much. */
const QUOTED = 0.4;
const REPORT = 'report';
/** The index of a sub-category's parent, whose score is never below its own. */
const PARENTS: readonly (number | null)[] = MODERATION_CATEGORIES.map((name) => {
  const slash = name.indexOf('/');
  return slash === -1 ? null : MODERATION_CATEGORIES.indexOf(name.slice(0, slash) as ModerationCategory);
});

export interface Moderation {
  readonly flagged: boolean;
  readonly categories: Readonly<Record<ModerationCategory, boolean>>;
  /** Between 0 and 1, 4 decimals. */
  readonly scores: Readonly<Record<ModerationCategory, number>>;
}

/** Finds the patterns of a text; training and running see the same numbers by it. */
export class ModerationFeatures {
  readonly names: readonly string[];
  readonly #lexicon: Lexicon;
  readonly #patterns: Patterns;
  readonly #report: number;

  /** @param weights with the tensors `words` and `patterns` */
  constructor(weights: Weights) {
    const lines = weights.lines('patterns');
    this.names = featuresOf(lines);
    this.#lexicon = Lexicon.of(weights, literalsOf(lines));
    this.#patterns = new Patterns(lines, this.#lexicon);
    this.#report = this.names.indexOf(REPORT);
  }

  get residentBytes(): number {
    return this.#lexicon.residentBytes;
  }

  /** Calls `each` with the features of each unit of the text; the array is used again. At least one unit. */
  forEachUnit(text: string, each: (features: Float64Array) => void): void {
    const features = new Float64Array(this.names.length);
    let unit: Clause[] = [];
    let words = 0;
    const judge = () => {
      this.#read(unit, features);
      each(features);
      unit = [];
      words = 0;
    };
    for (const clause of clausesOf(text, this.#lexicon)) {
      if (words > 0 && words + clause.length > UNIT_WORDS) judge();
      unit.push(clause);
      words += clause.length;
    }
    judge();
  }

  #read(unit: readonly Clause[], features: Float64Array): void {
    const counts = new Float64Array(features.length);
    const quotedCounts = new Float64Array(features.length);
    for (const clause of unit) {
      this.#patterns.match(clause, (feature, quoted) => {
        if (quoted) quotedCounts[feature]! += 1;
        else counts[feature]! += 1;
      });
    }
    const isReport = counts[this.#report]! > 0;
    for (let i = 0; i < features.length; i++) {
      if (isReport && counts[i] === 0) features[i] = QUOTED * saturated(quotedCounts[i]!);
      else features[i] = saturated(counts[i]! + quotedCounts[i]!);
    }
    this.#patterns.conclude(features);
  }
}

function saturated(count: number): number {
  return count <= 1 ? count : 1 + REPEATED;
}

export class ModerationModel {
  readonly #features: ModerationFeatures;
  /** Feature × category. */
  readonly #weights: Float32Array;
  readonly #bias: Float32Array;

  /** @throws WeightsError when a tensor is absent or of another shape, or the categories are others */
  constructor(weights: Weights) {
    if (weights.lines('categories').join() !== MODERATION_CATEGORIES.join()) {
      throw new WeightsError('Moderation: the weights are of other categories');
    }
    this.#features = new ModerationFeatures(weights);
    this.#weights = weights.f32('weights', [this.#features.names.length, MODERATION_CATEGORIES.length]);
    this.#bias = weights.f32('bias', [MODERATION_CATEGORIES.length]);
  }

  get residentBytes(): number {
    return this.#features.residentBytes;
  }

  moderate(text: string): Moderation {
    const highest = new Float64Array(MODERATION_CATEGORIES.length).fill(Number.NEGATIVE_INFINITY);
    this.#features.forEachUnit(text, (features) => this.#raise(highest, features));
    const scores = Array.from(highest, (z) => roundTo(1 / (1 + exp(-z)), DECIMALS));
    PARENTS.forEach((parent, child) => {
      if (parent !== null) scores[parent] = Math.max(scores[parent]!, scores[child]!);
    });
    return answerOf(scores);
  }

  #raise(highest: Float64Array, features: Float64Array): void {
    for (let c = 0; c < MODERATION_CATEGORIES.length; c++) {
      let sum = this.#bias[c]!;
      for (let f = 0; f < features.length; f++) {
        if (features[f] !== 0) sum += features[f]! * this.#weights[f * MODERATION_CATEGORIES.length + c]!;
      }
      if (sum > highest[c]!) highest[c] = sum;
    }
  }
}

function answerOf(scores: readonly number[]): Moderation {
  const named = <T>(value: (score: number) => T) =>
    Object.fromEntries(MODERATION_CATEGORIES.map((name, i) => [name, value(scores[i]!)])) as Record<
      ModerationCategory,
      T
    >;
  return {
    flagged: scores.some((score) => score >= THRESHOLD),
    categories: named((score) => score >= THRESHOLD),
    scores: named((score) => score),
  };
}
