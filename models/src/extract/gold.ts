/** Gold entities of tweets, comments and articles, as lines of tokens with the tags that each may have. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { lowerCase, NAME_TYPES, type NameType, type TokenLine, tokenLines } from '@zerogpu/runtimes';

export interface GoldSpan {
  readonly start: number;
  readonly end: number;
  /** As the set has it. */
  readonly label: string;
}

export interface GoldText {
  readonly text: string;
  readonly spans: readonly GoldSpan[];
}

export interface TrainingLine {
  readonly line: TokenLine;
  /** Bits of the tags that each token may have. */
  readonly allowed: Int32Array;
}

const OUTSIDE_BIT = 1;

function bit(type: NameType, inside: boolean): number {
  return 1 << (1 + 2 * NAME_TYPES.indexOf(type) + (inside ? 1 : 0));
}

/** What a label of a set may mean among our types. */
const MEANINGS: Readonly<Record<string, readonly NameType[]>> = {
  person: ['person'],
  location: ['location'],
  corporation: ['corporation'],
  group: ['group'],
  product: ['product'],
  'creative-work': ['creative work'],
  PER: ['person'],
  LOC: ['location'],
  ORG: ['corporation', 'group'],
  MISC: ['product', 'creative work', 'event'],
};

const EVENT =
  /\b(war|cup|olympics|championships?|battle|festival|awards?|games|league|tournament|election|revolution|grand prix|open)\b/;

/**
 * Reads `token<separator>tag` lines, BIO or IO, blank lines between texts.
 * @param joinsHandles whether "@" and the word behind it are one token and no name
 */
export function readConll(file: string, joinsHandles = false): GoldText[] {
  const texts: GoldText[] = [];
  let tokens: [string, string][] = [];
  for (const row of `${readFileSync(file, 'utf8')}\n`.split('\n')) {
    const cells = row.trim().split(/\s+/);
    if (cells.length >= 2) tokens.push([cells[0]!, cells.at(-1)!]);
    else if (tokens.length > 0) {
      texts.push(goldText(joinsHandles ? joinedHandles(tokens) : tokens));
      tokens = [];
    }
  }
  return texts;
}

/** "@ name" as one token; BTC calls these persons, and we do not. */
function joinedHandles(tokens: readonly [string, string][]): [string, string][] {
  const joined: [string, string][] = [];
  for (let i = 0; i < tokens.length; i++) {
    const [word, tag] = tokens[i]!;
    if (word === '@' && i + 1 < tokens.length) joined.push([`@${tokens[++i]![0]}`, 'O']);
    else joined.push([word, word.startsWith('@') ? 'O' : tag]);
  }
  return joined;
}

function goldText(tokens: readonly [string, string][]): GoldText {
  let text = '';
  const spans: GoldSpan[] = [];
  let before = 'O';
  for (const [word, tag] of tokens) {
    if (text !== '') text += ' ';
    const start = text.length;
    text += word;
    const label = tag.slice(2);
    const last = spans.at(-1);
    if (tag !== 'O') {
      if (tag.startsWith('I-') && before.slice(2) === label && last) {
        spans[spans.length - 1] = { ...last, end: text.length };
      } else spans.push({ start, end: text.length, label });
    }
    before = tag;
  }
  return { text, spans };
}

/** @param nationalities lower case; they are no names to the tagger */
export function trainingLine(
  gold: GoldText,
  set: 'wnut' | 'btc' | 'wikigold',
  nationalities: ReadonlySet<string>,
): TrainingLine | null {
  const line = tokenLines(gold.text)[0];
  if (!line) return null;
  const allowed = new Int32Array(line.length).fill(OUTSIDE_BIT);
  if (set === 'btc') allowUnlabelled(line, allowed);
  for (const span of gold.spans) {
    const types = typesOf(gold.text.slice(span.start, span.end), span.label, nationalities);
    if (types.length === 0) continue;
    line.forEach((token, i) => {
      if (token.start >= span.end || token.end <= span.start) return;
      const isFirst = i === 0 || line[i - 1]!.end <= span.start;
      allowed[i] = types.reduce((bits, type) => bits | bit(type, !isFirst), 0);
    });
  }
  return { line, allowed };
}

/** BTC marks persons, places and organizations only: another capital inside a tweet may be anything else. */
function allowUnlabelled(line: TokenLine, allowed: Int32Array): void {
  for (let i = 1; i < line.length; i++) {
    const { text, small } = line[i]!;
    if (text === small || line[i - 1]!.text === '.') continue;
    for (const type of ['product', 'creative work', 'event'] as const) {
      allowed[i] = allowed[i]! | bit(type, false) | bit(type, true);
    }
  }
}

function typesOf(name: string, label: string, nationalities: ReadonlySet<string>): readonly NameType[] {
  if (label !== 'MISC') return MEANINGS[label] ?? [];
  const small = lowerCase(name);
  if (nationalities.has(small) || small.split(' ').every((word) => nationalities.has(word))) return [];
  return EVENT.test(small) ? ['event'] : MEANINGS['MISC']!;
}

/**
 * A sentence of an article with the name that the article is about: that name is of the type, words without capitals
 * are no names, and any other capital may be anything.
 */
export function mentionLine(sentence: string, name: string, type: NameType): TrainingLine | null {
  const line = tokenLines(sentence)[0];
  const start = sentence.indexOf(name, 1);
  if (!line || start < 0) return null;
  const end = start + name.length;
  const allowed = new Int32Array(line.length).fill(OUTSIDE_BIT);
  line.forEach((token, i) => {
    const isInside = token.start < end && token.end > start;
    if (isInside) allowed[i] = bit(type, i > 0 && line[i - 1]!.end > start);
    else if (token.text !== token.small || isNear(line, i, end)) allowed[i] = ANY_TAG;
  });
  return { line, allowed };
}

const ANY_TAG = -1;

/** "of" and "the" may be inside a name. */
function isNear(line: TokenLine, i: number, end: number): boolean {
  const isLink = /^(?:of|the|and|for|de|la|[-'"’])$/.test(line[i]!.small);
  return isLink && line[i]!.start !== end;
}

/** The same text without capitals, or in capitals only: what capitals tell must not be all that is learned. */
export function recased(gold: GoldText, capitals: boolean): GoldText {
  const text = capitals ? gold.text.toUpperCase() : lowerCase(gold.text);
  return text.length === gold.text.length ? { ...gold, text } : gold;
}

/** Each tenth text of BTC and wikigold is only measured. */
export function isHeldOut(index: number): boolean {
  return index % 10 === 9;
}

export function goldSets(data: string): {
  wnut: GoldText[];
  dev: GoldText[];
  btc: GoldText[][];
  wikigold: GoldText[];
} {
  const folder = path.join(data, 'train/ner');
  return {
    wnut: readConll(path.join(folder, 'wnut17/wnut17train.conll')),
    dev: readConll(path.join(folder, 'wnut17/emerging.dev.conll')),
    btc: [...'abefgh'].map((part) =>
      readConll(path.join(folder, `BTC/CONLL-format/data/${part}.conll`), true),
    ),
    wikigold: readConll(path.join(folder, 'wikigold/CONLL-format/data/wikigold.conll.txt')),
  };
}
