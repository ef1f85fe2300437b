/** Personal data of a text: patterns, known words, addresses, and a tagger for names. */
import type { PiiLabel, PiiOptions } from '@zerogpu/catalogue';
import { findPatterns } from '../entities/patterns/find-patterns.ts';
import { type PatternSpan, readingOf } from '../entities/patterns/rule.ts';
import { casingOf } from '../entities/tagger-features.ts';
import { roundTo } from '../numeric.ts';
import type { Weights } from '../weights.ts';
import { isCapital } from '../words.ts';
import { addressBlocks, addressParts, isLikeStreet, isStreetName, type Line } from './address-parts.ts';
import { isOrgWord } from './features.ts';
import { Gazetteer, type KeyedToken, KNOWN } from './gazetteer.ts';
import { jobTitles } from './job-titles.ts';
import { knownWords } from './known-words.ts';
import { type NameSpan, PiiTagger } from './name-tagger.ts';
import { namedOrganizations, OPENERS } from './organizations.ts';
import {
  GREETINGS,
  greetedPersons,
  introducedPersons,
  introductions,
  isRole,
  namedPersons,
  personsByRole,
  TITLES,
  titledPersons,
} from './persons.ts';
import { resolved } from './resolve.ts';
import { withWholeAddresses } from './whole-addresses.ts';

const SCORE_DECIMALS = 4;

export class PiiModel {
  readonly gazetteer: Gazetteer;
  readonly #tagger: PiiTagger;

  /** @throws WeightsError */
  constructor(weights: Weights) {
    this.gazetteer = Gazetteer.of(weights);
    this.#tagger = new PiiTagger(weights);
  }

  /**
   * Spans in the order of the text, without overlaps, of the labels asked for.
   * Offsets are UTF-16 code units of the text. Takes time linear in the text.
   */
  find(
    text: string,
    { labels, threshold, isNamed }: Pick<PiiOptions, 'labels' | 'threshold' | 'isNamed'>,
  ): PatternSpan[] {
    const reading = readingOf(text);
    const lines = this.gazetteer.lines(text, reading.folded);
    const spans = [...findPatterns(text, reading), ...this.#names(lines, introductions(reading.folded))];
    // Who asks for passwords and not for addresses of servers is to get those inside such an address.
    const sure = spans.filter(
      ({ score, label }) => score >= threshold && (label !== 'url' || labels.has(label)),
    );
    const again = repeatedNames(lines, sure, threshold);
    const found = resolved(text, [...sure, ...again]);
    const asked = isNamed && labels.has('address') && !labels.has('street');
    return (asked ? withWholeAddresses(text, found) : found)
      .filter(({ label }) => labels.has(label))
      .map((span) => ({ ...span, score: roundTo(span.score, SCORE_DECIMALS) }));
  }

  *#names(lines: readonly Line[], starts: ReadonlySet<number>): Generator<PatternSpan> {
    yield* addressBlocks(lines);
    for (const line of lines) {
      const casing = casingOf(line);
      yield* addressParts(line, casing);
      yield* knownWords(line, casing);
      yield* titledPersons(line, casing);
      yield* introducedPersons(line, casing, starts);
      yield* namedPersons(line, casing);
      yield* personsByRole(line, casing);
      yield* namedOrganizations(line);
      yield* jobTitles(line);
      yield* greetedPersons(line);
      for (const span of this.#tagger.tag(line)) yield* labelled(line, span, casing);
    }
  }
}

/** Names of numbers, which stand before these in capitals. */
const ACRONYMS =
  /^(?:vin|mac|imei|iban|bic|swift|ssn|dob|mrn|cvv|cvc|id|pin|url|api|ip|tva|iva|nif|dni|nie|cpf|cnpj|rg|cep|plz|cap|vat|ust|ein|tin|btc|eth|po|ref|tel|fax|fwd|re|cc|bcc|ceo|cfo|cto|hr|it|pc|tv|gps|usb|sim|otp|aba|nss|nir|nhs|cif|cup|cap|pec|nib|faq|asap|fyi|eta|ok|am|pm|json|http|https|html|xml|sql|csv|pdf)$/;

function labelled(line: Line, span: NameSpan, casing: number): PatternSpan[] {
  const { key, text } = line[span.first]!;
  if (span.first === span.last && ACRONYMS.test(key)) return [];
  // A lone small word in a line that has capitals is no name.
  if (casing === 0 && span.first === span.last && !isCapital(text.charCodeAt(0))) return [];
  if (isUsualWords(line, span, casing)) return [];
  const score = Math.min(span.score, 0.94);
  if (span.type === 'person') {
    if (holdsOrgWord(line, span))
      return [
        spanOf(line, orgStart(line, span), withoutStop(line, span), 'organization', Math.max(score, 0.6)),
      ];
    return personOf(line, span, score, casing);
  }
  if (span.type === 'organization')
    return [spanOf(line, orgStart(line, span), withoutStop(line, span), 'organization', score)];
  // A street has its number; the rules for addresses find the rest.
  if (span.type === 'street')
    return hasNumber(line, span) && isLikeStreet(line, span.first, span.last)
      ? [spanOf(line, span.first, span.last, 'street', Math.min(score, 0.88))]
      : [];
  if (holdsOrgWord(line, span) && span.last - span.first < LONGEST_ORGANIZATION)
    return [spanOf(line, span.first, withoutStop(line, span), 'organization', Math.max(score, 0.6))];
  if (isStreetName(line, span.first, span.last))
    return [spanOf(line, span.first, span.last, 'street', Math.min(score, 0.8))];
  return placeOf(line, span, score);
}

/** "moss green" between sentences that have capitals, "city" in the head of a table. */
function isUsualWords(line: Line, { first, last }: NameSpan, casing: number): boolean {
  let common = 0;
  for (let i = first; i <= last; i++) {
    const { text, bits } = line[i]!;
    if (isCapital(text.charCodeAt(0)) || /^[@#\d]/.test(text)) return false;
    if (bits & KNOWN.common && !(casing === 1 && bits & KNOWN.first)) common++;
  }
  return casing === 0 ? common > 0 : common > last - first;
}

function spanOf(line: Line, first: number, last: number, label: PiiLabel, score: number): PatternSpan {
  return { start: line[first]!.start, end: line[last]!.end, label, score };
}

/** Without "Mr." before it; a handle is a username. */
function personOf(line: Line, { first, last: end }: NameSpan, score: number, casing: number): PatternSpan[] {
  let from = first;
  const last = nameStop(line, first, end);
  while (from < last && isBeforeName(line, from, casing)) from++;
  if (/^[@#]/.test(line[from]!.text) || !/[a-z\u0080-\uffff]/.test(line[from]!.key)) return [];
  if (TITLES.has(line[from]!.key) || (casing === 0 && from === last && isRole(line[from]!.key))) return [];
  return [spanOf(line, from, last, 'person', score)];
}

/** A title, or what somebody is: "coach Marta". */
function isBeforeName(line: Line, at: number, casing: number): boolean {
  const { key, bits } = line[at]!;
  if (TITLES.has(key) || GREETINGS.has(key) || key === '.') return true;
  return !!(isRole(key) && (casing !== 0 || !(bits & KNOWN.first) || bits & KNOWN.common));
}

/** The last token before a stop that ends a sentence, and not an initial or "Jr.". */
function nameStop(line: Line, first: number, last: number): number {
  for (let at = first + 1; at <= last; at++) {
    const before = line[at - 1]!.key;
    if (line[at]!.key === '.' && before.length > 2 && !TITLES.has(before)) return at - 1;
  }
  return last;
}

/** The stop behind "Ltd" ends the sentence where the line ends or a capital comes next. */
function withoutStop(line: Line, { first, last }: NameSpan): number {
  if (line[last]!.key !== '.' || last === first) return last;
  const next = line[last + 1];
  return !next || isCapital(next.text.charCodeAt(0)) ? last - 1 : last;
}

function holdsOrgWord(line: Line, { first, last }: NameSpan): boolean {
  for (let i = first; i <= last; i++)
    if (last > first && isOrgWord(line[i]!.key) && line[i]!.key.length > 2) return true;
  return false;
}

const LEGAL_FORM =
  /^(?:gmbh|ag|kg|ohg|ug|se|inc|ltd|limited|llc|llp|plc|corp|corporation|s\.?a|s\.?a\.?s|s\.?a\.?r\.?l|s\.?l|s\.?l\.?u|s\.?r\.?l|s\.?p\.?a|snc|lda|ltda|eireli|b\.?v|n\.?v|oy|ab|a\/s)\.?$/;
const JOINTS = /^(?:&|and|und|et|y|e|du|de|des|di|del|della|do|da|dos|der|für|fur|-)$/;
const LONGEST_ORGANIZATION = 6;

/** What ends in "GmbH" or "S.r.l." begins with the first of the capitalized words before it. */
function orgStart(line: Line, { first, last }: NameSpan): number {
  if (!LEGAL_FORM.test(line[last]!.key)) return first;
  let from = first;
  while (from > 0 && last - from < LONGEST_ORGANIZATION) {
    const before = line[from - 1]!;
    const isJoint = JOINTS.test(before.key) && isCapital(line[from - 2]?.text.charCodeAt(0) ?? 0);
    if (isCapital(before.text.charCodeAt(0)) && !TITLES.has(before.key) && !OPENERS.has(before.key)) from--;
    else if (isJoint) from -= 2;
    else break;
  }
  // The first word of a line has its capital anyway.
  return from === 0 && first > 0 && line[0]!.bits & KNOWN.common ? Math.min(first, 1) : from;
}

function hasNumber(line: Line, { first, last }: NameSpan): boolean {
  for (let i = first; i <= last; i++) if (/\d/.test(line[i]!.key)) return true;
  return false;
}

/** What the tagger calls a place is a country where it is known as one, and else a city. */
function placeOf(line: Line, { first, last: end }: NameSpan, score: number): PatternSpan[] {
  // "Omaha NE" before a postal code: the state has a span of its own.
  const isState = /^[A-Z]{2}$/.test(line[end]!.text) && /^\d/.test(line[end + 1]?.key ?? '');
  const last = isState && end > first ? end - 1 : end;
  const token = line[first]!;
  const bits = token.bits | token.phrase;
  // "Galaxy S23"
  if (/[a-z]\d/.test(line[last]!.key)) return [];
  if (last === first && bits & (KNOWN.nationality | KNOWN.common)) return [];
  if (bits & KNOWN.country && !(bits & KNOWN.city)) return [spanOf(line, first, last, 'country', score)];
  const known = bits & (KNOWN.city | KNOWN.region) ? score : score * 0.85;
  return [spanOf(line, first, last, 'city', known)];
}

/** A part of a person's name that stands alone elsewhere is that person too. */
function repeatedNames(
  lines: readonly Line[],
  spans: readonly PatternSpan[],
  threshold: number,
): PatternSpan[] {
  const persons = spans.filter(({ label, score }) => label === 'person' && score >= 0.7);
  if (persons.length === 0) return [];
  const starts = new Map(persons.map((span) => [span.start, span.end]));
  const names = namesOf(lines, starts);
  const again: PatternSpan[] = [];
  for (const line of lines) {
    for (const { text, start, end } of line) {
      if (names.has(text))
        again.push({ start, end, label: 'person', score: Math.max(0.55, Math.min(threshold, 0.6)) });
    }
  }
  return again;
}

/** The words of names, as written, that are hardly anything else. */
function namesOf(lines: readonly Line[], starts: ReadonlyMap<number, number>): ReadonlySet<string> {
  const names = new Set<string>();
  for (const line of lines) {
    let end = -1;
    for (const token of line) {
      end = Math.max(end, starts.get(token.start) ?? -1);
      if (token.end <= end && isTelling(token)) names.add(token.text);
    }
  }
  return names;
}

function isTelling({ text, bits }: KeyedToken): boolean {
  return (
    text.length >= 3 &&
    isCapital(text.charCodeAt(0)) &&
    !(bits & (KNOWN.common | KNOWN.city | KNOWN.country | KNOWN.region))
  );
}
