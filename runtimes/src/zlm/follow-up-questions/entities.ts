/** The things that a text speaks of: its noun phrases as a question may name them, with their types and weight. */
import type { Lexicon } from './lexicon.ts';
import { isCapitalized } from './lexicon.ts';
import { bare, definite, headLemma, type NounPhrase, phraseWithOf, textOf } from './phrases.ts';
import { isTimePhrase } from './times.ts';
import type { Token } from './tokens.ts';

export interface Entity {
  /** As a question names it: "the old bridge". */
  readonly text: string;
  /** Without determiner, lower case: the same thing has the same key. */
  readonly key: string;
  readonly types: readonly string[];
  readonly plural: boolean;
  readonly name: boolean;
  /** Sentence and token where it stands first. */
  readonly sentence: number;
  readonly at: number;
  count: number;
  /** How telling it is: rare words, several words, early in the text. */
  weight: number;
}

const MOST_WORDS = 7;
const LEAST_IDF = 2.2;
/** Heads that name nothing by themselves. */
const EMPTY_HEADS = new Set(
  (
    'thing way lot kind sort type part number bit one day time year month week hour minute today yesterday result ' +
    'case fact example reason point side place end start beginning rest piece set range variety series couple pair ' +
    'use name word term question answer something anything everything nothing something total order line list item ' +
    'step figure top bottom level amount degree percent percentage share majority half third quarter dozen hundred ' +
    'thousand million billion addition order favour favor regard respect view copy unit note section page chapter ' +
    'right left mr mrs ms dr sir hello hi thanks please dear lol matter people others member chance same other half'
  ).split(' '),
);

export function entitiesOf(sentences: readonly (readonly Token[])[], lexicon: Lexicon): Entity[] {
  const found = new Map<string, Entity>();
  sentences.forEach((tokens, sentence) => {
    let at = 0;
    while (at < tokens.length) {
      const phrase = phraseWithOf(tokens, at);
      if (phrase) note(found, tokens, phrase, sentence, lexicon);
      at = phrase ? phrase.end : at + 1;
    }
  });
  return [...found.values()].sort((a, b) => b.weight - a.weight || a.sentence - b.sentence || a.at - b.at);
}

function note(
  found: Map<string, Entity>,
  tokens: readonly Token[],
  phrase: NounPhrase,
  sentence: number,
  lexicon: Lexicon,
): void {
  const entity = entityOf(tokens, phrase, sentence, lexicon);
  if (!entity) return;
  const known = found.get(entity.key);
  if (!known) {
    found.set(entity.key, entity);
    return;
  }
  known.count++;
  known.weight += 0.6;
}

function entityOf(
  tokens: readonly Token[],
  phrase: NounPhrase,
  sentence: number,
  lexicon: Lexicon,
): Entity | null {
  const text = definite(tokens, phrase);
  const words = tokens.slice(phrase.start, phrase.end);
  const lemma = headLemma(tokens, phrase);
  if (text === null || words.length > MOST_WORDS || EMPTY_HEADS.has(lemma) || !words.every(isPlain))
    return null;
  if (!mayOpen(words, lexicon) || isVerbInDisguise(tokens, phrase, lexicon)) return null;
  if (isTimePhrase(tokens, phrase.start, phrase.end) || (words[0]!.tag === 'CD' && !phrase.plural))
    return null;
  const rarest = Math.max(...words.map((word) => lexicon.idf(word.low)));
  if (rarest < LEAST_IDF) return null;
  const content = words.filter(({ tag }) => tag !== 'DT' && tag !== 'PS' && tag !== 'IN').length;
  const types = typesOf(words, lemma, phrase, lexicon);
  return {
    ...{ text, key: keyOf(bare(tokens, phrase)), types, plural: phrase.plural, name: phrase.name },
    ...{ sentence, at: phrase.start, count: 1 },
    weight:
      Math.min(rarest, 7) / 3 +
      Math.min(content, 3) * 0.5 +
      (types.length > 0 ? 0.7 : 0) -
      Math.min(sentence, 8) * 0.12,
  };
}

const BEHIND_VERBS: ReadonlySet<string> = new Set(['DT', 'PS', 'PP', 'NP', 'NN', 'NS', 'JJ', 'CD', 'EX']);

/** "the basin shows that", "the vertices of one correspond to": the last word was a verb after all. */
function isVerbInDisguise(tokens: readonly Token[], phrase: NounPhrase, lexicon: Lexicon): boolean {
  const last = tokens[phrase.end - 1]!;
  const next = tokens[phrase.end];
  if (last.tag === 'NP' || last.tag === 'CD' || phrase.end - phrase.start < 2) return false;
  if (!lexicon.canBe(last.low, last.tag === 'NS' ? 'VZ' : 'VB') && !looksThirdPerson(last, lexicon))
    return false;
  return next !== undefined && (BEHIND_VERBS.has(next.tag) || next.low === 'that' || next.low === 'to');
}

function looksThirdPerson({ low, tag }: Token, lexicon: Lexicon): boolean {
  return tag === 'NS' && lexicon.has(low.slice(0, -1)) && lexicon.canBe(low.slice(0, -1), 'VB');
}

/** Participles and verbs taken for nouns open phrases that are none: "said Eric Zahren", "given higher doses". */
function mayOpen(words: readonly Token[], lexicon: Lexicon): boolean {
  const [first, second] = words;
  if (first!.tag === 'VG' || first!.tag === 'VN' || first!.low === 'said' || first!.low === 'says')
    return false;
  if (first!.tag === 'NN' && second?.tag === 'NP' && words.some(({ tag }) => tag === 'PO')) return false;
  return !words.some((word, i) => isCommonBeforeName(word, words[i + 1], lexicon));
}

/** "the earthquake hit Chile": a common noun before a name is the end of another phrase, unless it is a title. */
function isCommonBeforeName({ tag, low }: Token, next: Token | undefined, lexicon: Lexicon): boolean {
  return (tag === 'NN' || tag === 'NS') && next?.tag === 'NP' && !isTitle(low, lexicon);
}

function isPlain({ text, tag }: Token): boolean {
  return (
    tag === 'PO' || (/^[A-Za-zÀ-ÿĀ-ž0-9]/.test(text) && !/^(?:https?|www)/.test(text)) || /^[$€£]$/.test(text)
  );
}

function keyOf(text: string): string {
  let key = '';
  for (const char of text)
    key += char >= 'A' && char <= 'Z' ? String.fromCharCode(char.charCodeAt(0) + 32) : char;
  return key;
}

const ORGANIZATION =
  /^(?:inc|corp|ltd|llc|co|plc|gmbh|university|college|institute|party|ministry|committee|commission|council|court|bank|association|union|club|fc|united|group|agency|department|board|foundation|society|company|nasa|un|eu|nato|fbi|bbc|parliament|senate|congress|assembly|police|army|navy|church|school|hospital|team|league|airlines|airways|motors|systems|technologies|labs|press|times|news)\.?$/;

function typesOf(
  words: readonly Token[],
  lemma: string,
  phrase: NounPhrase,
  lexicon: Lexicon,
): readonly string[] {
  const types = lexicon.typesOf(lemma).filter((type) => !type.startsWith('v.'));
  if (!phrase.name) return types;
  const inner = words.filter(({ tag }) => tag === 'NP');
  const last = inner[inner.length - 1]!;
  if (words.some(({ low }) => ORGANIZATION.test(low))) return ['group'];
  if (
    inner.some(({ text }) => lexicon.places.has(text)) ||
    lexicon.places.has(inner.map(({ text }) => text).join(' '))
  )
    return inner.length <= 2 ? ['country'] : [];
  if (types.length > 0 && inner.length > 1) return types;
  if (/^(?:San|Santa|Los|Las|El|New|Saint)$/.test(inner[0]!.text)) return [];
  const titled = words.some(({ low }, i) => i < words.length - 1 && isTitle(low, lexicon));
  if (titled || inner.some(({ text }) => lexicon.firstNames.has(text) && text !== last.text))
    return ['person'];
  if (inner.length === 1 && lexicon.firstNames.has(last.text)) return ['person'];
  return [];
}

function isTitle(low: string, lexicon: Lexicon): boolean {
  return (
    /^(?:mr|mrs|ms|dr|sir|lord|prof|gen|sen|rep|gov|col|lt|sgt|rev|st)\.?$/.test(low) ||
    lexicon.typesOf(low).includes('person')
  );
}

/** Last names of persons that were named in full, so that "Smith" is known later. */
export function lastNames(entities: readonly Entity[]): ReadonlyMap<string, Entity> {
  const names = new Map<string, Entity>();
  for (const entity of entities) {
    if (!entity.name || !entity.types.includes('person')) continue;
    const parts = entity.text.split(' ');
    const last = parts[parts.length - 1]!;
    if (parts.length > 1 && isCapitalized(last) && !names.has(last)) names.set(last, entity);
  }
  return names;
}

/** The subject of a clause as an entity of the text, when it is one. */
export function entityText(tokens: readonly Token[], phrase: NounPhrase): string | null {
  const text = definite(tokens, phrase);
  return text !== null && textOf(tokens, phrase.start, phrase.end).length <= 80 ? text : null;
}
