/** Records of a group: one for each instance that the text tells of, each field from what is said of that instance. */
import type { GroupOption } from '@zerogpu/catalogue';
import type { KindLexicon } from '../entities/kind-lexicon.ts';
import { withoutOverlaps } from '../entities/span.ts';
import { STARTERS } from '../sentence-words.ts';
import { termOf } from '../terms.ts';
import { isCapital, lowerCase } from '../words.ts';
import { contestOptions } from './contests.ts';
import type { Candidate } from './entity-finder.ts';
import { type FieldPlan, planOf } from './field-plan.ts';
import {
  CAPITALS_ONLY,
  candidatesOf,
  type FieldValue,
  type Finds,
  keyRank,
  optionsOf,
  type ValueOption,
} from './field-values.ts';
import { titleLine } from './formed-names.ts';
import { type KeyValue, keyValuesIn, trimmed } from './key-values.ts';
import { keyOf, termsOf } from './label-meaning.ts';
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
  const finds: Finds = { reading, kinds, pairs: keyValuesIn(reading.flowing), candidates, choose };
  const regions = regionsOf(plans, finds);
  const each = regions.map((region) => recordOf(plans, region, finds));
  const records = isRepeated(each, regions, plans) ? each : [merged(each, regions, plans, finds)];
  const most = Math.max(0, ...records.map(({ filled }) => filled));
  // A sentence of its own that says less than half of what another does tells of something else.
  const least = regions[0]?.isSentence ? most / 2 + 0.5 : 1;
  return withoutEcho(records.filter(({ filled }) => filled >= least)).map(({ record }) => record);
}

interface Filled {
  readonly record: FieldRecord;
  /** Number of fields that the text itself says something of. */
  readonly filled: number;
}

/**
 * Whether the text tells of several instances: by its structure, or by two mentions at least that each have most of
 * the fields. Otherwise the mentions are of things beside the one instance.
 */
function isRepeated(
  records: readonly Filled[],
  regions: readonly Region[],
  plans: readonly FieldPlan[],
): boolean {
  if (records.length < 2 || plans.length < 2 || !regions[0]?.isMention) return true;
  const most = Math.floor(plans.length / 2) + 1;
  const full = records.filter(({ filled }) => filled >= most);
  const again = plans.filter(({ field }) => {
    const isTold = !field.choices && field.type !== 'bool';
    return isTold && full.filter(({ record }) => record.get(field.name) !== null).length > 1;
  });
  return full.length > 1 && again.length > 1;
}

/** One record of the whole text, about what has most of the fields said of it. */
function merged(
  records: readonly Filled[],
  regions: readonly Region[],
  plans: readonly FieldPlan[],
  finds: Finds,
): Filled {
  let best = 0;
  records.forEach(({ filled }, i) => {
    if (filled > records[best]!.filled) best = i;
  });
  return recordOf(plans, { ...whole(finds.reading.text), anchor: regions[best]?.anchor ?? null }, finds);
}

function regionsOf(plans: readonly FieldPlan[], finds: Finds): Region[] {
  const { text } = finds.reading;
  const keyed = plans.filter((plan) => isKeyed(plan, finds.pairs));
  const isNamedByKey = keyed.some(({ isName }) => isName) && keyed.length * 2 > plans.length;
  const rows = tableRows(text, plans, isNamedByKey);
  if (rows.length > 0) return rows;
  const blocks = keyedBlocks(text, finds.pairs, plans);
  if (blocks.length > 0) return blocks;
  const named = plans.find(({ isName }) => isName);
  const openings = named && !isKeyed(named, finds.pairs) ? openingNames(finds.reading) : [];
  const anchor = anchorOf(plans, finds);
  const items = itemRegions(text, anchor?.candidates ?? [], plans);
  if (items.length > 1) return items;
  if (openings.length > 1 && isParallel(openings, anchor?.plan === named ? anchor : null, finds)) {
    return anchoredRegions(text, openings, finds.reading.sentences);
  }
  if (!anchor || isOneForm(plans, finds.pairs)) return [whole(text)];
  if (isKeyed(anchor.plan, finds.pairs)) return [whole(text)];
  if (anchor.isShared) return sentenceRegions(text, allNames(plans, finds), finds.reading.sentences);
  const regions = anchoredRegions(text, anchor.candidates, finds.reading.sentences);
  return regions.length > 1 ? regions : [{ ...whole(text), anchor: regions[0]?.anchor ?? null }];
}

/** Two fields or more have a "key: value" of their own, none twice: the text is one filled form. */
function isOneForm(plans: readonly FieldPlan[], pairs: readonly KeyValue[]): boolean {
  const counts = plans.map((plan) => pairs.filter(({ key }) => keyRank(plan, key) > 0).length);
  return counts.filter((count) => count > 0).length > 1 && counts.every((count) => count < 2);
}

/** One "Name: …" line says that the text is of one instance. */
function isKeyed(plan: FieldPlan, pairs: readonly KeyValue[]): boolean {
  return pairs.some(({ key }) => plan.keys.has(keyOf(key)));
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
    const candidates = properNames(
      withoutOverlaps(sure.map((one) => ({ ...one, label: '' }))),
      finds.reading,
    );
    const isShared = plans.some((other) => other !== plan && sameThings(other, candidates, finds));
    return { plan, candidates, isShared };
  }
  return null;
}

/** Where names have capitals, nouns beside them are no instances: "the Sony WH-1000XM5 headphones". */
function properNames(candidates: readonly Candidate[], reading: TextReading): readonly Candidate[] {
  const proper = candidates.filter(({ start, end }) => hasCapital(reading.text, start, end));
  return proper.length > 0 && !reading.isCaseless ? proper : candidates;
}

function hasCapital(text: string, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (isCapital(text.charCodeAt(at))) return true;
  return false;
}

/** Whether the other field may hold most of the things that are named. */
function sameThings(other: FieldPlan, anchors: readonly Candidate[], finds: Finds): boolean {
  if (other.field.type !== 'str' || other.field.choices) return false;
  const places = new Set(
    (finds.candidates.get(other) ?? [])
      .filter(({ score }) => score >= LEAST_ANCHOR)
      .map(({ start }) => start),
  );
  const both = anchors.filter(({ start }) => places.has(start)).length;
  return both > 0 && both * 2 > anchors.length;
}

/** What any field of names may hold, without overlaps. */
function allNames(plans: readonly FieldPlan[], finds: Finds): readonly Candidate[] {
  const all = plans
    .filter(({ meaning }) => meaning.names.length > 0)
    .flatMap((plan) => finds.candidates.get(plan) ?? [])
    .filter(({ score }) => score >= CAPITALS_ONLY);
  return withoutOverlaps(all.map((one) => ({ ...one, label: '' })));
}

/** Sentences that each name two at least, where a record has two of them; the whole text when fewer than two do. */
function sentenceRegions(text: string, anchors: readonly Candidate[], sentences: readonly Range[]): Region[] {
  const full = sentences.filter(
    ({ start, end }) => anchors.filter((anchor) => start <= anchor.start && anchor.end <= end).length > 1,
  );
  if (full.length < 2 || full.length * 2 < sentences.length) return [whole(text)];
  return full.map((range) => ({ ranges: [range], cells: new Map(), anchor: null, isSentence: true }));
}

/** Whether nearly each sentence or line opens with a name, and so there are more of them than of names found. */
function isParallel(openings: readonly Candidate[], anchor: Anchor | null, { reading }: Finds): boolean {
  if (openings.length * 3 < reading.sentences.length * 2) return false;
  return !anchor?.isShared && openings.length > (anchor?.candidates.length ?? 0);
}

const OPENING =
  /^(?:The )?([A-Z][\w'’&-]*(?: (?:of |the |and |de |& )?[A-Z0-9][\w'’&-]*){0,5})(?=( \(| by | is | was | works | joined |,| - | – |: )?)/;

/** Names, or titles, that a sentence or line begins with. */
function openingNames(reading: TextReading): Candidate[] {
  const { text, sentences } = reading;
  return sentences.flatMap(({ start, end }) => {
    const match = OPENING.exec(text.slice(start, Math.min(end, start + 120)));
    const name = match?.[1];
    if (!match || name === undefined || match[3]) return [];
    const words = name.split(' ');
    const isNoun = words.length === 1 && !match[2] && reading.isCommon(name);
    if (isNoun || STARTERS.has(lowerCase(words[0] ?? ''))) return [];
    const from = start + match[0].length - name.length;
    return [{ start: from, end: from + name.length, score: LEAST_ANCHOR }];
  });
}

/** Fields of a post or study; of a person the items of a CV say none. */
function isOfCareer({ field, meaning }: FieldPlan): boolean {
  const isTime = meaning.quantities.some((kind) => kind === 'year' || kind === 'date' || kind === 'duration');
  return isTime || termsOf(field.name).some((term) => CAREER.has(term));
}

const CAREER = new Set(
  'employer company position role degree school university institution job'.split(' ').map(termOf),
);

/** List items that name an instance each. */
function itemRegions(text: string, anchors: readonly Candidate[], plans: readonly FieldPlan[]): Region[] {
  const named = plans.find(({ isName }) => isName);
  const items = listItems(text);
  const isCareer = items.some(({ from, start }) => from < start);
  if (items.length < 2 || (isCareer && !plans.some(isOfCareer))) return [];
  const regions: Region[] = [];
  let at = 0;
  for (const item of items) {
    while (at < anchors.length && anchors[at]!.start < item.start) at++;
    const anchor = anchors[at];
    const isInside = anchor !== undefined && anchor.start < item.end;
    const doer = named ? null : doerOf(text, item, plans);
    if (doer) {
      regions.push({ ranges: [item], cells: new Map([doer]), anchor: null });
      continue;
    }
    if (!isInside && !named) continue;
    // An item of a list opens with what it is about.
    const opening = openingOf(text, item);
    const isNamedThere = named !== undefined && (!isInside || anchor.start < opening.end);
    const cells = isNamedThere ? new Map([[named, opening]]) : new Map<FieldPlan, Range>();
    regions.push({ ranges: [{ start: item.from, end: item.end }], cells, anchor: isInside ? anchor : null });
  }
  return regions.length * 2 > items.length ? regions : [];
}

/** "- Joy: invite the guests": who an item is for, for the first field that holds such names. */
function doerOf(text: string, { start, end }: Range, plans: readonly FieldPlan[]): [FieldPlan, Range] | null {
  const plan = plans.find(({ meaning, field }) => field.type === 'str' && meaning.names.includes('person'));
  const name = /^[A-ZÀ-Þ][\wÀ-ɏ'’-]{1,20}(?: [A-ZÀ-Þ][\wÀ-ɏ'’-]{1,20}){0,2}(?=:)/.exec(
    text.slice(start, Math.min(end, start + 64)),
  );
  return plan && name && !plan.keys.has(keyOf(name[0]))
    ? [plan, { start, end: start + name[0].length }]
    : null;
}

/** The words of an item before its first sign. */
function openingOf(text: string, { start, end }: Range): Range {
  const opening = /^[^-–—:,;.(|\n]{1,60}(?:-[^\s-][^-–—:,;.(|\n]{0,40})?/.exec(
    text.slice(start, Math.min(end, start + 110)),
  );
  return trimmed(text, start, start + (opening?.[0].length ?? end - start));
}

function recordOf(plans: readonly FieldPlan[], region: Region, finds: Finds): Filled {
  const owner = ownerOf(plans, region, finds);
  const options = [
    ...titleOption(plans, region, finds),
    ...contestOptions(plans, region, finds.reading),
    ...anchorOption(owner, region, finds),
    ...plans.flatMap((plan) => optionsOf(plan, region, finds)),
  ]
    .map((option) =>
      isAnchor(option, region, owner) ? { ...option, score: option.score + ANCHORED } : option,
    )
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

const TITLE_SCORE = 3;

/** The text's heading as the title or name of what it is about; of people only names. */
function titleOption(plans: readonly FieldPlan[], { ranges, cells }: Region, finds: Finds): ValueOption[] {
  const { text } = finds.reading;
  const plan = plans.find(({ isName, field }) => isName && keyOf(field.name).split(' ').length === 1);
  const isWhole = ranges.length === 1 && ranges[0]!.start === 0 && ranges[0]!.end === text.length;
  if (!plan || !isWhole || cells.size > 0 || isKeyed(plan, finds.pairs)) return [];
  const title = titleLine(text);
  if (!title || (plan.meaning.kind !== null && !isNameOf(plan, title, finds))) return [];
  return [{ plan, value: text.slice(title.start, title.end), place: title, score: TITLE_SCORE }];
}

/** Whether the heading holds what the field asks for: "TrailLite Backpack" is no person. */
function isNameOf(plan: FieldPlan, title: Range, { candidates, kinds }: Finds): boolean {
  const top = kinds.kinds[kinds.top(plan.meaning.kind ?? 0)] ?? '';
  if (top === 'product' || top === 'creative work' || top === 'food' || top === 'event') return true;
  return (candidates.get(plan) ?? []).some(
    ({ start, end, score }) => score >= LEAST_ANCHOR && start === title.start && end === title.end,
  );
}

/** The region's anchor as the value of the field that names the instance, which may not have it among its own. */
function anchorOption(plan: FieldPlan | null, { anchor }: Region, finds: Finds): ValueOption[] {
  if (!anchor || !plan) return [];
  const value = finds.reading.text.slice(anchor.start, anchor.end);
  return [{ plan, value, place: anchor, score: LEAST_ANCHOR }];
}

/** The field whose value the region's anchor is: the one that names instances, unless that has others to hold. */
function ownerOf(plans: readonly FieldPlan[], { anchor, ranges }: Region, finds: Finds): FieldPlan | null {
  if (!anchor) return null;
  const holds = (plan: FieldPlan, place: Range) =>
    (finds.candidates.get(plan) ?? []).some(
      ({ start, score }) => score >= LEAST_ANCHOR && place.start <= start && start < place.end,
    );
  const named = plans.find(({ isName }) => isName);
  if (named && (holds(named, anchor) || !ranges.some((range) => holds(named, range)))) return named;
  return plans.find((plan) => plan.field.type === 'str' && holds(plan, anchor)) ?? null;
}

function isAnchor({ plan, place }: ValueOption, { anchor }: Region, owner: FieldPlan | null): boolean {
  return plan === owner && anchor !== null && place !== null && place.start === anchor.start;
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
