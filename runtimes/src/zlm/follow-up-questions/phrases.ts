/** Noun phrases of a tagged sentence, and their text with the determiner that a question wants. */
import { isPluralNoun, singularOf } from './morphology.ts';
import type { Tag } from './tags.ts';
import type { Token } from './tokens.ts';

export interface NounPhrase {
  /** Places in the sentence's tokens: from the first, to behind the last. */
  readonly start: number;
  readonly end: number;
  /** Place of the head noun. */
  readonly head: number;
  readonly plural: boolean;
  /** The head is a name. */
  readonly name: boolean;
}

const MODIFIERS: ReadonlySet<Tag> = new Set(['JJ', 'VN', 'VG', 'CD', 'NN', 'NS', 'NP']);
const NOUNS: ReadonlySet<Tag> = new Set(['NN', 'NS', 'NP']);
const LONGEST_PHRASE = 9;

/** The longest simple noun phrase that starts at `start` (no preposition inside), or null. */
export function nounPhraseAt(tokens: readonly Token[], start: number): NounPhrase | null {
  let at = start;
  const tag = tokens[at]?.tag;
  if (tag === 'DT' || tag === 'PS') at++;
  let head = -1;
  while (at < tokens.length && at - start < LONGEST_PHRASE) {
    const token = tokens[at]!;
    if (NOUNS.has(token.tag)) head = at;
    else if (token.tag === 'PO' && head === at - 1 && head >= start && isPossessor(tokens, at)) head = -1;
    else if (token.tag === 'RB' && isDegree(tokens, at)) {
      // "a very old bridge"
    } else if (isSmallNumber(token, tokens, at)) {
      // "$ 5 million"
    } else if (!MODIFIERS.has(token.tag) || head !== -1) break;
    at++;
  }
  if (head === -1) return null;
  const headToken = tokens[head]!;
  return {
    start,
    end: head + 1,
    head,
    plural: isPluralNoun(headToken.low, headToken.tag),
    name: headToken.tag === 'NP',
  };
}

/** "the council's vote": a noun follows the possessive. */
function isPossessor(tokens: readonly Token[], at: number): boolean {
  const next = tokens[at + 1]?.tag;
  return next !== undefined && MODIFIERS.has(next);
}

function isDegree(tokens: readonly Token[], at: number): boolean {
  return tokens[at + 1]?.tag === 'JJ' && at > 0 && tokens[at - 1]!.tag === 'DT';
}

function isSmallNumber(token: Token, tokens: readonly Token[], at: number): boolean {
  return /^[$€£¥]$/.test(token.text) && tokens[at + 1]?.tag === 'CD';
}

/** A noun phrase with what hangs on it by "of": "the mayor of the city of York". */
export function phraseWithOf(tokens: readonly Token[], start: number): NounPhrase | null {
  const first = nounPhraseAt(tokens, start);
  if (!first) return null;
  let end = first.end;
  for (let links = 0; links < 2 && tokens[end]?.low === 'of'; links++) {
    const next = nounPhraseAt(tokens, end + 1);
    if (!next) break;
    end = next.end;
  }
  return { ...first, end };
}

/** The tokens as they stand in a text: spaces only where there were some, and never before marks. */
export function textOf(tokens: readonly Token[], start: number, end: number): string {
  let text = '';
  for (let i = start; i < end; i++) {
    const token = tokens[i]!;
    text += (i > start && token.spaced ? ' ' : '') + token.inner;
  }
  return text;
}

/** Determiners that point nowhere outside their sentence. */
const UNFIT = new Set([
  'this',
  'that',
  'these',
  'those',
  'no',
  'any',
  'each',
  'every',
  'such',
  'another',
  'neither',
  'either',
  'half',
  'both',
  'all',
]);
const VAGUE = new Set(['several', 'some', 'many', 'few']);

/** The phrase as something known already: "a new bridge" → "the new bridge"; null where it cannot be. */
export function definite(tokens: readonly Token[], phrase: NounPhrase): string | null {
  const first = tokens[phrase.start]!;
  const rest = textOf(tokens, phrase.start + 1, phrase.end);
  if (first.tag === 'PS')
    return first.low === 'its' || first.low === 'their' ? null : ownersPhrase(first.low, rest);
  if (first.tag === 'CD' && phrase.plural) return `the ${textOf(tokens, phrase.start, phrase.end)}`;
  if (isBareOf(tokens, phrase)) return `the ${textOf(tokens, phrase.start, phrase.end)}`;
  if (first.tag !== 'DT') return textOf(tokens, phrase.start, phrase.end);
  if (
    first.text !== first.low &&
    tokens[phrase.start + 1]?.tag === 'NP' &&
    /^[A-Z]/.test(tokens[phrase.start + 1]!.text) &&
    phrase.name &&
    first.low !== 'the'
  )
    return `${first.text} ${rest}`;
  if (first.low === 'a' || first.low === 'an' || first.low === 'the') return `the ${rest}`;
  if (first.low === 'this' || first.low === 'these') return `the ${rest}`;
  return UNFIT.has(first.low) || VAGUE.has(first.low) ? null : textOf(tokens, phrase.start, phrase.end);
}

/** "murder of the king" wants its "the". */
function isBareOf(tokens: readonly Token[], phrase: NounPhrase): boolean {
  const { tag } = tokens[phrase.start]!;
  const singular = tokens[phrase.head]!.tag === 'NN' && !phrase.plural;
  return (
    singular &&
    (tag === 'NN' || tag === 'JJ') &&
    tokens[phrase.head + 1]?.low === 'of' &&
    phrase.end > phrase.head + 1
  );
}

function ownersPhrase(low: string, rest: string): string | null {
  if (low === 'my' || low === 'our' || low === 'your') return `your ${rest}`;
  return null;
}

/** The phrase without its determiner. */
export function bare(tokens: readonly Token[], phrase: NounPhrase): string {
  const tag = tokens[phrase.start]!.tag;
  const from = tag === 'DT' || tag === 'PS' ? phrase.start + 1 : phrase.start;
  return textOf(tokens, from, phrase.end);
}

export function isVague(token: Token): boolean {
  return VAGUE.has(token.low);
}

/** The head's base form: "bridges" → "bridge". */
export function headLemma(tokens: readonly Token[], phrase: NounPhrase): string {
  return singularOf(tokens[phrase.head]!.low);
}
