/** Entities of a text by labels that the caller names. */
import type { KindLexicon } from '../entities/kind-lexicon.ts';
import { type Span, withoutOverlaps } from '../entities/span.ts';
import { roundTo } from '../numeric.ts';
import { candidatesFor, type KeyValue, keyValuesIn } from './entity-finder.ts';
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

const KEYED = 0.8;
const LONGEST_VALUE = 120;
/** Of labels that fit alike, the narrower kind and then the earlier label win. */
const NARROWER = 0.004;

/** Spans of all labels, without overlaps, in the text's order; scores at or above `threshold`. */
export function findByLabels(
  asked: readonly AskedLabel[],
  reading: TextReading,
  kinds: KindLexicon,
  threshold: number,
): LabelledSpan[] {
  const keyed = keyValuesIn(reading.text);
  const found = asked.flatMap(({ label, meaning }, order) => {
    const candidates = [...candidatesFor(meaning, reading, kinds), ...keyedSpans(meaning, keyed)];
    const bonus = (isNarrow(meaning, kinds) ? NARROWER * 50 : 0) - order * 1e-6;
    return candidates
      .filter(({ score }) => score >= threshold && score > 0)
      .map(({ start, end, score }) => ({ start, end, label, score: score + bonus }));
  });
  return withoutOverlaps(found).map((span) => ({ ...span, score: roundTo(Math.min(1, span.score), 4) }));
}

function isNarrow({ kind }: Meaning, kinds: KindLexicon): boolean {
  return kind !== null && kinds.top(kind) !== kind;
}

/** Values behind the label itself: "Skills: Python, SQL". */
function keyedSpans(
  meaning: Meaning,
  keyed: readonly KeyValue[],
): { start: number; end: number; score: number }[] {
  // What has a form is found by its form, and a person's name by the tagger.
  if (meaning.pattern !== null || meaning.quantities.length > 0) return [];
  const key = meaning.terms.join(' ');
  return keyed
    .filter((pair) => pair.end - pair.start <= LONGEST_VALUE && keyOf(pair.key) === key)
    .map(({ start, end }) => ({ start, end, score: KEYED }));
}
