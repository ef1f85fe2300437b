/** Records of a group: one for each instance that the text tells of, each field from what is said of that instance. */
import type { GroupOption } from '@zerogpu/catalogue';
import type { KindLexicon } from '../entities/kind-lexicon.ts';
import { withoutOverlaps } from '../entities/span.ts';
import { type Candidate, type KeyValue, keyValuesIn, trimmed } from './entity-finder.ts';
import { type FieldPlan, planOf } from './field-plan.ts';
import { candidatesOf, type FieldValue, type Finds, optionsOf, type ValueOption } from './field-values.ts';
import {
  anchoredRegions,
  keyedBlocks,
  listItems,
  type Range,
  type Region,
  tableRows,
  whole,
} from './regions.ts';
import type { TextReading } from './text-reading.ts';

export type FieldRecord = ReadonlyMap<string, FieldValue | null>;

const LEAST_ANCHOR = 0.5;
const ANCHORED = 1.5;

/** Records in the text's order; none when nothing of the group is found. */
export function recordsOf(
  group: GroupOption,
  reading: TextReading,
  kinds: KindLexicon,
  choose: Finds['choose'],
): FieldRecord[] {
  const plans = group.fields.map((field) => planOf(field, group, kinds));
  const candidates = new Map(plans.map((plan) => [plan, candidatesOf(plan, reading, kinds)]));
  const finds: Finds = { reading, kinds, pairs: keyValuesIn(reading.text), candidates, choose };
  const regions = regionsOf(plans, finds);
  const records = regions.map((region) => recordOf(plans, region, finds));
  return withoutEcho(records.filter(({ filled }) => filled > 0)).map(({ record }) => record);
}

interface Filled {
  readonly record: FieldRecord;
  /** Number of fields that the text itself says something of. */
  readonly filled: number;
}

function regionsOf(plans: readonly FieldPlan[], finds: Finds): Region[] {
  const { text } = finds.reading;
  const rows = tableRows(text, plans);
  if (rows.length > 0) return rows;
  const blocks = keyedBlocks(text, finds.pairs, plans);
  if (blocks.length > 0) return blocks;
  const anchor = anchorOf(plans, finds);
  const items = itemRegions(text, anchor?.candidates ?? [], plans);
  if (items.length > 1) return items;
  if (!anchor) return [whole(text)];
  if (anchor.isShared || isKeyed(anchor.plan, finds.pairs)) return [whole(text)];
  const regions = anchoredRegions(text, anchor.candidates, finds.reading.sentences);
  return regions.length > 1 ? regions : [{ ...whole(text), anchor: regions[0]?.anchor ?? null }];
}

/** One "Name: …" line says that the text is of one instance. */
function isKeyed(plan: FieldPlan, pairs: readonly KeyValue[]): boolean {
  return pairs.some(({ key }) => plan.keys.has(key));
}

interface Anchor {
  readonly plan: FieldPlan;
  readonly candidates: readonly Candidate[];
  /** True when another field holds things of the same kind, so that a mention may be either. */
  readonly isShared: boolean;
}

/** The field by which instances are told apart: the first that holds names and has some in the text. */
function anchorOf(plans: readonly FieldPlan[], finds: Finds): Anchor | null {
  for (const plan of plans) {
    const { field, meaning } = plan;
    if (field.type !== 'str' || field.choices) continue;
    if (meaning.kind === null && meaning.names.length === 0 && meaning.pattern === null) continue;
    const sure = (finds.candidates.get(plan) ?? []).filter(({ score }) => score >= LEAST_ANCHOR);
    if (sure.length === 0) continue;
    const candidates = withoutOverlaps(sure.map((one) => ({ ...one, label: '' })));
    const isShared = plans.some((other) => other !== plan && sameThings(other, plan));
    return { plan, candidates, isShared };
  }
  return null;
}

function sameThings({ field, meaning }: FieldPlan, { meaning: other }: FieldPlan): boolean {
  if (field.type !== 'str' || field.choices) return false;
  return (
    (meaning.kind !== null && meaning.kind === other.kind) ||
    (meaning.pattern !== null && meaning.pattern === other.pattern)
  );
}

/** List items that name an instance each. */
function itemRegions(text: string, anchors: readonly Candidate[], plans: readonly FieldPlan[]): Region[] {
  const named = plans.find(({ isName }) => isName);
  const items = listItems(text);
  if (items.length < 2) return [];
  const regions: Region[] = [];
  let at = 0;
  for (const item of items) {
    while (at < anchors.length && anchors[at]!.start < item.start) at++;
    const anchor = anchors[at];
    const isInside = anchor !== undefined && anchor.start < item.end;
    if (!isInside && !named) continue;
    // An item of a list opens with what it is about.
    const cells =
      isInside || !named ? new Map<FieldPlan, Range>() : new Map([[named, openingOf(text, item)]]);
    regions.push({ ranges: [item], cells, anchor: isInside ? anchor : null });
  }
  return regions.length * 2 > items.length ? regions : [];
}

/** The words of an item before its first sign. */
function openingOf(text: string, { start, end }: Range): Range {
  const opening = /^[^-–—:,;.(|\n]{1,60}(?:-[^\s-][^-–—:,;.(|\n]{0,40})?/.exec(
    text.slice(start, Math.min(end, start + 110)),
  );
  return trimmed(text, start, start + (opening?.[0].length ?? end - start));
}

function recordOf(plans: readonly FieldPlan[], region: Region, finds: Finds): Filled {
  const options = plans
    .flatMap((plan) => optionsOf(plan, region, finds))
    .map((option) => (isAnchor(option, region) ? { ...option, score: option.score + ANCHORED } : option))
    .sort((a, b) => b.score - a.score);
  const taken: Range[] = [];
  const values = new Map<FieldPlan, FieldValue>();
  for (const { plan, value, place } of options) {
    if (
      values.has(plan) ||
      (place && taken.some((other) => other.start < place.end && place.start < other.end))
    )
      continue;
    values.set(plan, value);
    if (place) taken.push(place);
  }
  const record = new Map(plans.map((plan) => [plan.field.name, values.get(plan) ?? null]));
  return { record, filled: values.size };
}

function isAnchor({ plan, place }: ValueOption, { anchor }: Region): boolean {
  return plan.field.type === 'str' && anchor !== null && place !== null && place.start === anchor.start;
}

/** Without records that say nothing which another does not say too. */
function withoutEcho(records: readonly Filled[]): Filled[] {
  const seen = new Set<string>();
  return records.filter(({ record }) => {
    const key = JSON.stringify([...record]);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
