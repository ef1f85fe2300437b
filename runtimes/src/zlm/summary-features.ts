/** What the summary model knows of each sentence. Training reads the same numbers through the same code. */
import { log } from './numeric.ts';
import { type Sentence, splitSentences } from './sentences.ts';
import { type Surface, surfaceOf } from './summary-surface.ts';
import { FIRST_PERSON } from './summary-words.ts';
import { type TermTable, termOf } from './terms.ts';
import { type Word, wordsOf } from './words.ts';

/** The columns of `SentenceFacts.features`, in order; weights trained on others are refused. */
export const FEATURES = [
  'position',
  'index',
  'proseIndex',
  'fromEnd',
  'sentences',
  'words',
  'wordsToMean',
  'isClosed',
  'block',
  'indexInBlock',
  'blockWords',
  'centrality',
  'centralityRank',
  'meanTermWeight',
  'coverage',
  'meanIdf',
  'titleSimilarity',
  'hasTitle',
  'firstSimilarity',
  'novelty',
  'digitShare',
  'nameShare',
  'hasQuote',
  'isQuestion',
  'startsWithPronoun',
  'startsWithConnective',
  'startsInPast',
  'contributionCue',
  'resultCue',
  'conclusionCue',
  'backgroundCue',
  'attributionCue',
  'eventCue',
  'firstPersonPlural',
  'documentFirstPerson',
  'chat',
  'commas',
  'brackets',
  'boilerplate',
  'documentWords',
] as const;

export interface SentenceFacts extends Sentence {
  /** One number for each of FEATURES. */
  readonly features: Float32Array<ArrayBuffer>;
  /** Its distinct terms with tf·idf weights of length 1. */
  readonly terms: ReadonlyMap<string, number>;
  readonly wordCount: number;
  /** Begins with a word that points at the sentence before: "He", "However". */
  readonly leansOnPrevious: boolean;
  /** A quotation or bracket begins in it and ends elsewhere, or the reverse. */
  readonly isUnbalanced: boolean;
  /** Words of web pages that are no part of any article: "Subscribe", "All rights reserved". */
  readonly boilerplate: number;
  /** The first line of a text, when it is a heading. */
  readonly isTitle: boolean;
  /** Decisions, tasks, deadlines, verdicts: what a meeting or a letter is about. */
  readonly decisions: number;
  /** Greetings, thanks, "can you hear me". */
  readonly smallTalk: number;
  /** What the label of a structured abstract ("CONCLUSIONS:") is worth; 0 without one. */
  readonly section: number;
  readonly isQuestion: boolean;
  /** The first full sentence that is no heading and no part of a web page's frame. */
  readonly isLead: boolean;
  /** Opens with a year, as background does. */
  readonly startsInPast: boolean;
}

export interface DocumentFacts {
  readonly sentences: readonly SentenceFacts[];
  readonly wordCount: number;
  /** Reads like the abstract of a paper, which is a summary already. */
  readonly isAbstract: boolean;
  /** Spoken or personal: a transcript, a letter, a review. What matters there may stand anywhere. */
  readonly isPersonal: boolean;
}

interface Raw extends Sentence {
  readonly words: readonly Word[];
  readonly terms: readonly string[];
}

const MOST_COUNTED = 60;
const LONGEST_TITLE = 20;

export function documentFacts(text: string, table: TermTable): DocumentFacts {
  const view = viewOf(text, table);
  const sentences = view.raws.map((_, index) => factsOf(view, index));
  const abstract = isAbstract(view.surfaces, view.weights.words);
  return {
    sentences,
    wordCount: view.weights.words,
    isAbstract: abstract,
    isPersonal: !abstract && (isTranscript(text, view.raws) || isPersonal(sentences, view)),
  };
}

/** A document with what must be known of all sentences before any can be judged. Arrays go by sentence. */
interface View {
  readonly raws: readonly Raw[];
  readonly surfaces: readonly Surface[];
  readonly weights: DocumentWeights;
  readonly vectors: readonly ReadonlyMap<string, number>[];
  readonly centrality: readonly number[];
  readonly ranks: Int32Array;
  readonly novelty: readonly number[];
  /** Number of the sentence in its block, and among the full sentences before it. */
  readonly indexInBlock: readonly number[];
  readonly proseIndex: readonly number[];
  /** Words of the sentence's whole block. */
  readonly blockWords: readonly number[];
  /** The heading and the first full sentence; -1 where there is none. */
  readonly title: number;
  readonly lead: number;
  /** The first full sentence, in a block of any length, that has to do with the rest. */
  readonly opening: number;
}

function viewOf(text: string, table: TermTable): View {
  const raws = rawSentences(text);
  const surfaces = raws.map((raw) => surfaceOf(text, raw, raw.words));
  const weights = documentWeights(raws, table);
  const vectors = raws.map((raw) => unitVector(raw.terms, table));
  const centrality = vectors.map((vector) => cosine(vector, weights.unit));
  const title = titleOf(raws);
  const ranks = ranksOf(centrality);
  const blockWords = blockWordsOf(raws);
  const isProse = proseOf(raws, surfaces, blockWords, title);
  const seen = new Set<string>();
  let prose = 0;
  let inBlock = 0;
  return {
    raws,
    surfaces,
    weights,
    vectors,
    centrality,
    ranks,
    novelty: raws.map((raw) => noveltyOf(raw, seen)),
    indexInBlock: raws.map((raw, i) => {
      inBlock = i > 0 && raws[i - 1]!.block === raw.block ? inBlock + 1 : 0;
      return inBlock;
    }),
    proseIndex: isProse.map((is) => (is ? prose++ : prose)),
    blockWords,
    title,
    lead: isProse.indexOf(true),
    opening: raws.findIndex(
      (raw, i) => i !== title && isFullSentence(raw, surfaces[i]!) && ranks[i]! < raws.length * RELATED,
    ),
  };
}

/** All but the tenth of the sentences that has least to do with the whole. */
const RELATED = 0.9;
const FULL_SENTENCE = 5;
const FULL_BLOCK = 14;

/** Which sentences belong to the running text; where no block is long, every full sentence does. */
function proseOf(
  raws: readonly Raw[],
  surfaces: readonly Surface[],
  blockWords: readonly number[],
  title: number,
): boolean[] {
  const isFull = raws.map((raw, i) => i !== title && isFullSentence(raw, surfaces[i]!));
  const isLong = isFull.map((full, i) => full && blockWords[i]! >= FULL_BLOCK);
  return isLong.includes(true) ? isLong : isFull;
}

/** Neither a fragment nor mostly of a web page's frame. */
function isFullSentence({ closed, words }: Raw, { features }: Surface): boolean {
  return closed && words.length >= FULL_SENTENCE && features.boilerplate * 12 <= words.length;
}

function blockWordsOf(raws: readonly Raw[]): number[] {
  const words = new Map<number, number>();
  for (const raw of raws) words.set(raw.block, (words.get(raw.block) ?? 0) + raw.words.length);
  return raws.map((raw) => words.get(raw.block)!);
}

function factsOf(view: View, index: number): SentenceFacts {
  const { start, end, block, closed, words } = view.raws[index]!;
  const surface = view.surfaces[index]!;
  const { features } = surface;
  const values = { ...placeOf(view, index), ...features };
  return {
    start,
    end,
    block,
    closed,
    features: Float32Array.from(FEATURES, (name) => values[name]),
    terms: view.vectors[index]!,
    wordCount: words.length,
    leansOnPrevious:
      surface.scholarly === 0 && features.startsWithPronoun + features.startsWithConnective > 0,
    isUnbalanced: surface.isUnbalanced,
    boilerplate: features.boilerplate,
    isTitle: index === view.title,
    isLead: index === view.opening,
    startsInPast: features.startsInPast === 1,
    decisions: surface.decisions,
    smallTalk: surface.smallTalk,
    section: surface.section,
    isQuestion: features.isQuestion === 1,
  };
}

/** The features that depend on the rest of the document. */
function placeOf(view: View, index: number) {
  const { raws, weights, vectors, title, lead } = view;
  const raw = raws[index]!;
  const capped = (value: number) => Math.min(value, MOST_COUNTED);
  const likenessTo = (other: number) => (other === -1 ? 0 : cosine(vectors[index]!, vectors[other]!));
  return {
    position: index / raws.length,
    index: capped(index),
    proseIndex: capped(view.proseIndex[index]!),
    fromEnd: capped(raws.length - 1 - index),
    sentences: capped(raws.length),
    words: raw.words.length,
    wordsToMean: (raw.words.length * raws.length) / weights.words,
    isClosed: raw.closed ? 1 : 0,
    block: capped(raw.block),
    indexInBlock: capped(view.indexInBlock[index]!),
    blockWords: capped(view.blockWords[index]!),
    centrality: view.centrality[index]!,
    centralityRank: view.ranks[index]! / raws.length,
    ...weights.shareOf(raw.terms),
    titleSimilarity: likenessTo(title),
    hasTitle: title === -1 ? 0 : 1,
    firstSimilarity: likenessTo(lead),
    novelty: view.novelty[index]!,
    documentFirstPerson: weights.firstPerson,
    documentWords: log(1 + weights.words),
  };
}

/** Sentences that have words at all. */
function rawSentences(text: string): Raw[] {
  const words = wordsOf(text);
  let at = 0;
  const raws: Raw[] = [];
  for (const sentence of splitSentences(text)) {
    while (at < words.length && words[at]!.start < sentence.start) at++;
    const first = at;
    while (at < words.length && words[at]!.end <= sentence.end) at++;
    if (at === first) continue;
    const own = words.slice(first, at);
    raws.push({ ...sentence, words: own, terms: own.map((word) => termOf(word.text)) });
  }
  return raws;
}

interface DocumentWeights {
  readonly words: number;
  readonly unit: ReadonlyMap<string, number>;
  /** Share of "we" and "our" among the words. */
  readonly firstPerson: number;
  shareOf(terms: readonly string[]): { meanTermWeight: number; coverage: number; meanIdf: number };
}

function documentWeights(raws: readonly Raw[], table: TermTable): DocumentWeights {
  const counts = new Map<string, number>();
  let words = 0;
  let firstPerson = 0;
  for (const raw of raws) {
    words += raw.words.length;
    for (const word of raw.words) if (FIRST_PERSON.has(word.text)) firstPerson++;
    for (const term of raw.terms) counts.set(term, (counts.get(term) ?? 0) + 1);
  }
  const weights = new Map<string, number>();
  let total = 0;
  for (const [term, count] of counts) {
    // A term said once tells nothing on what the text comes back to.
    const weight = (count - 0.5) * table.idf(term);
    weights.set(term, weight);
    total += weight;
  }
  return {
    words,
    unit: normalized(weights),
    firstPerson: firstPerson / Math.max(1, words),
    shareOf: (terms) => {
      let weight = 0;
      let idf = 0;
      const distinct = new Set(terms);
      for (const term of distinct) {
        weight += weights.get(term) ?? 0;
        idf += table.idf(term);
      }
      return {
        meanTermWeight: total === 0 ? 0 : (weight / total / distinct.size) * counts.size,
        coverage: total === 0 ? 0 : weight / total,
        meanIdf: idf / distinct.size,
      };
    },
  };
}

function unitVector(terms: readonly string[], table: TermTable): Map<string, number> {
  const weights = new Map<string, number>();
  for (const term of terms) weights.set(term, (weights.get(term) ?? 0) + table.idf(term));
  return normalized(weights);
}

function normalized(weights: ReadonlyMap<string, number>): Map<string, number> {
  let squares = 0;
  for (const weight of weights.values()) squares += weight * weight;
  const length = Math.sqrt(squares) || 1;
  const unit = new Map<string, number>();
  for (const [term, weight] of weights) unit.set(term, weight / length);
  return unit;
}

/** Of two vectors of length 1. Walks the first in its own order, so pass them in a fixed order. */
export function cosine(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const [term, weight] of a) sum += weight * (b.get(term) ?? 0);
  return sum;
}

/** How many are larger; equal ones rank by place. */
function ranksOf(values: readonly number[]): Int32Array {
  const order = values.map((_, i) => i).sort((a, b) => values[b]! - values[a]! || a - b);
  const ranks = new Int32Array(values.length);
  order.forEach((at, rank) => {
    ranks[at] = rank;
  });
  return ranks;
}

function titleOf(raws: readonly Raw[]): number {
  const [first, second] = raws;
  const isHeading = first && second && !first.closed && second.block !== first.block;
  return isHeading && first.words.length >= 2 && first.words.length <= LONGEST_TITLE ? 0 : -1;
}

function noveltyOf(raw: Raw, seen: Set<string>): number {
  let fresh = 0;
  for (const term of raw.terms) {
    if (!seen.has(term)) fresh++;
    seen.add(term);
  }
  return fresh / raw.terms.length;
}

const LONGEST_ABSTRACT = 400;

/** Short, speaks of its own work, and quotes nobody; or has the sections of a structured abstract. */
function isAbstract(surfaces: readonly Surface[], words: number): boolean {
  if (words > LONGEST_ABSTRACT || surfaces.length < 3) return false;
  let scholarly = 0;
  let attributions = 0;
  let sections = 0;
  for (const surface of surfaces) {
    scholarly += surface.scholarly;
    attributions += surface.features.attributionCue;
    if (surface.section !== 0) sections++;
  }
  return sections >= 2 || (scholarly > 0 && attributions === 0);
}

const SPEAKER = /^[^\s:]{1,24}(?: [^\s:]{1,24}){0,2}:\s/;

/** Behind a heading or two; an interview with an introduction is an article. */
const LATEST_FIRST_TURN = 3;

/** Many of its blocks begin with a speaker's name, from the beginning on. */
function isTranscript(text: string, raws: readonly Raw[]): boolean {
  let blocks = 0;
  let turns = 0;
  let isOpening = false;
  for (const [i, { block, start }] of raws.entries()) {
    if (i > 0 && raws[i - 1]!.block === block) continue;
    blocks++;
    if (!SPEAKER.test(text.slice(start, start + 80))) continue;
    turns++;
    if (blocks <= LATEST_FIRST_TURN) isOpening = true;
  }
  return isOpening && turns >= 3 && turns >= blocks * 0.4;
}

const PERSONAL_SHARE = 0.03;
const CHAT = FEATURES.indexOf('chat');
const HAS_QUOTE = FEATURES.indexOf('hasQuote');

/** Speaks of "I" and "you" from its first sentence on, and not only in quotations. */
function isPersonal(
  sentences: readonly { readonly features: Float32Array }[],
  { weights, lead }: View,
): boolean {
  let count = 0;
  for (const { features } of sentences) if (features[HAS_QUOTE] === 0) count += features[CHAT]!;
  const isFromTheStart = lead === -1 || sentences[lead]!.features[CHAT]! > 0;
  return isFromTheStart && count >= 3 && count >= weights.words * PERSONAL_SHARE;
}

/** What the columns that tell a sentence's place hold for one in the middle of a text. */
const MIDDLE: Readonly<Partial<Record<(typeof FEATURES)[number], number>>> = {
  position: 0.4,
  index: 6,
  proseIndex: 6,
  fromEnd: 8,
  block: 3,
  indexInBlock: 1,
  blockWords: 40,
  titleSimilarity: 0,
  hasTitle: 0,
  firstSimilarity: 0.1,
};

/** The features of the same sentence somewhere in the middle. */
export function withoutPlace(features: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  return features.map((value, i) => MIDDLE[FEATURES[i]!] ?? value);
}
