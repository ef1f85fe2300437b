/** Finds what a label asks for: by patterns, amounts, known things, names in the text, and "label: value" lines. */
import type { Kind, KindLexicon } from '../entities/kind-lexicon.ts';
import type { NameSpan } from '../entities/name-tagger.ts';
import { termOf } from '../terms.ts';
import { lowerCase, wordsOf } from '../words.ts';
import { formedCandidates } from './formed-names.ts';
import type { Meaning } from './label-meaning.ts';
import type { TextReading, Thing } from './text-reading.ts';

export interface Candidate {
  readonly start: number;
  readonly end: number;
  /** 0 to 1. */
  readonly score: number;
}

const KNOWN = 0.85;
/** A word that is the thing in one of several senses, or is written without the capital of a name. */
const DOUBTFUL = 0.35;
const QUANTITY = 0.9;
const YEAR_AS_DATE = 0.55;
const CUED = 0.85;
/** A school, when a university was asked for. */
const NEXT_WIDER = 0.8;
const CONTRADICTED = 0.25;
/** "Washington" is known as a city, and may still be the person that the tagger takes it for. */
const OTHERWISE_KNOWN = 0.5;
/** Characters before and after a name in which a word may tell its kind. */
const WINDOW = 24;

/** Kinds whose things are names, with capitals; others are common nouns. */
const NAMED_TOPS = new Set([
  'person',
  'organization',
  'location',
  'product',
  'creative work',
  'event',
  'nationality',
  'language',
  'weekday',
  'month',
]);
/** Product kinds whose things are nouns. */
const COMMON = new Set(['furniture', 'clothing', 'tool item', 'musical instrument', 'vehicle', 'phone']);

/** How often a name of the wide kind is of the narrow one, when nothing else is known of it. */
const SHARES: Readonly<Record<string, number>> = {
  company: 0.95,
  'political party': 0.3,
  city: 0.8,
  country: 0.45,
  state: 0.4,
  building: 0.45,
  team: 0.6,
  band: 0.55,
  software: 0.6,
  phone: 0.5,
  film: 0.6,
  book: 0.55,
  song: 0.55,
  series: 0.5,
  game: 0.5,
  vehicle: 0.5,
  school: 0.35,
  competition: 0.6,
};
const MODEL_SCORE = 0.88;
const USUAL_SHARE = 0.4;
/** The same where no other label may have the name. */
const ONLY_SHARE = 0.7;

/** Candidates for a meaning, best and worst alike; they may overlap. */
export function candidatesFor(
  meaning: Meaning,
  reading: TextReading,
  kinds: KindLexicon,
  isOnly = false,
): Candidate[] {
  return [
    ...patternCandidates(meaning, reading),
    ...quantityCandidates(meaning, reading),
    ...(meaning.kind === null ? [] : thingCandidates(meaning.kind, reading, kinds)),
    ...(isProduct(meaning.kind, kinds) ? modelCandidates(reading) : []),
    ...(meaning.kind === null ? [] : selfNamed(meaning.kind, reading, kinds)),
    ...nameCandidates(meaning, reading, kinds, isOnly),
    ...formedCandidates(meaning, reading, kinds),
  ];
}

function patternCandidates({ pattern }: Meaning, reading: TextReading): Candidate[] {
  if (pattern === null) return [];
  if (pattern === 'invoice number' || pattern === 'order number')
    return [
      ...reading.patterns
        .filter(({ label }) => label === pattern)
        .map((one) => wholeNumber(reading.text, one)),
      ...matchedNumbers(reading.flowing, pattern),
    ];
  if (pattern !== 'address') return reading.patterns.filter(({ label }) => label === pattern);
  const found = reading.personal.filter(({ label, start, end }) => {
    // A street and its number at least: letters and digits.
    return label === 'address' && /\d/.test(reading.text.slice(start, end)) && end - start > 9;
  });
  return [...found, ...streetAddresses(reading.flowing)];
}

/** "0417" of "2025-0417" is only a part of the number. */
function wholeNumber(text: string, { start, end, score }: Candidate): Candidate {
  const before = /(?:[A-Za-z0-9]{1,12}[/-]){1,3}$/.exec(text.slice(Math.max(0, start - 40), start));
  return { start: start - (before?.[0].length ?? 0), end, score };
}

/** Also as a scanner misreads it: "lnvoice N0. 7731". */
const NUMBERS_NAMED: Readonly<Record<string, RegExp>> = {
  'invoice number':
    /(?<![A-Za-z])(?:[Il1|i][Nn][Vv][O0o][Il1|i][Cc][Ee]|factura|facture|fattura|fatura|rechnung|Factura|FACTURA|Facture|FACTURE|Fattura|FATTURA|Fatura|FATURA|Rechnung|RECHNUNG)s? ?(?:(?:[Nn][O0o0r°º.]{0,3}|NR\.?|[Nn]umber|[Nn]úmero|[Nn]ummer)[.:]?[°º]?:? ?|#:? ?)((?=[^\s]{0,20}\d)[A-Z0-9][A-Za-z0-9/-]{1,24})/g,
  'order number':
    /(?<![A-Za-z])(?:[Oo]rder|ORDER|[Pp]edido|[Bb]estellung|[Cc]ommande)s? ?(?:(?:[Nn][O0or°º.]{0,3}|NR\.?|[Nn]umber|[Nn]úmero|[Nn]ummer)[.:]?[°º]?:? ?|#:? ?)((?=[^\s]{0,20}\d)[A-Z0-9][A-Za-z0-9/-]{1,24})/g,
};

function matchedNumbers(text: string, pattern: string): Candidate[] {
  const named = NUMBERS_NAMED[pattern];
  if (!named) return [];
  return [...text.matchAll(named)].map(({ 0: all, 1: number = '', index }) => ({
    start: index + all.length - number.length,
    end: index + all.length,
    score: KNOWN + 0.1,
  }));
}

const STREET =
  /(?<![\w$€£.,-])\d{1,5}[A-Za-z]? (?:[A-Z][\w'’.]{0,20} ){1,4}(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Way|Place|Square|Terrace)\b\.?(?:, [A-Z][a-z]{1,20}(?: [A-Z][a-z]{1,20})?)?(?:,? [A-Z]{2}\b(?: \d{5})?)?/g;

/** "12 Oak Street, Denver". */
function streetAddresses(text: string): Candidate[] {
  return [...text.matchAll(STREET)].map(({ 0: address, index }) => ({
    start: index,
    end: index + address.length,
    score: KNOWN,
  }));
}

function quantityCandidates({ quantities, units }: Meaning, reading: TextReading): Candidate[] {
  const found: Candidate[] = [];
  for (const quantity of reading.quantities) {
    const rank = quantities.indexOf(quantity.kind);
    if (rank < 0) continue;
    if (quantity.kind === 'measure' && units && !units.test(quantity.unit)) continue;
    const score = rank === 0 ? QUANTITY : YEAR_AS_DATE;
    found.push({ start: quantity.start, end: quantity.end, score });
  }
  return found;
}

function thingCandidates(kind: Kind, reading: TextReading, kinds: KindLexicon): Candidate[] {
  const found: Candidate[] = [];
  const isTitle = kinds.kinds[kind] === 'job title';
  for (const thing of reading.things) {
    const rank = thing.kinds.findIndex((one) => kinds.isA(one, kind));
    if (rank < 0) continue;
    const end =
      isProduct(kind, kinds) && thing.isCapital
        ? modelEnd(reading.text, thing.end)
        : kinds.kinds[kinds.top(kind)] === 'organization' && thing.isCapital
          ? legalFormEnd(reading.text, thing.end)
          : thing.end;
    found.push({
      start: isTitle ? titleStart(reading.text, thing.start, thing.isCapital) : thing.start,
      end,
      score: thingScore({ ...thing, end }, kind, rank, reading, kinds),
    });
  }
  return found;
}

function thingScore(
  thing: Thing,
  kind: Kind,
  rank: number,
  reading: TextReading,
  kinds: KindLexicon,
): number {
  const isNamed = NAMED_TOPS.has(kinds.kinds[kinds.top(kind)] ?? '') && !isCommon(thing.kinds[rank]!, kinds);
  if (isNamed && !thing.isCapital && !reading.isCaseless) return DOUBTFUL - 0.1;
  // "Apple" inside a name of a company is no fruit.
  const name = reading.names.find(({ start, end }) => start < thing.end && thing.start < end);
  const isPartOfName = name && (name.start < thing.start || name.end > thing.end);
  if (isPartOfName) return DOUBTFUL;
  const isProductName = kinds.kinds[kinds.top(kind)] === 'product';
  if (!isNamed && !isProductName && name && thing.isCapital && name.score > 0.6 && name.label !== 'product')
    return DOUBTFUL;
  return rank === 0 ? KNOWN : KNOWN - 0.1;
}

function isCommon(kind: Kind, kinds: KindLexicon): boolean {
  for (const name of COMMON) {
    const common = kinds.namedExactly(name);
    if (common !== null && kinds.isA(kind, common)) return true;
  }
  return false;
}

function nameCandidates(
  meaning: Meaning,
  reading: TextReading,
  kinds: KindLexicon,
  isOnly: boolean,
): Candidate[] {
  const found: Candidate[] = [];
  for (const name of reading.names) {
    const type = meaning.names.indexOf(name.label);
    if (type < 0) continue;
    const fit = meaning.kind === null ? 1 : fitOf(name, meaning.kind, reading, kinds, isOnly);
    const end = isProduct(meaning.kind, kinds)
      ? modelEnd(reading.text, name.end)
      : name.label === 'corporation' || name.label === 'group'
        ? legalFormEnd(reading.text, name.end)
        : name.end;
    found.push({ start: name.start, end, score: Math.min(0.99, scoreOf(name, fit) - 0.05 * type) });
  }
  return found;
}

function scoreOf({ score }: NameSpan, fit: number): number {
  return fit > 1 ? Math.max(score, KNOWN) + 0.05 : score * fit;
}

const RUN = /(?<![\w'’&-])[A-Z][\w'’&-]*(?: (?:of (?:the )?)?[A-Z][\w'’&-]*){1,5}/g;

/** Names that say themselves what they are: "District Court of Oregon", "Lake Como". */
function selfNamed(kind: Kind, { text, isCaseless }: TextReading, kinds: KindLexicon): Candidate[] {
  if (isCaseless) return [];
  const found: Candidate[] = [];
  for (const { 0: run, index } of text.matchAll(RUN)) {
    const start = run.startsWith('The ') ? 4 : 0;
    const words = run.slice(start).split(' ');
    const of = words.indexOf('of');
    const heads = [words[(of > 0 ? of : words.length) - 1] ?? '', words[0] ?? ''];
    const isOf = heads.some((head) => {
      const named = kinds.namedExactly(lowerCase(head));
      return named !== null && named !== 0 && kinds.isA(named, kind) && words.length > 1;
    });
    if (isOf && kinds.top(kind) !== kinds.named('person'))
      found.push({ start: index + start, end: index + run.length, score: CUED + 0.03 });
  }
  return found;
}

function isProduct(kind: Kind | null, kinds: KindLexicon): boolean {
  return kind !== null && kinds.kinds[kinds.top(kind)] === 'product' && !isCommonKind(kind, kinds);
}

function isCommonKind(kind: Kind, kinds: KindLexicon): boolean {
  return kinds.kinds[kind] === 'furniture' || kinds.kinds[kind] === 'clothing';
}

const MODEL =
  /(?<![\w'’-])[A-Z][A-Za-z]{0,20}(?:[- ][A-Z0-9][A-Za-z0-9+]{0,14}(?:\.\d{1,4}){0,3}){1,5}(?![\w%$€])/g;

/** Names with a number in them: "OnePlus 11", "Sony WH-1000XM5". */
function modelCandidates({ text, quantities }: TextReading): Candidate[] {
  const found: Candidate[] = [];
  for (const { 0: written, index: first } of text.matchAll(MODEL)) {
    const end = first + written.length;
    const index = written.startsWith('The ') ? first + 4 : first;
    const model = text.slice(index, end);
    if (
      !/\d/.test(model) ||
      /^(?:No|Nr|Page|Chapter|Section|Article|Room|Order|Invoice|Total|Day|Week) /.test(model)
    )
      continue;
    const isDate = quantities.some(
      (one) => (one.kind === 'date' || one.kind === 'money') && one.start < end && index < one.end,
    );
    if (!isDate) found.push({ start: index, end, score: MODEL_SCORE });
  }
  return found;
}

/** "Siemens AG": the legal form belongs to the name. */
function legalFormEnd(text: string, end: number): number {
  const form =
    /^,? (?:AG|SE|GmbH(?: & Co\. KG)?|KG|Inc\.?|Ltd\.?|LLC|LLP|PLC|plc|Corp\.?|Corporation|Co\.|S\.?A\.?|S\.?L\.?|S\.?p\.?A\.?|SARL|B\.?V\.?|N\.?V\.?|Lda\.?)(?![\w])/.exec(
      text.slice(end, end + 24),
    );
  return form ? end + form[0].length : end;
}

const TITLE_MODIFIERS = new Set(
  (
    'senior junior lead chief principal staff head vice assistant associate deputy executive general backend frontend ' +
    'back-end front-end full-stack software data product project marketing sales financial technical regional global ' +
    'interim acting founding former mobile cloud security network systems hardware mechanical electrical civil research ' +
    'medical legal human digital creative art customer account business machine learning ux ui web devops qa registered'
  ).split(' '),
);

/** Where a job's title begins: "Senior Backend" before "Engineer". */
function titleStart(text: string, start: number, isCapital: boolean): number {
  let first = start;
  for (let count = 0; count < 4; count++) {
    const before = /(?:^|[^\w-])([A-Za-z][\w-]{0,16}) $/.exec(text.slice(Math.max(0, first - 20), first));
    const word = before?.[1];
    if (word === undefined) break;
    const isPart =
      TITLE_MODIFIERS.has(lowerCase(word)) ||
      (isCapital &&
        /^[A-Z][a-z]/.test(word) &&
        !/^(?:The|A|An|As|Our|Is|Is|He|She|In|At|For|And)$/.test(word));
    if (!isPart) break;
    first -= word.length + 1;
  }
  return first;
}

/** Where a product's name ends with its model: "Galaxy" is followed by "S24 Ultra". */
function modelEnd(text: string, end: number): number {
  const ahead = text.slice(end, end + 48);
  const match =
    /^(?:[ -](?:[A-Z0-9][A-Za-z0-9+]{0,11}\b(?![.,]\d)))(?: (?:[A-Z][A-Za-z0-9+]{0,11}|\d{1,4}(?:\.\d{1,3}){0,2})\b(?![.,%]\d|[%$]))?(?: (?:Pro|Max|Plus|Ultra|Mini|Lite|Air|SE|XL|FE|[A-Z]{2,4})\b)?/.exec(
      ahead,
    );
  const model = match?.[0] ?? '';
  return /\d|Pro|Max|Plus|Ultra|Mini|Lite|Air/.test(model) ? end + model.length : end;
}

/** Above 1 when the name is known to be of the kind; below when it may be, or is known to be of another. */
function fitOf(
  name: NameSpan,
  kind: Kind,
  reading: TextReading,
  kinds: KindLexicon,
  isOnly: boolean,
): number {
  const inside = reading.things.filter(({ start, end }) => start >= name.start && end <= name.end);
  const thing = inside.find(({ start, end }) => start === name.start && end === name.end);
  if (thing) {
    if (thing.kinds.some((one) => kinds.isA(one, kind))) return 2;
    // A wide kind that is known tells nothing of the narrow one.
    if (!thing.kinds.some((one) => kinds.isA(kind, one)))
      return kinds.top(kind) === kind ? OTHERWISE_KNOWN : CONTRADICTED;
    if (thing.kinds[0] !== kinds.top(kind)) return NEXT_WIDER;
  }
  // "Toyota Corolla" ends with a car.
  const last = inside.find(({ end }) => end === name.end);
  if (last?.kinds.some((one) => kinds.isA(one, kind)) && kinds.top(kind) !== kind) return 2;
  if (kinds.top(kind) === kind || kinds.kinds[kind] === 'group') return 1;
  if (saysKind(name, kind, reading, kinds)) return CUED + 0.2;
  return Math.max(SHARES[kinds.kinds[kind] ?? ''] ?? USUAL_SHARE, isOnly ? ONLY_SHARE : 0);
}

/** Whether a word in the name, or close to it, names the kind: "Hudson River", "the actor Tom Hanks". */
function saysKind(name: NameSpan, kind: Kind, reading: TextReading, kinds: KindLexicon): boolean {
  const from = Math.max(0, name.start - WINDOW);
  const around = reading.text.slice(from, name.end + WINDOW);
  for (const word of wordsOf(around)) {
    const isCut = (word.start === 0 && from > 0) || from + word.end === name.end + WINDOW;
    if (isCut || word.text.length < 3) continue;
    const named = kinds.namedExactly(termOf(word.text));
    if (named !== null && kinds.isA(named, kind)) return true;
  }
  return false;
}
