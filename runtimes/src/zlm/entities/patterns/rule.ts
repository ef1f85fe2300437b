/** How patterns are told: a regular expression over the folded text, a label, and a check of what was matched. */
import type { PiiLabel } from '@zerogpu/catalogue';
import type { Span } from '../span.ts';
import { fold } from './fold.ts';

export interface PatternSpan extends Span {
  readonly label: PiiLabel;
}

/** A text as sent and folded; both have the same length. */
export interface Reading {
  readonly text: string;
  readonly folded: string;
}

export function readingOf(text: string): Reading {
  return { text, folded: fold(text) };
}

/** What was matched, and where. */
export interface Match {
  /** Folded. */
  readonly value: string;
  readonly start: number;
  readonly end: number;
  readonly reading: Reading;
}

/** A score, or 0 for "this is none". */
export type Check = (match: Match) => number;

export interface Rule {
  readonly label: PiiLabel;
  /**
   * Global, over the folded text; bounded everywhere, without nested repetition. The value is the group `v`, which ends
   * the match, or all of it.
   */
  readonly pattern: RegExp;
  /** A score, or what gives it. */
  readonly score: number | Check;
}

export function matchesOf({ label, pattern, score }: Rule, reading: Reading): PatternSpan[] {
  const spans: PatternSpan[] = [];
  for (const match of occurrences(pattern, reading.folded)) {
    const value = match.groups?.['v'] ?? match[0];
    const end = match.index + match[0].length;
    spans.push(...spanOf(label, score, { value, start: end - value.length, end, reading }));
  }
  return spans;
}

/** As `matchAll`, without a copy of the pattern; the pattern matches nothing empty. */
function occurrences(pattern: RegExp, folded: string): RegExpExecArray[] {
  const found: RegExpExecArray[] = [];
  pattern.lastIndex = 0;
  for (let match = pattern.exec(folded); match; match = pattern.exec(folded)) found.push(match);
  return found;
}

function spanOf(label: PiiLabel, score: number | Check, match: Match): PatternSpan[] {
  const given = typeof score === 'number' ? score : score(match);
  return given > 0 && match.end > match.start
    ? [{ start: match.start, end: match.end, label, score: given }]
    : [];
}

/** A value that is told by words before it: "passport no. X123456". */
export interface CuedRule {
  readonly label: PiiLabel;
  /** Global: the words. */
  readonly cue: RegExp;
  /** Sticky: the value, behind the cue and what usually stands between. */
  readonly value: RegExp;
  readonly score: number | Check;
  /** Sticky: what stands between, instead of the usual. */
  readonly filler?: RegExp;
}

/** "number", "is", colons, quotes and brackets between a cue and its value. */
const FILLER =
  /(?:[ ]{0,2}(?:(?:numbers?|num|no|nos|nr|nummer|numero|numeros|numer|code|codigo|codice|id|ids|is|was|are|ist|lautet|war|es|est|era|e|y|et|und|and|son|sao|sind|the|my|our|your|his|her|of|de|da|do|del|della|mi|meine|on|file|details?|data|n|num[.])(?![a-z0-9])|[:#=.°º"'()[\]{}<>|,;*_-])|:\r?\n){0,10} {0,3}/y;

export function cuedMatchesOf(rule: CuedRule, reading: Reading): PatternSpan[] {
  const { folded } = reading;
  const { value, filler = FILLER } = rule;
  const spans: PatternSpan[] = [];
  for (const cue of occurrences(rule.cue, folded)) {
    filler.lastIndex = cue.index + cue[0].length;
    if (!filler.test(folded)) continue;
    value.lastIndex = filler.lastIndex;
    const found = value.exec(folded);
    if (!found) continue;
    const matched = found.groups?.['v'] ?? found[0];
    const end = found.index + found[0].length;
    spans.push(
      ...spanOf(rule.label, rule.score, { value: matched, start: end - matched.length, end, reading }),
    );
  }
  return spans;
}

/** The folded text before a place, at most so much of it. */
export function before({ start, reading }: Match, length: number): string {
  return reading.folded.slice(Math.max(0, start - length), start);
}

export function after({ end, reading }: Match, length: number): string {
  return reading.folded.slice(end, end + length);
}

/** As the text was sent. */
export function sent({ start, end, reading }: Match): string {
  return reading.text.slice(start, end);
}
