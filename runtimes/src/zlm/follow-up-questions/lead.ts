/** What an article's first sentence says that its subject is: "Audi is a German car manufacturer". */
import type { Entity } from './entities.ts';
import type { Lexicon } from './lexicon.ts';
import { singularOf } from './morphology.ts';
import type { Token } from './tokens.ts';

/** Kinds that articles of encyclopedias are taken for because of what they are about. */
const MAY_BE_ARTICLE = new Set(
  (
    'general definition bio news lab abstract match finance travel ruling minutes story release weather medical ' +
    'review obituary job howto product'
  ).split(' '),
);
const SURE = new Set(['general', 'definition', 'bio']);
const SHORTEST_ARTICLE = 300;

/** May the text be an article? What speaks to somebody, or of weekdays, is none unless its kind says so. */
export function mayDefine(text: string, kind: string): boolean {
  if (SURE.has(kind)) return true;
  return MAY_BE_ARTICLE.has(kind) && isImpersonal(text);
}

function isImpersonal(text: string): boolean {
  return (
    text.length > SHORTEST_ARTICLE &&
    !/\b(?:I|[Ww]e|[Yy]ou|[Yy]our|our|my|today|yesterday|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day)\b/.test(
      text,
    )
  );
}

/** "Telecommunications in Namibia include …": long prose that begins so is on its first subject. */
function tellsOfSubject(text: string, verb: Token | undefined, kind: string): boolean {
  const verbs = kind === 'bio' ? /^(?:VZ|VB|HV|VD)$/ : /^(?:VZ|VB)$/;
  if (/^(?:is|are)$/.test(verb?.low ?? '')) return kind !== 'news' && isImpersonal(text);
  return verbs.test(verb?.tag ?? '') && verb!.low !== 'had' && isImpersonal(text);
}

const FARTHEST_VERB = 40;
const LONGEST_SUBJECT = 7;
const DEFINING_DETERMINERS = new Set(['a', 'an', 'the', 'one', 'any', 'two', 'three', 'both', 'either']);
/** Their kind is meant as a whole: "the llama", though the article begins with "A llama". */
const AS_A_WHOLE = new Set(['animal', 'taxon', 'plant', 'vehicle', 'body', 'sport', 'dish']);

/** The subject of the first sentence with the types of what it is said to be; null where none is defined. */
export function definedTopic(
  text: string,
  kind: string,
  tokens: readonly Token[],
  entities: readonly Entity[],
  lexicon: Lexicon,
): Entity | null {
  const start = subjectStart(tokens);
  const end = subjectEnd(tokens, start);
  const at = definitionAt(tokens, end);
  if (end === start || end - start > LONGEST_SUBJECT) return null;
  if (at === -1 && !tellsOfSubject(text, tokens[definiteVerb(tokens, end)] ?? tokens[end], kind)) return null;
  if (!isSubject(tokens.slice(start, end))) return null;
  const named = nameOf(text, tokens, start, end);
  if (named === '') return null;
  const types = at === -1 ? nounTypes(tokens[start]!, lexicon) : typesAt(tokens, at, lexicon);
  const own = entities.find(({ sentence, at: place }) => sentence === 0 && place === start);
  const last = tokens[end - 1]!;
  const known = types.length > 0 ? types : (own?.types ?? []);
  return {
    ...{ text: withArticle(named, tokens[start]!, types), key: lowered(named) },
    types: at === -1 ? withoutActors(known) : personless(known, tokens[start]!),
    plural: /^(?:are|were)$/.test(tokens[definiteVerb(tokens, end)]?.low ?? ''),
    ...{ name: last.tag === 'NP', sentence: 0, at: start, count: 3, weight: 3 },
  };
}

const ACTORS = new Set(['group', 'company', 'team', 'band']);

/** Who acts in a sentence that defines nothing need not be what the text is about. */
function withoutActors(types: readonly string[]): readonly string[] {
  return types.filter((type) => !ACTORS.has(type));
}

/** "The Premier of Victoria" is an office, "a raster editor" a thing: nobody's life is asked about. */
function personless(types: readonly string[], { low }: Token): readonly string[] {
  return /^(?:the|an?)$/.test(low) ? types.filter((type) => type !== 'person') : types;
}

/** Behind "In mathematics,". */
function subjectStart(tokens: readonly Token[]): number {
  if (tokens[0]?.tag !== 'IN') return 0;
  const comma = tokens.findIndex(({ text }, i) => text === ',' && i < 9);
  return comma === -1 ? 0 : comma + 1;
}

function subjectEnd(tokens: readonly Token[], start: number): number {
  let end = start;
  const isNamed = tokens[start]?.tag === 'NP';
  while (end < tokens.length && end - start <= LONGEST_SUBJECT && !endsSubject(tokens[end]!)) {
    if (isNamed && tokens[end]!.low === 'in') break;
    end++;
  }
  return end;
}

function endsSubject({ tag, text, low }: Token): boolean {
  return /^(?:CM|ST|BE|HV|MD|VZ|VB|VD)$/.test(tag) || low === 'or' || /^["“(;:[]$/.test(text);
}

const SUBJECT_TAGS = new Set(['DT', 'NN', 'NS', 'NP', 'JJ', 'CD', 'PO', 'VG', 'VN']);
const LINKS = new Set(['of', 'in', 'and', 'de', 'the', 'for', '-', '/', "'", '&']);

/** Nouns with what belongs to them; "Today", "This", "There" name nothing. */
function isSubject(tokens: readonly Token[]): boolean {
  if (/^(?:this|these|that|those|there|it|today|all|some|many|most|several)$/.test(tokens[0]!.low))
    return false;
  return (
    tokens.some(({ tag }) => /^N/.test(tag)) &&
    tokens.every(({ tag, low }) => SUBJECT_TAGS.has(tag) || LINKS.has(low))
  );
}

function nameOf(text: string, tokens: readonly Token[], start: number, end: number): string {
  const from = /^(?:the|an?)$/.test(tokens[start]!.low) ? start + 1 : start;
  if (from >= end) return '';
  const first = tokens[from]!;
  const tail = text.slice(first.end, tokens[end - 1]!.end);
  return `${openingOf(first, tail, text)}${tail}`.replace(/\s+/g, ' ').trim();
}

/** A capital at the beginning is the name's own when the rest has capitals, or figures; not when the text writes it small. */
function openingOf(first: Token, tail: string, text: string): string {
  if (/[A-Z0-9]/.test(tail)) return first.text;
  return text.includes(` ${first.low}`) ? first.low : first.inner;
}

function withArticle(named: string, { low }: Token, types: readonly string[]): string {
  if (low === 'the') return `the ${named}`;
  if (low !== 'a' && low !== 'an') return named;
  return types.some((type) => AS_A_WHOLE.has(type)) ? `the ${named}` : `${low} ${named}`;
}

/** The place of the first "is", "are", "was", "were" that is no part of an aside between commas. */
function definiteVerb(tokens: readonly Token[], end: number): number {
  const last = Math.min(tokens.length, FARTHEST_VERB);
  for (let i = end; i < last; i++) {
    const { tag, low } = tokens[i]!;
    if (/^(?:is|are|was|were)$/.test(low)) return i;
    if (low === 'refers' && tokens[i + 1]?.low === 'to') return i;
    if (i === end && (tag === 'HV' || tag === 'MD' || /^V[DZB]$/.test(tag))) return -1;
  }
  return -1;
}

/** The place of what it is said to be, -1 where the sentence tells something else. */
function definitionAt(tokens: readonly Token[], end: number): number {
  const verb = definiteVerb(tokens, end);
  if (verb === -1) return -1;
  let at = verb + 1;
  while ((tokens[at]?.tag === 'RB' || /^(?:["“]|to)$/.test(tokens[at]?.low ?? '')) && at - verb < 3) at++;
  const { low, tag } = tokens[at] ?? { low: '', tag: 'ST' };
  if (DEFINING_DETERMINERS.has(low) || /^(?:situated|located)$/.test(low)) return at;
  return tokens[verb]!.low === 'are' && (tag === 'NS' || tag === 'JJ') ? at : -1;
}

/** The types of the noun that the phrase at `at` is about. */
function typesAt(tokens: readonly Token[], at: number, lexicon: Lexicon): string[] {
  if (/^(?:situated|located)$/.test(tokens[at]!.low)) return ['place'];
  const from = tokens[at]!.low === 'one' && tokens[at + 1]?.low === 'of' ? at + 2 : at;
  const head = headOf(tokens, from);
  if (head === -1) return [];
  const behind = tokens[head + 1]?.low;
  if (behind === 'of' && GENERAL_HEADS.test(tokens[head]!.low)) return typesAt(tokens, head + 2, lexicon);
  // "a system of government" is no machine.
  if (behind === 'of' && tokens[head]!.low === 'system') return [];
  // A chamber of a parliament is no building.
  if (tokens[head]!.low === 'house' && /^(?:upper|lower)$/.test(tokens[head - 1]?.low ?? ''))
    return ['group'];
  const own = nounTypes(tokens[head]!, lexicon);
  if (own.includes('person') || (behind !== 'and' && behind !== ',')) return own;
  const next = headOf(tokens, head + 2);
  const others = next === -1 ? [] : nounTypes(tokens[next]!, lexicon);
  return others.includes('person') ? others : own;
}

const GENERAL_HEADS =
  /^(?:line|series|type|types|kind|form|set|group|collection|class|piece|member|part|branch|number|pair|family)$/;
const MOST_MODIFIERS = 14;
const MODIFIERS = new Set(['DT', 'JJ', 'NN', 'NS', 'NP', 'CD', 'RB', 'PO', 'VN', 'VG']);

/** "a 1994 British romantic comedy film directed by": the place of "film". */
function headOf(tokens: readonly Token[], from: number): number {
  let head = -1;
  const end = Math.min(tokens.length, from + MOST_MODIFIERS);
  for (let i = from; i < end; i++) {
    const { tag } = tokens[i]!;
    if (tag === 'NN' || tag === 'NS') head = i;
    else if (tag === 'CM' || tag === 'CC') {
      if (head !== -1 || tokens[i + 1]?.tag === 'ST') break;
    } else if (!MODIFIERS.has(tag) || (head !== -1 && /^(?:V[NG]|DT|RB)$/.test(tag))) break;
  }
  return head;
}

/** The first of each is the nearer one: a program on a computer is no undertaking. */
const NEARER: readonly (readonly [string, string])[] = [
  ['tech', 'project'],
  ['tech', 'method'],
  ['quantity', 'method'],
  ['quantity', 'concept'],
  ['quantity', 'build'],
  ['tech', 'person'],
  ['team', 'group'],
  ['band', 'group'],
  ['company', 'group'],
  ['place', 'group'],
  ['water', 'place'],
  ['build', 'group'],
  ['taxon', 'person'],
  ['happening', 'plan'],
  ['fight', 'happening'],
  ['project', 'plan'],
];

function nounTypes({ low }: Token, lexicon: Lexicon): string[] {
  const found = [...lexicon.typesOf(singularOf(low)), ...lexicon.typesOf(low)];
  const types = new Set(found.filter((type) => !type.startsWith('v.')));
  for (const [near, far] of NEARER) if (types.has(near)) types.delete(far);
  return [...types];
}

function lowered(text: string): string {
  let low = '';
  for (const char of text)
    low += char >= 'A' && char <= 'Z' ? String.fromCharCode(char.charCodeAt(0) + 32) : char;
  return low;
}
