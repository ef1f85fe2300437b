/**
 * Named entities of English texts, however they are written: a conditional random field over hashed features,
 * trained on tweets, comments and encyclopedia sentences.
 */
import { roundTo } from '../numeric.ts';
import { type Weights, WeightsError } from '../weights.ts';
import { NameLexicon, WordLexicon } from './lexicon.ts';
import { beginning, isInside, LinearChain, OUTSIDE, typeOf } from './linear-chain.ts';
import type { Span } from './span.ts';
import { featuresOf, type Lexicons } from './tagger-features.ts';
import { type TokenLine, tokenLines } from './tagger-tokens.ts';

/** The tagger's labels. A group is a team, band, movement or the like; a corporation any other organization. */
export const NAME_TYPES = [
  'person',
  'location',
  'corporation',
  'group',
  'product',
  'creative work',
  'event',
] as const;

export type NameType = (typeof NAME_TYPES)[number];

export interface NameSpan extends Span {
  readonly label: NameType;
}

const SCORE_DECIMALS = 4;

/** Words that are no name by themselves, whatever stands around them. */
const NO_NAMES = new Set(
  (
    'mr mrs ms dr prof sir miss mister i me my you your he him his she her it its we us our they them their this that these those who what which when where ' +
    'why how a an the and or but if so as at by for from in into of on onto off out over to up with without not no yes ' +
    'am is are was were be been being do does did done has have had will would can could should may might must shall ' +
    'there here then than now just also too very much more most some any all each every next last new first second one ' +
    "two three lol omg rt via dont don't can't i'm im u ur ok okay hi hello hey thanks please well oh wow let's"
  ).split(' '),
);

export class NameTagger {
  readonly lexicons: Lexicons;
  readonly #chain: LinearChain;
  readonly #weights: Int8Array;
  readonly #mask: number;
  readonly #scale: number;
  readonly #recall: number;

  /** @throws WeightsError when tensors are missing or do not fit each other */
  constructor(weights: Weights) {
    const tags = 1 + 2 * NAME_TYPES.length;
    this.lexicons = { words: WordLexicon.of(weights), names: NameLexicon.of(weights) };
    this.#chain = new LinearChain(tags, weights.f32('transitions', [tags, tags]));
    this.#weights = weights.i8('emissions', [-1, tags]);
    const buckets = this.#weights.length / tags;
    if ((buckets & (buckets - 1)) !== 0) throw new WeightsError('Tagger: buckets are not a power of two');
    this.#mask = buckets - 1;
    this.#scale = Number(weights.meta['taggerScale']);
    this.#recall = Number(weights.meta['taggerRecall'] ?? 1);
    if (!(this.#scale > 0) || !(this.#recall > 0)) throw new WeightsError('Tagger: no taggerScale');
  }

  /**
   * Names in the text, in order, without overlaps. Labels are of NAME_TYPES.
   * @param least spans that score lower are left out
   */
  tag(text: string, least = 0.5): NameSpan[] {
    const spans: NameSpan[] = [];
    for (const line of tokenLines(text)) {
      for (const span of this.#tagLine(line)) if (span.score >= least) spans.push(span);
    }
    return spans;
  }

  #tagLine(line: TokenLine): NameSpan[] {
    const { tags } = this.#chain;
    const probabilities = this.#chain.posterior(this.#emissions(line)).tags;
    for (let at = 0; at < probabilities.length; at += tags)
      moveFromOutside(probabilities, at, tags, this.#recall);
    return spansOf(line, this.#chain.decode(probabilities), probabilities, tags);
  }

  #emissions(line: TokenLine): Float64Array {
    const { tags } = this.#chain;
    const weights = this.#weights;
    const emissions = new Float64Array(line.length * tags);
    featuresOf(line, this.lexicons).forEach((features, i) => {
      const row = i * tags;
      for (const hash of features) {
        const from = (hash & this.#mask) * tags;
        for (let t = 0; t < tags; t++) emissions[row + t] = emissions[row + t]! + weights[from + t]!;
      }
      for (let t = 0; t < tags; t++) emissions[row + t] = emissions[row + t]! * this.#scale;
    });
    return emissions;
  }
}

/** Makes names `recall` times as likely against "outside", so that a score of one half is the best place to cut. */
function moveFromOutside(probabilities: Float64Array, at: number, tags: number, recall: number): void {
  const outside = probabilities[at]!;
  const sum = outside + (1 - outside) * recall;
  probabilities[at] = outside / sum;
  for (let t = 1; t < tags; t++) probabilities[at + t] = (probabilities[at + t]! * recall) / sum;
}

function spansOf(line: TokenLine, path: Uint8Array, probabilities: Float64Array, tags: number): NameSpan[] {
  const spans: NameSpan[] = [];
  for (let i = 0; i < path.length; ) {
    if (path[i] === OUTSIDE) {
      i++;
      continue;
    }
    const first = i++;
    while (i < path.length && isInside(path[i]!) && !endsSentence(line, i)) i++;
    const last = i;
    // What stands behind the full stop is another name, or none.
    if (i < path.length && isInside(path[i]!)) i++;
    const type = typeOf(path[first]!);
    if (last - first === 1 && NO_NAMES.has(line[first]!.small)) continue;
    spans.push({
      start: line[first]!.start,
      end: line[last - 1]!.end,
      label: NAME_TYPES[type]!,
      score: roundTo(meanOf(probabilities, first, last, type, tags), SCORE_DECIMALS),
    });
  }
  return spans;
}

/** A full stop behind a word that is no abbreviation. */
function endsSentence(line: TokenLine, i: number): boolean {
  return line[i]!.text === '.' && line[i - 1]!.text.length > 3 && line[i - 1]!.text !== line[i - 1]!.small;
}

/** Mean probability of the type over the tokens. */
function meanOf(
  probabilities: Float64Array,
  first: number,
  last: number,
  type: number,
  tags: number,
): number {
  let sum = 0;
  for (let i = first; i < last; i++) {
    const at = i * tags + beginning(type);
    sum += probabilities[at]! + probabilities[at + 1]!;
  }
  return sum / (last - first);
}
