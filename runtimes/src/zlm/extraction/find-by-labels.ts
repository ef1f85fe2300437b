/** Entities of a text by labels that the caller names. */
import type { KindLexicon } from '../entities/kind-lexicon.ts';
import { type Span, withoutOverlaps } from '../entities/span.ts';
import { roundTo } from '../numeric.ts';
import { type Candidate, candidatesFor } from './entity-finder.ts';
import { roleBehind } from './formed-names.ts';
import { type KeyValue, keyValuesIn, trimmed } from './key-values.ts';
import { keyOf, type Meaning } from './label-meaning.ts';
import type { TextReading } from './text-reading.ts';

export interface LabelledSpan extends Span {
  /** As the caller wrote it. */
  readonly label: string;
}

export interface AskedLabel {
  readonly label: string;
  readonly meaning: Meaning;
}

const KEYED = 0.87;
const LONGEST_VALUE = 120;
/** Of labels that fit alike, the narrower kind and then the earlier label win. */
const NARROWER = 0.06;

/** Spans of all labels, without overlaps, in the text's order; scores at or above `threshold`. */
export function findByLabels(
  asked: readonly AskedLabel[],
  reading: TextReading,
  kinds: KindLexicon,
  threshold: number,
): LabelledSpan[] {
  const keyed = keyValuesIn(reading.flowing);
  const found = asked.flatMap(({ label, meaning }, order) => {
    const isOnly = isOnlyOfTop(meaning, asked, kinds);
    const candidates = [
      ...inRole(meaning, candidatesFor(meaning, reading, kinds, isOnly), reading.text),
      ...keyedSpans(meaning, keyed, reading.text),
    ];
    const bonus = NARROWER * widerThan(meaning, asked, kinds) - order * 1e-6;
    return candidates
      .filter(({ score }) => score >= threshold && score > 0)
      .map(({ start, end, score }) => ({ start, end, label, score: score + bonus }));
  });
  return withoutOverlaps(found).map((span) => ({ ...span, score: roundTo(Math.min(1, span.score), 4) }));
}

/** Whether no other label asks for names of the same wide kind, so that a name which may be of it probably is. */
function isOnlyOfTop({ kind }: Meaning, asked: readonly AskedLabel[], kinds: KindLexicon): boolean {
  if (kind === null) return true;
  const top = kinds.top(kind);
  return asked.filter(({ meaning }) => meaning.kind !== null && kinds.top(meaning.kind) === top).length === 1;
}

/** Number of other labels that ask for a wider kind. */
function widerThan({ kind }: Meaning, asked: readonly AskedLabel[], kinds: KindLexicon): number {
  if (kind === null) return 0;
  return asked.filter(({ meaning }) => {
    const other = meaning.kind;
    return other !== null && other !== kind && kinds.isA(kind, other);
  }).length;
}

/** Of names that a bracket gives a role, those with this one: "(“the Landlord”)"; all when none has it. */
function inRole(
  { kind, names, terms }: Meaning,
  candidates: readonly Candidate[],
  text: string,
): readonly Candidate[] {
  if (kind !== null || names.length === 0) return candidates;
  const roles = candidates.map(({ end }) => roleBehind(text, end));
  const key = terms.join(' ');
  const own = candidates.filter((_, i) => roles[i] !== null && keyOf(roles[i] ?? '') === key);
  return own.length > 0 ? own : candidates.filter((_, i) => roles[i] === null);
}

/** Values behind the label itself: "Skills: Python, SQL". */
function keyedSpans(meaning: Meaning, keyed: readonly KeyValue[], text: string): Candidate[] {
  // What has a form is found by its form.
  if (meaning.pattern !== null || meaning.quantities.length > 0) return [];
  const key = meaning.terms.join(' ');
  return keyed
    .filter((pair) => pair.end - pair.start <= LONGEST_VALUE && keyOf(pair.key) === key)
    .flatMap(({ start, end }) => itemsIn(text, start, end));
}

/** The parts of a value between commas. */
function itemsIn(text: string, start: number, end: number): Candidate[] {
  const items: Candidate[] = [];
  for (let at = start; at < end; ) {
    const comma = text.indexOf(',', at);
    const stop = comma < 0 || comma > end ? end : comma;
    const item = trimmed(text, at, stop);
    if (item.start < item.end) items.push({ ...item, score: KEYED });
    at = stop + 1;
  }
  return items;
}
