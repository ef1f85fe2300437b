/** Values of one field in the part of a text that tells of one instance. */
import type { KindLexicon } from '../entities/kind-lexicon.ts';
import { type Quantity, type QuantityKind, quantitiesIn } from '../entities/quantities.ts';
import { withoutOverlaps } from '../entities/span.ts';
import { termOf } from '../terms.ts';
import { lowerCase, type Word } from '../words.ts';
import { type Candidate, candidatesFor } from './entity-finder.ts';
import type { CueSide, FieldPlan } from './field-plan.ts';
import { roleBehind } from './formed-names.ts';
import { type KeyValue, trimmed } from './key-values.ts';
import { keyOf, termsOf } from './label-meaning.ts';
import { isWithin, type Range, type Region } from './regions.ts';
import { isOtherLanguage } from './text-names.ts';
import type { TextReading } from './text-reading.ts';

export type FieldValue = string | number | boolean | readonly string[];

/** A value that the field may have, and where it was found. */
export interface ValueOption {
  readonly plan: FieldPlan;
  readonly value: FieldValue;
  /** Null when it is said by the text as a whole. */
  readonly place: Range | null;
  readonly score: number;
}

/** What a request's text has in it, beside the reading: found once, used by each region. */
export interface Finds {
  readonly reading: TextReading;
  readonly kinds: KindLexicon;
  readonly pairs: readonly KeyValue[];
  readonly candidates: ReadonlyMap<FieldPlan, readonly Candidate[]>;
  /** Picks the choice that fits a text best; null when none does well enough. */
  readonly choose: (text: string, choices: readonly string[]) => string | null;
}

/** What only capitals make a name. */
export const CAPITALS_ONLY = 0.3;
const KEYED = 2;
const CELL = 3;
const CUE = 0.6;
/** Words before and after a value in which cues count. */
const WORDS_BEFORE = 6;
const WORDS_AFTER = 3;
const LEAST_SCORE = 0.35;
const LONGEST_TEXT = 300;
const ANY_NUMBER: readonly QuantityKind[] = [
  'number',
  'measure',
  'money',
  'percent',
  'duration',
  'year',
  'ordinal',
];

export function candidatesOf(plan: FieldPlan, reading: TextReading, kinds: KindLexicon): Candidate[] {
  const { type } = plan.field;
  if (type === 'bool' || plan.field.choices) return [];
  if (type === 'int' || type === 'float') return numberCandidates(plan, reading);
  const found = candidatesFor(plan.meaning, reading, kinds, true);
  return plan.meaning.names.length > 0 && type === 'str' ? [...found, ...capitalRuns(reading)] : found;
}

/** Capital words, with the small words that stand inside names of companies and places. */
const RUN =
  /(?<![\wÀ-ɏ'’&-])[A-ZÀ-ÖØ-ÞŠŽĆČŁŚŻ][\wÀ-ɏ'’&-]*(?: (?:(?:de|du|des|da|do|del|della|di|la|le|von|van|der|den|of|the) ){0,2}[A-ZÀ-ÖØ-ÞŠŽĆČŁŚŻ][\wÀ-ɏ'’&-]*){0,4}/g;

/** Words with capitals that nothing is known of: names where a cue says so. */
function capitalRuns(reading: TextReading): Candidate[] {
  const { text } = reading;
  const found: Candidate[] = [];
  // Where all is in capitals they make no name.
  if (reading.isCaseless || isOtherLanguage(reading.text)) return found;
  for (const { 0: run, index } of reading.flowing.matchAll(RUN)) {
    if (run.length > 120) continue;
    const isSingle = !run.includes(' ');
    const opens = index === 0 || /[.!?:\n]["'“]?\s*$/.test(text.slice(Math.max(0, index - 4), index));
    if (run.length < 2 || (isSingle && reading.isCommon(run) && (opens || run.length < 4))) continue;
    found.push({ start: index, end: index + run.length, score: CAPITALS_ONLY });
  }
  return found;
}

function numberCandidates({ meaning }: FieldPlan, reading: TextReading): Candidate[] {
  const ages =
    meaning.pattern === null ? [] : reading.patterns.filter(({ label }) => label === meaning.pattern);
  const wanted = meaning.quantities;
  const found = reading.quantities.flatMap((quantity) => {
    if (quantity.value === null || !ANY_NUMBER.includes(quantity.kind)) return [];
    if (quantity.kind === 'measure' && meaning.units && !meaning.units.test(quantity.unit)) return [];
    const rank = wanted.indexOf(quantity.kind);
    // A number that only a cue can make this field's.
    const base = rank === 0 ? 0.6 : rank > 0 ? 0.4 : wanted.length > 0 && quantity.kind !== 'number' ? -1 : 0;
    return base < 0 ? [] : [{ start: quantity.start, end: quantity.end, score: base }];
  });
  return [...ages, ...(meaning.pattern === 'age' ? agesBehindNames(reading) : []), ...found];
}

/** "Maria Garcia, 28, works as a nurse". */
function agesBehindNames(reading: TextReading): Candidate[] {
  const { text } = reading;
  return reading.quantities.flatMap(({ kind, value, start, end }) => {
    const isAge = kind === 'number' && value !== null && value >= 1 && value <= 120;
    const stands = /[A-Za-zÀ-ž]\)?, ?\(?$| \($/.test(text.slice(Math.max(0, start - 4), start));
    return isAge && stands && /^[,.)]/.test(text.slice(end, end + 1)) ? [{ start, end, score: 0.8 }] : [];
  });
}

/** Options of a field in a region, best first. */
export function optionsOf(plan: FieldPlan, region: Region, finds: Finds): ValueOption[] {
  const given = givenOptions(plan, region, finds);
  if (given.length > 0) return given;
  const { field } = plan;
  if (field.choices) return choiceOptions(plan, region, finds);
  if (field.type === 'bool') return boolOptions(plan, region, finds);
  const found = (finds.candidates.get(plan) ?? [])
    .filter((candidate) => isWithin(candidate, region))
    .map((candidate) => ({
      ...candidate,
      score:
        candidate.score +
        cueScore(plan, candidate, finds.reading) +
        nearness(candidate, region) +
        rangeScore(plan, candidate, finds.reading) -
        (isOutdated(plan, candidate, finds.reading) ? OUTDATED : 0),
    }))
    .filter(({ score }) => score >= LEAST_SCORE);
  const options =
    field.type === 'list'
      ? listOption(plan, found, finds)
      : found.flatMap((one) => typed(plan, one, one.score, finds) ?? []);
  if (options.length > 0) return options.sort((a, b) => b.score - a.score);
  return field.type === 'str' || field.type === 'list' ? phraseOptions(plan, region, finds) : [];
}

const RANGE = 0.3;

/** "2017–2021": the first year is a start, the second an end. */
function rangeScore({ meaning }: FieldPlan, { start, end }: Range, { text }: TextReading): number {
  const isStart = meaning.terms.some((term) => STARTS.has(term));
  if (isStart)
    return /^ ?[-–—] ?(?:\d|now|present|today|current)/.test(text.slice(end, end + 10)) ? RANGE : 0;
  const isEnd = meaning.terms.some((term) => ENDS.has(term));
  return isEnd && /\d ?[-–—] ?$/.test(text.slice(Math.max(0, start - 4), start)) ? RANGE : 0;
}

const STARTS = new Set(['start', 'begin', 'from', 'begun', 'since']);
const ENDS = new Set(['end', 'until', 'to', 'finish']);

const OUTDATED = 0.45;
const FORMER =
  /(?:\b(?:was|were|previously|formerly|originally|before|rrp|msrp|instead of|down from|reduced from|up from|regular(?:ly)?|list price|retail price|old price|statt|uvp|früher|antes|en lugar de|au lieu de|anzi(?:ché)|invece di|over|above|spend|save|saves|you save|ab|von)|~~) ?:? ?\(?$/;
const FORMER_FIELD =
  /(?:^| )(?:old|origin|former|previou|list|regular|rrp|msrp|before|min|minimum|discount|sav)/;

/** A price that held once, or from which on something else is given: "was €119", "free delivery over €50". */
function isOutdated({ meaning }: FieldPlan, { start }: Range, { text }: TextReading): boolean {
  if (meaning.quantities[0] !== 'money' || FORMER_FIELD.test(meaning.terms.join(' '))) return false;
  return FORMER.test(lowerCase(text.slice(Math.max(0, start - 24), start)));
}

const NEAR = 0.1;
const FAR = 200;

/** Of two values the one nearer to where the instance is named. */
function nearness({ start, end }: Range, { anchor }: Region): number {
  if (!anchor) return 0;
  const distance = start > anchor.end ? start - anchor.end : Math.max(0, anchor.start - end);
  return NEAR * (1 - Math.min(FAR, distance) / FAR);
}

/** What a table's cell or a "key: value" line says. */
function givenOptions(plan: FieldPlan, region: Region, finds: Finds): ValueOption[] {
  const cell = region.cells.get(plan);
  if (cell) return typed(plan, cell, CELL, finds) ?? [];
  const options: ValueOption[] = [];
  for (const pair of finds.pairs) {
    if (!isWithin(pair, region)) continue;
    const rank = keyRank(plan, pair.key);
    if (rank > 0) options.push(...(typed(plan, pair, KEYED * rank, finds) ?? []));
  }
  return options.sort((a, b) => b.score - a.score);
}

/** 1 for the field's own name, less for a key that has it as a part; 0 for another. */
export function keyRank(plan: FieldPlan, key: string): number {
  // "Policy no.", "Order #"
  const terms = keyOf(key.replace(/(?<=[a-zà-ÿ] ?)(?:\bno\.?|\bnr\.?|\bnum\.?|n[.º°]{1,2}|#)$/, 'number'));
  const own = [...plan.keys];
  if (own[0] === terms || own[1] === terms) return 1;
  if (plan.keys.has(terms)) return 0.9;
  // "Expected: 1,201 lines" for the field "expected lines".
  if (
    terms !== '' &&
    !GENERAL_KEYS.has(terms) &&
    own.slice(0, 2).some((name) => name.startsWith(`${terms} `))
  )
    return 0.75;
  return terms !== '' && own.slice(0, 2).some((name) => name.length > 2 && ` ${terms} `.includes(` ${name} `))
    ? 0.8
    : 0;
}

/** Keys that say too little to stand for a field that only begins with them. */
const GENERAL_KEYS = new Set(
  'date time name number type id code order invoice customer client company product item total price amount first last start end phone email address job patient account payment project user contact delivery title team'
    .split(' ')
    .map(termOf),
);

/** The text of a place as the field's type; null when it is of another type. */
function typed(plan: FieldPlan, place: Range, score: number, finds: Finds): ValueOption[] | null {
  const { text } = finds.reading;
  const { type, choices } = plan.field;
  const written = text.slice(place.start, place.end).trim();
  if (written === '' || /^(?:n\/?a|none|null|unknown|tbd|-+|\u2014|\?)$/.test(lowerCase(written)))
    return null;
  if (choices) {
    const chosen = mentioned(choices, written) ?? finds.choose(written, choices);
    return chosen === null
      ? null
      : [{ plan, value: type === 'list' ? [chosen] : chosen, place: null, score }];
  }
  switch (type) {
    case 'int':
    case 'float':
      return numberOption(plan, place, score, finds);
    case 'bool':
      return boolOf(written) === null ? null : [{ plan, value: boolOf(written)!, place: null, score }];
    case 'date':
      return dateOption(plan, place, score, finds);
    case 'list':
      return [{ plan, value: itemsOf(written), place, score }];
    case 'str':
      return stringOption(plan, place, score, finds);
  }
}

/** In a long value of a pair only the part that has the field's form: "Contact: Ann, ann@x.org". */
function stringOption(plan: FieldPlan, place: Range, score: number, finds: Finds): ValueOption[] {
  const { text } = finds.reading;
  const { pattern, quantities, terms } = plan.meaning;
  const hasForm = pattern !== null || quantities.length > 0 || terms.at(-1) === 'version';
  const inner =
    hasForm && score >= 1
      ? (finds.candidates.get(plan) ?? []).find(({ start, end }) => place.start <= start && end <= place.end)
      : undefined;
  const from = inner?.start ?? place.start;
  const to = Math.min(inner?.end ?? place.end, place.start + LONGEST_TEXT);
  const { start, end } = trimmed(
    text,
    from,
    score >= 1 && score < CELL && isOneName(plan) ? nameEnd(text, from, to) : to,
  );
  return [{ plan, value: text.slice(start, end), place: { start, end }, score }];
}

/** Whether the field holds the name of a person or company, which ends at a comma. */
function isOneName({ meaning }: FieldPlan): boolean {
  return meaning.names.includes('person') || meaning.names.includes('corporation');
}

const LEGAL_FORM = /^, ?(?:Inc|Ltd|LLC|LLP|PLC|Corp|Co|S\.|SAS?|SL|SpA|GmbH|AG|KG|Jr|Sr|Lda|B\.?V)(?![a-z])/;

/** "Acme, Inc., 12 Oak Street" → "Acme, Inc." */
function nameEnd(text: string, from: number, to: number): number {
  for (let at = from; at < to; at++) {
    if (text.charAt(at) === ',' && !LEGAL_FORM.test(text.slice(at, at + 12))) return at;
  }
  return to;
}

function numberOption(plan: FieldPlan, place: Range, score: number, finds: Finds): ValueOption[] | null {
  const inside = finds.reading.quantities.find(
    ({ start, end, value }) => value !== null && start < place.end && place.start < end,
  );
  const quantity = inside ?? firstNumber(finds.reading.text.slice(place.start, place.end));
  if (!quantity || quantity.value === null) return null;
  const value = plan.field.type === 'int' ? Math.round(quantity.value) : quantity.value;
  // A cell is the value's own; what stands behind it may be another's, as the unit.
  const own = inside && score < CELL ? { start: inside.start, end: inside.end } : place;
  return [{ plan, value, place: own, score }];
}

/** Of what the rules for whole texts leave out: "25-year-old", "v2". */
function firstNumber(text: string): Quantity | undefined {
  return quantitiesIn(text.replace(/[^\d.,]+/g, ' ')).find(({ value }) => value !== null);
}

function dateOption(plan: FieldPlan, place: Range, score: number, finds: Finds): ValueOption[] | null {
  const { text } = finds.reading;
  const date = finds.reading.quantities.find(
    ({ start, end, kind }) => (kind === 'date' || kind === 'year') && start < place.end && place.start < end,
  );
  if (!date) return null;
  const value = date.iso ?? text.slice(date.start, date.end);
  return [{ plan, value, place: { start: date.start, end: date.end }, score }];
}

/** Parts between commas, semicolons or "and". */
export function itemsOf(written: string): string[] {
  const parts = written.split(/\s*[;|•\n]\s*|\s*,\s+(?:and\s+|or\s+|und\s+|y\s+|et\s+|e\s+)?/);
  const last = parts.at(-1) ?? '';
  const pair = parts.length > 1 || last.length < 60 ? last.split(/ (?:and|und|y|et|&) /) : [last];
  const items = [...parts.slice(0, -1), ...pair].map((item) => item.replace(/^[\s*·-]+|[\s.]+$/g, ''));
  return [...new Set(items.filter((item) => item !== ''))];
}

function listOption(plan: FieldPlan, found: readonly Candidate[], finds: Finds): ValueOption[] {
  const sure = withoutOverlaps(
    found.filter(({ score }) => score >= 0.5).map((one) => ({ ...one, label: '' })),
  );
  if (sure.length === 0) return [];
  const { text } = finds.reading;
  const value = [...new Set(sure.flatMap((one) => coordinated(text, one, sure)))];
  return [{ plan, value, place: null, score: 0.5 }];
}

/** The thing and what is joined to it by commas and "and": "titanium and black", where only black is known. */
function coordinated(text: string, { start, end }: Range, all: readonly Range[]): string[] {
  const isFree = (at: number) => !all.some((one) => one.start <= at && at < one.end);
  const own = text.slice(start, end);
  const before = /(?:^|[^\w'’-])([\w'’-]{2,24})(?:, (?:and |or )?| and | or | & )$/.exec(
    text.slice(Math.max(0, start - 60), start),
  );
  const after = /^(?:, (?:and |or )?| and | or | & )([\w'’-]{2,24})(?=[,.;!?\n]|$)/.exec(
    text.slice(end, end + 60),
  );
  return [
    ...(before && isFree(start - before[0].length + before[0].indexOf(before[1]!)) ? joined(before[1]!) : []),
    own,
    ...(after && isFree(end + after[0].length - 1) ? joined(after[1]!) : []),
  ];
}

function joined(word: string): string[] {
  return STOP_WORDS.has(lowerCase(word)) || /^\d+$/.test(word) ? [] : [word];
}

const STOP_WORDS = new Set(
  'the and or with for but more also other others it is in on at of to its his her their a an this that many much both available comes yes no not so then now'.split(
    ' ',
  ),
);

/** How near the words are that say that a value is this field's: the nearest tells most. */
function cueScore(plan: FieldPlan, place: Range, reading: TextReading): number {
  if (plan.cues.size === 0) return 0;
  const { words, flowing: text } = reading;
  // "Maple Properties LLC (Landlord)"
  const role = roleBehind(text, place.end);
  if (role !== null && termsOf(role).some((term) => plan.cues.has(term))) return 2 * CUE;
  const first = wordAt(words, place.start);
  let best = 0;
  for (let i = first - 1, distance = 0; i >= 0 && distance < WORDS_BEFORE; i--, distance++) {
    if (/[.!?\n]\s|\)/.test(text.slice(words[i]!.end, words[i + 1]?.start ?? place.start))) break;
    if (isCue(plan, words[i]!, 'before')) {
      best = CUE * (1 - distance / (WORDS_BEFORE + 1));
      break;
    }
  }
  for (
    let i = wordAt(words, place.end), distance = 0;
    i < words.length && distance < WORDS_AFTER;
    i++, distance++
  ) {
    const from = i === 0 ? 0 : words[i - 1]!.end;
    if (/[.!?,;]\s|\n/.test(text.slice(Math.max(from, place.end), words[i]!.start))) break;
    if (isCue(plan, words[i]!, 'after')) return Math.max(best, CUE * (0.9 - distance / (WORDS_AFTER + 1)));
  }
  // "256GB of storage": the unit itself may be the cue.
  return Math.max(best, unitCue(plan, place, reading));
}

function unitCue(plan: FieldPlan, place: Range, reading: TextReading): number {
  if (!/\d/.test(reading.text.slice(place.start, place.end))) return 0;
  const inside = wordAt(reading.words, place.start);
  for (let i = inside; i < reading.words.length && reading.words[i]!.start < place.end; i++) {
    if (isCue(plan, reading.words[i]!, 'either')) return CUE;
  }
  return 0;
}

function isCue(plan: FieldPlan, word: Word, side: CueSide): boolean {
  const found = plan.cues.get(termOf(word.text));
  return found !== undefined && (found === 'either' || found === side);
}

/** The first word that ends behind the place. */
export function wordAt(words: readonly Word[], at: number): number {
  let low = 0;
  let high = words.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (words[middle]!.end > at) high = middle;
    else low = middle + 1;
  }
  return low;
}

const NEGATION =
  /(?:^|[^\w])(?:not|no|non|never|without|n['’]t|cannot|isn|doesn|don|out of|sold out|lacks?|excluding|ohne|kein|keine|nicht|sin|sans|pas|neither|nor|un|unavailable|discontinued)(?:[^\w]|$)[^.,;!?\n]{0,24}$/;
/** "Pets are not allowed", "smoking is strictly prohibited": behind the words, in their clause. */
const DENIED =
  /^[\wà-ÿ'’-]{1,30}(?: (?!and|but|or|if|though|unless|und|aber|pero|mais)[\wà-ÿ'’-]{1,20}){0,3}? ?(?:\b(?:not|never|cannot|prohibited|forbidden|banned|excluded|unavailable|disallowed|nicht|verboten|untersagt|prohibid[oa]s?|interdits?|vietat[oi])\b|n['’]t\b|no longer\b)/;
const YES =
  /^(?:yes|y|true|ja|sí|si|oui|sim|included|available|enabled|allowed|x|✓|✔|✅|on|active|positive|required|confirmed|1)\b|^[✓✔✅]/;
const NO =
  /^(?:no|n|false|nein|non|não|not |none|unavailable|disabled|off|inactive|negative|sold out|out of|excluded|0)\b|^[✗✘❌]/;
const OPPOSITES: Readonly<Record<string, RegExp>> = {
  'in stock': /\b(?:out of stock|sold out|unavailable|back-?ordered|discontinued|not available)\b/,
  availabl: /\b(?:out of stock|sold out|unavailable|discontinued)\b/,
  remot: /\b(?:on-?site|in[- ]office|in person)\b/,
  free: /\b(?:paid|fee|charge)\b/,
  urgent: /\b(?:no rush|low priority|whenever)\b/,
  paid: /\b(?:unpaid|outstanding|overdue)\b/,
  indoor: /\boutdoors?\b/,
  smok: /\b(?:non-?smok\w*|never smoked)\b/,
};
const AFFIRMS: Readonly<Record<string, RegExp>> = {
  'in stock':
    /\b(?:in stock|available (?:now|today|for)|ships (?:today|now|within)|ready to ship|on stock|auf lager|lieferbar|disponible|en stock)\b/,
  availabl: /\b(?:available|in stock|disponible|verfügbar|lieferbar)\b/,
  remot: /\b(?:remote(?:ly)?|work from home|wfh|telecommute)\b/,
  'free ship': /\bfree (?:shipping|delivery)\b|\bships? free\b/,
  vegan: /\bvegan\b/,
  waterproof: /\bwater-?(?:proof|resistant)\b/,
};

function boolOf(written: string): boolean | null {
  const small = lowerCase(written);
  if (NO.test(small)) return false;
  return YES.test(small) ? true : null;
}

/** True where the field's words stand, false where they are denied; null when nothing is said. */
function boolOptions(plan: FieldPlan, region: Region, finds: Finds): ValueOption[] {
  const terms = contentTerms(plan);
  const key = terms.join(' ');
  for (const range of region.ranges) {
    const part = lowerCase(finds.reading.text.slice(range.start, range.end));
    const opposite = entryFor(OPPOSITES, key)?.test(part);
    if (opposite) return [{ plan, value: false, place: null, score: 1 }];
    const affirmed = entryFor(AFFIRMS, key)?.exec(part);
    if (affirmed)
      return [
        {
          plan,
          value:
            !NEGATION.test(part.slice(Math.max(0, affirmed.index - 40), affirmed.index)) &&
            !DENIED.test(part.slice(affirmed.index, affirmed.index + 80)),
          place: null,
          score: 1,
        },
      ];
    const said = saidTerms(terms, range, finds.reading);
    if (said === null) continue;
    const at = said - range.start;
    const isDenied =
      NEGATION.test(part.slice(Math.max(0, at - 40), at)) || DENIED.test(part.slice(at, at + 80));
    return [{ plan, value: !isDenied, place: null, score: 1 }];
  }
  return [];
}

function entryFor(table: Readonly<Record<string, RegExp>>, key: string): RegExp | undefined {
  return Object.entries(table).find(
    ([words]) => words === key || ` ${key} `.includes(` ${words} `) || key.startsWith(words),
  )?.[1];
}

const BOOL_WORDS = new Set(
  'is ha has was are can doe require required need includ include included offer offered support supported allow allowed accept accepted be it with available provid status flag'.split(
    ' ',
  ),
);

const ID_WORDS = new Set(['number', 'id', 'code', 'no', 'nr', 'identifier']);

function contentTerms(plan: FieldPlan): string[] {
  const terms = plan.meaning.terms.filter((term) => !BOOL_WORDS.has(term) && !ID_WORDS.has(term));
  return terms.length > 0 ? terms : [...plan.meaning.terms];
}

/** Where all the terms stand close to each other; null when they do not. */
function saidTerms(terms: readonly string[], range: Range, reading: TextReading): number | null {
  const { words } = reading;
  for (let i = wordAt(words, range.start); i < words.length && words[i]!.start < range.end; i++) {
    if (termOf(words[i]!.text) !== terms[0]) continue;
    const near = new Set<string>();
    for (let j = Math.max(0, i - 4); j < Math.min(words.length, i + 5); j++) near.add(termOf(words[j]!.text));
    if (terms.every((term) => near.has(term))) return words[i]!.start;
  }
  return null;
}

function choiceOptions(plan: FieldPlan, region: Region, finds: Finds): ValueOption[] {
  const choices = plan.field.choices ?? [];
  const parts = region.ranges.map(({ start, end }) => finds.reading.text.slice(start, end));
  const part = parts.join('\n');
  if (plan.field.type === 'list') {
    const all = choices.filter((choice) => mentioned([choice], part) !== null);
    return all.length === 0 ? [] : [{ plan, value: all, place: null, score: 1 }];
  }
  const chosen = mentioned(choices, part) ?? finds.choose(part, choices);
  return chosen === null ? [] : [{ plan, value: chosen, place: null, score: 1 }];
}

/** The choice whose words the text has first, undenied; the longer one where two begin at a place. */
function mentioned(choices: readonly string[], text: string): string | null {
  const plain = ` ${keyOf(text)} `;
  let best: { choice: string; at: number } | null = null;
  for (const choice of choices) {
    const key = keyOf(choice);
    if (key === '') continue;
    const at = plain.indexOf(` ${key} `);
    if (at < 0 || /(?: not| no| non| without| isn t) $/.test(plain.slice(Math.max(0, at - 12), at + 1)))
      continue;
    if (!best || at < best.at || (at === best.at && choice.length > best.choice.length))
      best = { choice, at };
  }
  return best?.choice ?? null;
}

const TEXTS = new Set(
  'description summary detail review comment message note content text instruction step issue problem complaint request body reason'
    .split(' ')
    .map(termOf),
);

/** For fields of no known form: what stands behind "X is", "X was", "X of"; for a description, its sentence. */
function phraseOptions(plan: FieldPlan, region: Region, finds: Finds): ValueOption[] {
  const { reading } = finds;
  const hasForm =
    plan.meaning.pattern !== null || plan.meaning.quantities.length > 0 || plan.meaning.kind !== null;
  if (hasForm || plan.isName) return [];
  const terms = contentTerms(plan);
  if (TEXTS.has(terms.at(-1) ?? '')) return sentenceOption(plan, region, reading);
  for (const range of region.ranges) {
    const said = saidTerms(terms, range, reading);
    if (said === null) continue;
    const phrase = countBefore(reading.text, said) ?? phraseBehind(reading.text, said, range.end);
    if (phrase) return typed(plan, phrase, 0.4, finds) ?? [];
  }
  return [];
}

/** "10k downloads" for the field "downloads". */
function countBefore(text: string, at: number): Range | null {
  const count = /(?:^|[^\w.,])(\d[\d.,]{0,14}(?: ?(?:k|K|m|M|million|thousand|billion))?\+?) $/.exec(
    text.slice(Math.max(0, at - 32), at),
  );
  return count?.[1] === undefined ? null : { start: at - 1 - count[1].length, end: at - 1 };
}

function phraseBehind(text: string, from: number, end: number): Range | null {
  const ahead = text.slice(from, Math.min(end, from + 160));
  const token =
    /^[\w'’-]{1,40}(?: (?:no\.?|nr\.?|number|id|code)\b)?:? ?#? ?((?=[^\s]{0,24}\d)[A-Za-z0-9][\w./-]{0,24}\w|\d)/.exec(
      ahead,
    );
  if (token?.[1]) return trimmed(text, from + token[0].length - token[1].length, from + token[0].length);
  const match =
    /^[\w'’-]{1,40}(?: [\w'’-]{1,20})?(?::| is| was| are| were| of|=) (?:an? |the )?([^.,;:!?\n]{1,80})/.exec(
      ahead,
    );
  if (!match?.[1]) return null;
  const start = from + match[0].length - match[1].length;
  return trimmed(text, start, from + match[0].length);
}

function sentenceOption(plan: FieldPlan, region: Region, reading: TextReading): ValueOption[] {
  const sentence = reading.sentences.find((one) => isWithin(one, region) && one.end - one.start > 20);
  if (!sentence) return [];
  const value = reading.text.slice(sentence.start, Math.min(sentence.end, sentence.start + LONGEST_TEXT));
  return [{ plan, value: plan.field.type === 'list' ? [value] : value, place: null, score: 0.4 }];
}
