/** Gives each token its part of speech: the cheapest path through the lexicon's tags and their transitions. */
import { isCapitalized, isNumeric, type Lexicon, type TagCost } from './lexicon.ts';
import { TAGS, type Tag, tagNumber } from './tags.ts';
import type { RawToken, Token } from './tokens.ts';

const NP = tagNumber('NP');
const CLOSED = new Set(
  ['DT', 'PS', 'PP', 'IN', 'TO', 'CC', 'MD', 'BE', 'HV', 'DO', 'WH', 'NG', 'EX', 'CM', 'ST', 'OT', 'PO'].map(
    tagNumber,
  ),
);
const NUMBER: readonly TagCost[] = [{ tag: tagNumber('CD'), cost: 0 }];
const NAME: readonly TagCost[] = [{ tag: NP, cost: 0 }];
const POSSESSIVE: readonly TagCost[] = [
  { tag: tagNumber('PO'), cost: 0 },
  { tag: tagNumber('OT'), cost: 4 },
];
const MARK: readonly TagCost[] = [{ tag: tagNumber('OT'), cost: 0 }];
/** A capital inside a sentence is a name unless all else speaks against it. */
const NOT_A_NAME = 10;
const START = tagNumber('ST');

export function tagTokens(tokens: readonly RawToken[], lexicon: Lexicon): Token[] {
  const shouting = isShouting(tokens);
  const options = tokens.map((token, i) =>
    optionsFor(token, i === 0 || startsAfresh(tokens, i), shouting, lexicon),
  );
  const tags = withVerb(
    tokens,
    cheapestPath(options, lexicon).map((tag) => TAGS[tag]!),
    lexicon,
  );
  return tokens.map((token, i) => {
    const tag = tags[i]!;
    const first = (i === 0 || startsAfresh(tokens, i)) && !isTitleOfName(tags[i + 1], tag);
    return { ...token, tag, inner: innerForm(token, tag, first, lexicon) };
  });
}

const FINITE: ReadonlySet<Tag> = new Set(['VD', 'VZ', 'VB', 'MD', 'BE', 'HV', 'DO']);
const BEFORE_VERB: ReadonlySet<Tag> = new Set(['NN', 'NP']);
const BEHIND_VERB: ReadonlySet<Tag> = new Set(['TO', 'DT', 'PS', 'PP']);

/** "The council plans to close …": where a sentence has no verb, a plural in the verb's place is one. */
function withVerb(tokens: readonly RawToken[], tags: readonly Tag[], lexicon: Lexicon): Tag[] {
  const mended = [...tags];
  if (tags.some((tag, i) => FINITE.has(tag) && tags[i - 1] !== 'TO')) return mended;
  const at = tags.findIndex(
    (tag, i) => tag === 'NS' && isVerbPlace(tags, i) && isThirdPerson(tokens[i]!.low, lexicon),
  );
  if (at !== -1) mended[at] = 'VZ';
  return mended;
}

function isVerbPlace(tags: readonly Tag[], i: number): boolean {
  return BEFORE_VERB.has(tags[i - 1] ?? 'ST') && BEHIND_VERB.has(tags[i + 1] ?? 'ST');
}

function isThirdPerson(low: string, lexicon: Lexicon): boolean {
  const stems = [
    low.slice(0, -1),
    low.endsWith('es') ? low.slice(0, -2) : '',
    low.endsWith('ies') ? `${low.slice(0, -3)}y` : '',
  ];
  return stems.some((stem) => stem.length > 1 && lexicon.has(stem) && lexicon.canBe(stem, 'VB'));
}

/** Behind an opening quote or a colon a capital says nothing. */
function startsAfresh(tokens: readonly RawToken[], i: number): boolean {
  return /^["“„«:([*•–—-]$/.test(tokens[i - 1]!.text);
}

/** A word that opens a sentence loses its capital, unless the capital is its own. */
function innerForm(token: RawToken, tag: Tag, first: boolean, lexicon: Lexicon): string {
  if (
    !first ||
    tag === 'NP' ||
    token.text === 'I' ||
    isAcronym(token.text) ||
    lexicon.capitalized.has(token.low)
  )
    return token.text;
  return token.low;
}

/** "Hurricane Rita", "Count Johann": the capital of a name's first word is its own. */
function isTitleOfName(next: Tag | undefined, own: Tag): boolean {
  return next === 'NP' && (own === 'NN' || own === 'NS');
}

function isAcronym(text: string): boolean {
  return text.length > 1 && /^[A-Z0-9][A-Z0-9.&-]+s?$/.test(text);
}

/** Most words begin with a capital: a heading or all capitals, where capitals tell nothing. */
function isShouting(tokens: readonly RawToken[]): boolean {
  const words = tokens.filter(({ text }) => /^[A-Za-z]/.test(text));
  const small = words.filter(({ text }) => /^[a-z]/.test(text) && text.length > 3);
  return words.length > 3 && small.length === 0;
}

function optionsFor(
  token: RawToken,
  first: boolean,
  shouting: boolean,
  lexicon: Lexicon,
): readonly TagCost[] {
  const known = lexicon.known(token.low);
  if (isNumeric(token.text)) return NUMBER;
  const capital = isCapitalized(token.text);
  if (known && (!capital || shouting)) return known;
  if (known?.some(({ tag }) => CLOSED.has(tag)) && token.text !== 'US' && token.text !== 'IT') return known;
  if (known && first) return isName(token, lexicon) ? [...NAME, ...dearer(known, 6)] : known;
  if (capital) return known ? [...NAME, ...dearer(known, NOT_A_NAME)] : NAME;
  if (token.low === "'" && !token.spaced) return POSSESSIVE;
  if (!/^[a-zà-öø-ÿ]/.test(token.low)) return MARK;
  return lexicon.byEnding(token.low);
}

function isName(token: RawToken, lexicon: Lexicon): boolean {
  return lexicon.firstNames.has(token.text) || lexicon.places.has(token.text);
}

function dearer(costs: readonly TagCost[], by: number): TagCost[] {
  return costs.filter(({ tag }) => tag !== NP).map(({ tag, cost }) => ({ tag, cost: cost + by }));
}

/** Viterbi; the numbers of the tags. Integer costs, so that every engine takes the same path. */
function cheapestPath(options: readonly (readonly TagCost[])[], lexicon: Lexicon): number[] {
  let before: Step[] = [{ tag: START, cost: 0, from: 0 }];
  const steps = options.map((costs) => {
    const now = costs.map(({ tag, cost }) => cheapestStep(before, tag, cost, lexicon));
    before = now;
    return now;
  });
  let at = cheapest(before);
  const path: number[] = [];
  for (let i = steps.length - 1; i >= 0; i--) {
    const step = steps[i]![at]!;
    path.push(step.tag);
    at = step.from;
  }
  return path.reverse();
}

interface Step {
  readonly tag: number;
  readonly cost: number;
  /** Place of the step before, in the options of the token before. */
  readonly from: number;
}

function cheapestStep(before: readonly Step[], tag: number, own: number, lexicon: Lexicon): Step {
  let from = 0;
  let cost = Number.POSITIVE_INFINITY;
  before.forEach((step, i) => {
    const sum = step.cost + lexicon.transition(step.tag, tag);
    if (sum < cost) {
      cost = sum;
      from = i;
    }
  });
  return { tag, cost: cost + own, from };
}

function cheapest(steps: readonly Step[]): number {
  let at = 0;
  steps.forEach((step, i) => {
    if (step.cost < steps[at]!.cost) at = i;
  });
  return at;
}
