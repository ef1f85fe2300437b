/**
 * Summaries made of the text's own sentences, unchanged and in their order: each sentence gets a learned score, and
 * the best ones are taken that do not repeat each other and do not lean on a sentence that was left out.
 */
import { type Tokenizer, tokenizerOf } from '@zerogpu/catalogue';
import type { Piece, RunEnd } from '../runtime.ts';
import { plainText } from './markup.ts';
import type { LoadedProgram, Program, ProgramInference } from './programs.ts';
import {
  cosine,
  type DocumentFacts,
  documentFacts,
  FEATURES,
  type SentenceFacts,
  withoutPlace,
} from './summary-features.ts';
import { TermTable } from './terms.ts';
import { Trees } from './trees.ts';
import { type Weights, WeightsError } from './weights.ts';
import { isSpace, trim } from './words.ts';

export interface SummaryModel {
  readonly table: TermTable;
  /** A sentence's score from its features: about its likeness to a human's summary, the best of a text being 1. */
  readonly score: (features: Float32Array<ArrayBuffer>) => number;
}

export interface SummaryOptions {
  /** Hard bound on the summary's tokens. */
  readonly maxOutputTokens: number;
  /** Number of sentences; chosen by the text's length when absent. */
  readonly sentences?: number;
}

export interface Summary {
  /** The sentences, each with what separates it from the one before; joined, they are the summary. */
  readonly pieces: readonly string[];
  readonly finishReason: 'stop' | 'length';
}

/** At most this many candidates are compared with each other, so that the time stays linear in the text. */
const CANDIDATES = 64;
const MOST_SENTENCES = 4;
/** A text of so few words is its own summary. */
const SHORT_TEXT = 25;
/** A short string and its place in a map, about. */
const BYTES_PER_TERM = 80;

const REDUNDANCY = 0.45;
const LEANING = 0.12;
const UNBALANCED = 0.12;
const UNCLOSED = 0.7;
const FRAGMENT = 0.4;
const FRAGMENT_WORDS = 5;
const LONG_WORDS = 60;
const LONG = 0.25;
const BOILERPLATE = 6;
const NEVER = 10;
const SMALL_TALK = 0.4;
/** For the sentence that opens a report or an article, which says what it is about more often than the trees think. */
const LEAD = 0.15;
/** In personal texts only. */
const DECISION = 0.15;
const MOST_DECISIONS = 0.3;
const QUESTION = 0.2;
const SHORT_REMARK = 8;
const REMARK = 0.15;
/** What follows the first sentence: background that opens with a year, and distance from the beginning. */
const PAST = 0.1;
const DISTANCE = 0.012;
const FARTHEST = 12;
/** Below this share of words in full sentences a text is a list. */
const PROSE_SHARE = 0.3;

const tokenizer: () => Tokenizer = () => tokenizerOf('zlm');

export const extractiveSummary: Program = {
  load(weights: Weights): LoadedProgram {
    const model = summaryModel(weights);
    return {
      residentBytes: model.table.size * BYTES_PER_TERM,
      async *run(inference: ProgramInference, signal: AbortSignal): AsyncGenerator<Piece, RunEnd, undefined> {
        const summary = summarize(inference.text, model, { maxOutputTokens: inference.maxOutputTokens });
        for (const text of summary.pieces) {
          signal.throwIfAborted();
          yield { kind: 'text', text };
        }
        return {
          finishReason: summary.finishReason,
          inputTokens: tokenizer().count(inference.text),
          outputTokens: tokenizer().count(summary.pieces.join('')),
        };
      },
    };
  },
};

/** @throws WeightsError when the weights were trained on other features than this code computes */
export function summaryModel(weights: Weights): SummaryModel {
  const features = weights.meta['features'];
  if (!Array.isArray(features) || features.join() !== FEATURES.join()) {
    throw new WeightsError('Weights were trained on other features than this program has');
  }
  const trees = new Trees(weights, FEATURES.length);
  return { table: TermTable.of(weights), score: (values) => trees.score(values) };
}

export function summarize(source: string, model: SummaryModel, options: SummaryOptions): Summary {
  const text = plainText(source);
  const document = documentFacts(text, model.table);
  if (document.sentences.length <= 1 || isShort(document)) return whole(text, options.maxOutputTokens);
  const wanted = options.sentences ?? wantedSentences(document);
  const candidates = candidatesOf(document, model);
  const chosen = choose(text, candidates, wanted, options.maxOutputTokens);
  if (chosen.length === 0) return cut(sentenceText(text, candidates[0]!.facts), options.maxOutputTokens);
  return { pieces: piecesOf(text, chosen), finishReason: 'stop' };
}

function isShort(document: DocumentFacts): boolean {
  return document.wordCount <= SHORT_TEXT && document.sentences.length <= MOST_SENTENCES;
}

function wantedSentences(document: DocumentFacts): number {
  const { sentences, wordCount, isAbstract } = document;
  if (closedShare(document) < PROSE_SHARE) return Math.min(MOST_SENTENCES, Math.ceil(sentences.length / 2));
  if (isAbstract || sentences.length <= 3 || wordCount <= 60) return 1;
  const byLength = wordCount <= 180 ? 2 : wordCount <= 500 ? 3 : MOST_SENTENCES;
  return Math.min(byLength, Math.ceil(sentences.length / 3));
}

interface Candidate {
  readonly index: number;
  readonly facts: SentenceFacts;
  readonly score: number;
}

/** The best sentences by their own merit, best first. */
function candidatesOf(document: DocumentFacts, model: SummaryModel): Candidate[] {
  const isProse = closedShare(document) >= PROSE_SHARE;
  return document.sentences
    .map((facts, index) => ({
      index,
      facts,
      score: meritOf(facts, document, model) - faults(facts, isProse),
    }))
    .sort((a, b) => b.score - a.score || a.index - b.index)
    .slice(0, CANDIDATES);
}

function meritOf(facts: SentenceFacts, document: DocumentFacts, model: SummaryModel): number {
  if (!document.isPersonal) {
    const lead = facts.isLead && !document.isAbstract ? LEAD : 0;
    return model.score(facts.features) + lead + facts.section;
  }
  const decisions = Math.min(MOST_DECISIONS, facts.decisions * DECISION);
  const question = facts.isQuestion ? QUESTION : 0;
  const short = facts.wordCount < SHORT_REMARK ? REMARK : 0;
  return model.score(withoutPlace(facts.features)) + decisions - question - short;
}

/** The share of words that stand in sentences with a full stop; small for lists and notes. */
function closedShare({ sentences, wordCount }: DocumentFacts): number {
  let words = 0;
  for (const { closed, wordCount: own } of sentences) if (closed && own >= FRAGMENT_WORDS) words += own;
  return words / wordCount;
}

/** What a reader would hold against a sentence in a summary, whatever its content. */
function faults(facts: SentenceFacts, isProse: boolean): number {
  let sum = 0;
  if (facts.isTitle) sum += NEVER;
  if (!facts.closed && isProse) sum += UNCLOSED;
  if (facts.wordCount < FRAGMENT_WORDS) sum += FRAGMENT;
  if (facts.wordCount > LONG_WORDS) sum += LONG;
  if (facts.isUnbalanced) sum += UNBALANCED;
  sum += Math.min(1, facts.smallTalk) * SMALL_TALK;
  return sum + Math.min(1, (facts.boilerplate / facts.wordCount) * BOILERPLATE);
}

function choose(
  text: string,
  candidates: readonly Candidate[],
  wanted: number,
  maxTokens: number,
): Candidate[] {
  let chosen: Candidate[] = [];
  const left = new Set(candidates);
  while (chosen.length < wanted) {
    let best: Candidate[] | null = null;
    let bestValue = Number.NEGATIVE_INFINITY;
    for (const candidate of left) {
      const value = valueBeside(candidate, chosen);
      if (value <= bestValue) continue;
      const together = [...chosen, candidate].sort((a, b) => a.index - b.index);
      if (tokenizer().count(piecesOf(text, together).join('')) > maxTokens) left.delete(candidate);
      else [best, bestValue] = [together, value];
    }
    if (!best || (chosen.length > 0 && bestValue < 0)) break;
    for (const candidate of best) left.delete(candidate);
    chosen = best;
  }
  return chosen;
}

function valueBeside(candidate: Candidate, chosen: readonly Candidate[]): number {
  let likeness = 0;
  let hasPrevious = candidate.index === 0;
  for (const other of chosen) {
    likeness = Math.max(likeness, cosine(candidate.facts.terms, other.facts.terms));
    if (other.index === candidate.index - 1) hasPrevious = true;
  }
  const leaning = candidate.facts.leansOnPrevious && !hasPrevious ? LEANING : 0;
  const past = candidate.facts.startsInPast && chosen.length > 0 ? PAST : 0;
  const after = chosen.length > 0 ? Math.max(0, candidate.index - chosen[0]!.index) : 0;
  const distance = Math.min(FARTHEST, after) * DISTANCE;
  return candidate.score - REDUNDANCY * likeness - leaning - past - distance;
}

function piecesOf(text: string, chosen: readonly Candidate[]): string[] {
  return chosen.map(({ facts }, i) => {
    const previous = chosen[i - 1]?.facts;
    return (previous ? separator(text, previous) : '') + sentenceText(text, facts);
  });
}

/** Nothing behind a full stop of a script without spaces; a line end behind what has no full stop. */
function separator(text: string, previous: SentenceFacts): string {
  if ('。！？｡」』'.includes(text.charAt(previous.end - 1))) return '';
  return previous.closed ? ' ' : '\n';
}

/** The sentence on one line: a line end inside it was only its paper's width. */
function sentenceText(
  text: string,
  { start, end }: { readonly start: number; readonly end: number },
): string {
  const own = text.slice(start, end);
  return /[\r\n]/.test(own)
    ? own
        .split(/[\r\n]/)
        .map(trimmed)
        .filter(Boolean)
        .join(' ')
    : own;
}

function trimmed(text: string): string {
  const { start, end } = trim(text, 0, text.length);
  return text.slice(start, end);
}

/** A text that needs no summary: itself, in its own lines. */
function whole(text: string, maxTokens: number): Summary {
  const own = trimmed(text);
  if (tokenizer().count(own) > maxTokens) return cut(own, maxTokens);
  return { pieces: own === '' ? [] : [own], finishReason: 'stop' };
}

/** As much as fits of a text that does not: to the last whole word, or the last whole token of a single word. */
function cut(text: string, maxTokens: number): Summary {
  const fitting = tokenizer().truncate(text, maxTokens);
  if (fitting === text) return { pieces: [text], finishReason: 'stop' };
  let end = fitting.length;
  if (!isSpace(text.charCodeAt(end))) {
    while (end > 0 && !isSpace(text.charCodeAt(end - 1))) end--;
  }
  while (end > 0 && isSpace(text.charCodeAt(end - 1))) end--;
  const words = end > 0 ? text.slice(0, end) : fitting;
  return { pieces: [words], finishReason: 'length' };
}
