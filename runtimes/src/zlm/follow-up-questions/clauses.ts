/**
 * Who did what: main clauses of which subject, verb and what follows are plain enough to be asked about. A clause that
 * is not understood to its end is left out: a question not asked costs less than a broken one.
 */
import type { Lexicon } from './lexicon.ts';
import { baseOf, formsOf, type VerbForms } from './morphology.ts';
import { type NounPhrase, nounPhraseAt, phraseWithOf, textOf } from './phrases.ts';
import type { Tag } from './tags.ts';
import { isTimePhrase } from './times.ts';
import type { Token } from './tokens.ts';

export type Tense = 'past' | 'present' | 'perfect' | 'future' | 'modal';

export interface Clause {
  readonly tokens: readonly Token[];
  readonly sentence: number;
  readonly subject: NounPhrase | Pronoun;
  readonly verb: VerbForms;
  readonly tense: Tense;
  readonly passive: boolean;
  readonly progressive: boolean;
  readonly negative: boolean;
  /** The modal verb ("could"), or nothing. */
  readonly modal: string;
  /** The main verb is "be", with a noun or adjective behind. */
  readonly copula: boolean;
  /** What the verb's form says of the subject's number; null where it says nothing. */
  readonly plural: boolean | null;
  /** What follows the verb, without times: "to rebuild the old bridge". */
  readonly rest: string;
  readonly object: NounPhrase | null;
  /** Behind the last token that was understood. */
  readonly end: number;
  /** What a verb of saying is followed by, as it stands: "the bridge is unsafe". */
  readonly said: string | null;
}

export interface Pronoun {
  readonly pronoun: string;
}

export function isPronoun(subject: NounPhrase | Pronoun): subject is Pronoun {
  return 'pronoun' in subject;
}

const SUBJECT_PRONOUNS = new Set(['he', 'she', 'i', 'we', 'you']);
const LINKS = new Set([
  'of',
  'in',
  'for',
  'at',
  'from',
  'on',
  'with',
  'between',
  'near',
  'by',
  'against',
  'about',
  'over',
  'into',
]);
const LONGEST_REST = 14;

/** The clauses of a sentence that can be asked about: its first one, and those that follow or hang on a name. */
export function clausesOf(tokens: readonly Token[], sentence: number, lexicon: Lexicon): Clause[] {
  const main = clauseFrom(tokens, sentence, subjectAt(tokens, clauseStart(tokens)), lexicon);
  const clauses = main ? [main] : [];
  if (tokens.some(({ text }) => /["“”«»]/.test(text))) return clauses;
  for (let at = 1; at < tokens.length - 3 && clauses.length < MOST_CLAUSES; at++) {
    const subject = laterSubject(tokens, at, main);
    const clause = subject && clauseFrom(tokens, sentence, subject, lexicon);
    if (clause) clauses.push(clause);
  }
  return clauses;
}

const MOST_CLAUSES = 3;
const JOINTS = new Set([
  'and',
  'but',
  ';',
  'while',
  'although',
  'though',
  'whereas',
  'when',
  'after',
  'before',
  'because',
]);

/** The subject of a clause that begins at a joint: its own, the main clause's again, or the name before "who". */
function laterSubject(tokens: readonly Token[], at: number, main: Clause | null): Found | null {
  const { low } = tokens[at]!;
  if (
    main &&
    !isPronoun(main.subject) &&
    at === main.end &&
    (low === 'and' || low === 'but') &&
    beginsPast(tokens, at + 1)
  )
    return { phrase: main.subject, end: at + 1 };
  if (JOINTS.has(low)) return at >= (main?.end ?? 0) ? subjectAt(tokens, at + 1) : null;
  if (tokens[at]!.tag !== 'DT' && tokens[at]!.tag !== 'NP') return null;
  const phrase = at > 0 && tokens[at - 1]!.tag === 'NP' ? null : phraseWithOf(tokens, at);
  const relative =
    phrase && tokens[phrase.end]?.tag === 'CM' && /^(?:who|which)$/.test(tokens[phrase.end + 1]?.low ?? '');
  return relative ? { phrase, end: phrase.end + 2 } : null;
}

function beginsPast(tokens: readonly Token[], at: number): boolean {
  const tag = tokens[skipAdverbs(tokens, at)]?.tag;
  return tag === 'VD' || tag === 'VZ' || tag === 'MD';
}

interface Found {
  readonly phrase: NounPhrase | Pronoun;
  /** Behind the subject and its asides. */
  readonly end: number;
}

function clauseFrom(
  tokens: readonly Token[],
  sentence: number,
  subject: Found | null,
  lexicon: Lexicon,
): Clause | null {
  const group = subject && verbGroupAt(tokens, subject.end, lexicon);
  if (!group) return null;
  const reported = reportedAt(tokens, group, lexicon);
  if (reported !== -1) return asIntent(clauseFrom(tokens, sentence, { ...subject, end: reported }, lexicon));
  const { said, understood, text, object, end } = restAt(tokens, group, lexicon);
  if (!understood && said === null) return null;
  if (text === '' && said === null && !isCompleteAlone(group, lexicon)) return null;
  if (group.verb === BE && text.startsWith('to ')) return null;
  const { verb, tense, passive, progressive, negative, modal } = group;
  return {
    ...{ tokens, sentence, subject: subject.phrase, verb, tense, passive, progressive, negative, modal },
    ...{ copula: verb === BE, plural: group.plural, rest: text, object, end, said },
  };
}

/** Behind the pronoun of "announced that it …": what is reported is done by the one who reports it; -1 for others. */
function reportedAt(tokens: readonly Token[], group: VerbGroup, lexicon: Lexicon): number {
  if (group.passive || !lexicon.typesOf(group.verb.base).includes('v.say')) return -1;
  const at = tokens[group.end]?.low === 'that' ? group.end + 1 : group.end;
  return /^(?:he|she|it|they)$/.test(tokens[at]?.low ?? '') ? at + 1 : -1;
}

/** "said that it would close": will. */
function asIntent(clause: Clause | null): Clause | null {
  return clause?.modal === 'would' ? { ...clause, tense: 'future', modal: 'will' } : clause;
}

/** Verbs that need nothing behind them: "prices rose", "the man was arrested". */
function isCompleteAlone({ verb, passive, progressive }: VerbGroup, lexicon: Lexicon): boolean {
  if (passive || (progressive && verb !== BE)) return true;
  return lexicon.typesOf(verb.base).some((type) => /^v\.(?:up|down|harm|win|alone)$/.test(type));
}

/** Behind an opening phrase up to its comma ("On Monday,", "After the vote,"), else the sentence's first word. */
export function clauseStart(tokens: readonly Token[]): number {
  const first = skipMarks(tokens, 0);
  const opener = tokens[first]?.tag;
  if (opener === 'CC') return first + 1;
  if (opener !== 'IN' && opener !== 'RB' && opener !== 'TO') return first;
  for (let i = first + 1; i < Math.min(tokens.length, first + 14); i++) {
    if (tokens[i]!.tag === 'CM') return i + 1;
  }
  return first + (opener === 'RB' ? 1 : 0);
}

function skipMarks(tokens: readonly Token[], at: number): number {
  let i = at;
  while (i < tokens.length && /^["“„«*•–—(-]$/.test(tokens[i]!.text)) i++;
  return i;
}

function subjectAt(tokens: readonly Token[], start: number): Found | null {
  const low = tokens[start]?.low ?? '';
  if (SUBJECT_PRONOUNS.has(low)) return { phrase: { pronoun: low }, end: start + 1 };
  const phrase = phraseWithOf(tokens, start);
  if (!phrase) return null;
  let end = phrase.end;
  for (let links = 0; links < 2 && LINKS.has(tokens[end]?.low ?? ''); links++) {
    const next = phraseWithOf(tokens, end + 1);
    if (!next) break;
    end = next.end;
  }
  if (tokens[end]?.tag === 'CC') return null;
  const aside = skipAside(tokens, end);
  return { phrase: { ...phrase, end: trimTimes(tokens, phrase, end) }, end: aside };
}

/** "the protest on Monday" → "the protest". */
function trimTimes(tokens: readonly Token[], phrase: NounPhrase, end: number): number {
  for (let i = phrase.end; i < end; i++) if (isTimePhrase(tokens, i, end)) return i;
  return end;
}

/** Behind ", the mayor of York," or ", who was there," or "(BBC)"; bounded. */
function skipAside(tokens: readonly Token[], at: number): number {
  const opener = tokens[at]?.text;
  if (opener !== ',' && opener !== '(') return at;
  const closer = opener === ',' ? ',' : ')';
  for (let i = at + 1; i < Math.min(tokens.length, at + 18); i++) {
    if (tokens[i]!.text === closer) return i + 1;
    if (tokens[i]!.tag === 'ST') break;
  }
  return at;
}

interface VerbGroup {
  readonly verb: VerbForms;
  readonly tense: Tense;
  readonly passive: boolean;
  readonly progressive: boolean;
  readonly negative: boolean;
  readonly modal: string;
  /** What the verb's form says of its subject; null where it says nothing. */
  readonly plural: boolean | null;
  readonly end: number;
}

const BE: VerbForms = { base: 'be', thirdPerson: 'is', past: 'was', participle: 'been', gerund: 'being' };
const FINITE: ReadonlySet<Tag> = new Set(['MD', 'BE', 'HV', 'DO', 'VB', 'VZ', 'VD', 'VN']);
const PAST_AUXILIARY = new Set(['was', 'were', 'had', 'did']);
const FUTURE = new Set(['will', 'shall', "'ll", 'wo', 'll']);

function verbGroupAt(tokens: readonly Token[], start: number, lexicon: Lexicon): VerbGroup | null {
  let at = skipAdverbs(tokens, start);
  const first = tokens[at];
  if (!first || !FINITE.has(first.tag)) return null;
  const chain: Token[] = [];
  let negative = false;
  while (at < tokens.length && chain.length < 5) {
    const token = tokens[at]!;
    if (token.tag === 'NG') negative = true;
    else if (isAuxiliary(token)) chain.push(token);
    else if (token.tag !== 'RB') break;
    at++;
  }
  return groupOf(chain, tokens, at, negative, lexicon);
}

function skipAdverbs(tokens: readonly Token[], start: number): number {
  let at = start;
  while (tokens[at]?.tag === 'RB' && at - start < 3) at++;
  return at;
}

function isAuxiliary({ tag }: Token): boolean {
  return tag === 'MD' || tag === 'BE' || tag === 'HV' || tag === 'DO';
}

function groupOf(
  chain: readonly Token[],
  tokens: readonly Token[],
  at: number,
  negative: boolean,
  lexicon: Lexicon,
): VerbGroup | null {
  const main = tokens[at];
  const last = chain[chain.length - 1];
  const tense = tenseOf(chain, main);
  const isMain = main !== undefined && /^V/.test(main.tag) && fits(last, main.tag);
  const modal = chain[0]?.tag === 'MD' ? chain[0].low : '';
  if (!isMain) return last ? copula(chain, last, tense, at, negative, modal) : null;
  const base = baseOf(main.low, lexicon);
  if (!base || main.low === 'born' || (chain.length === 0 && main.tag === 'VG')) return null;
  return {
    ...{
      verb: formsOf(base, lexicon),
      tense,
      negative,
      modal,
      plural: numberOf(chain[0] ?? main),
      end: at + 1,
    },
    passive: last?.tag === 'BE' && main.tag !== 'VG',
    progressive: last?.tag === 'BE' && main.tag === 'VG',
  };
}

/** Can the verb's form stand behind the auxiliary? */
function fits(last: Token | undefined, tag: Tag): boolean {
  if (!last) return tag === 'VD' || tag === 'VZ' || tag === 'VB' || tag === 'VN';
  if (last.tag === 'BE') return tag === 'VN' || tag === 'VD' || tag === 'VG';
  if (last.tag === 'HV') return tag === 'VN' || tag === 'VD';
  return tag === 'VB';
}

function copula(
  chain: readonly Token[],
  last: Token,
  tense: Tense,
  at: number,
  negative: boolean,
  modal: string,
): VerbGroup | null {
  const common = {
    tense,
    negative,
    modal,
    plural: numberOf(chain[0]),
    passive: false,
    progressive: false,
    end: at,
  };
  if (last.tag === 'BE') return { ...common, verb: BE };
  if (last.tag !== 'HV' || chain.length > 1) return null;
  const verb = { base: 'have', thirdPerson: 'has', past: 'had', participle: 'had', gerund: 'having' };
  return { ...common, verb, tense: last.low === 'had' ? 'past' : 'present' };
}

const PLURAL_FORMS = new Set(['are', 'were', 'have', 'do']);
const SINGULAR_FORMS = new Set(['is', 'was', 'has', 'does']);

function numberOf(first: Token | undefined): boolean | null {
  if (!first) return null;
  if (PLURAL_FORMS.has(first.low) || first.tag === 'VB') return true;
  return SINGULAR_FORMS.has(first.low) || first.tag === 'VZ' ? false : null;
}

function tenseOf(chain: readonly Token[], main: Token | undefined): Tense {
  const first = chain[0];
  if (!first) return main?.tag === 'VD' || main?.tag === 'VN' ? 'past' : 'present';
  if (first.tag === 'MD') return FUTURE.has(first.low) ? 'future' : 'modal';
  if (first.tag === 'HV' && chain.length + (main && /^V/.test(main.tag) ? 1 : 0) > 1)
    return first.low === 'had' || isEvent(chain, main) ? 'past' : 'perfect';
  return PAST_AUXILIARY.has(first.low) ? 'past' : 'present';
}

/** "has adopted" tells an event, and is asked about as "adopted"; "has been ill" tells a state. */
function isEvent(chain: readonly Token[], main: Token | undefined): boolean {
  return main?.tag === 'VN' || main?.tag === 'VD' ? !chain.some(({ low }) => low === 'being') : false;
}

interface Rest {
  readonly text: string;
  readonly object: NounPhrase | null;
  readonly end: number;
  readonly understood: boolean;
  readonly said: string | null;
}

const STOPS = new Set([
  ...[
    'because',
    'although',
    'though',
    'while',
    'whereas',
    'which',
    'who',
    'whose',
    'where',
    'when',
    'since',
    'so',
    'unless',
  ],
  ...[
    'but',
    'and',
    'or',
    'that',
    'if',
    'as',
    'after',
    'before',
    'until',
    'following',
    'amid',
    'despite',
    'including',
    'once',
  ],
]);

/** Segments behind the verb: noun phrases, prepositional phrases, infinitives; until a stop that ends the clause. */
function restAt(tokens: readonly Token[], group: VerbGroup, lexicon: Lexicon): Rest {
  const claim = lexicon.typesOf(group.verb.base).includes('v.say') ? claimAt(tokens, group.end) : null;
  const parts: string[] = [];
  let object: NounPhrase | null = null;
  let at = group.end;
  let understood = true;
  while (at < tokens.length && understood) {
    const token = tokens[at]!;
    if (token.tag === 'CC' && !beginsVerb(tokens, at + 1)) {
      const next = phraseWithOf(tokens, at + 1);
      if (next && parts.length > 0 && !FINITE.has(tokens[next.end]?.tag ?? 'ST')) {
        parts.push(textOf(tokens, at, next.end));
        at = next.end;
        continue;
      }
    }
    if (endsClause(token) || at - group.end > LONGEST_REST) break;
    const segment = segmentAt(tokens, at, lexicon);
    understood = segment !== null;
    if (!segment) break;
    if (segment.kind !== 'time') parts.push(textOf(tokens, at, segment.end));
    if (segment.kind === 'noun' && parts.length === 1) object = segment.phrase;
    at = segment.end;
  }
  if (tokens[at]?.low === 'that' || /^[:"“”(]$/.test(tokens[at]?.text ?? '')) understood = false;
  return { text: parts.join(' '), object, end: at, understood, said: claim };
}

/** "and voted", "and then left", "and was seen": another verb of the same subject. */
function beginsVerb(tokens: readonly Token[], at: number): boolean {
  return FINITE.has(tokens[skipAdverbs(tokens, at)]?.tag ?? 'ST');
}

function endsClause(token: Token): boolean {
  return (
    token.tag === 'ST' || token.tag === 'CM' || STOPS.has(token.low) || /^[;:()"“”–—-]$/.test(token.text)
  );
}

type Segment =
  | { readonly kind: 'noun'; readonly phrase: NounPhrase; readonly end: number }
  | { readonly kind: 'time' | 'other'; readonly end: number };

function segmentAt(tokens: readonly Token[], at: number, lexicon: Lexicon): Segment | null {
  const token = tokens[at]!;
  const phrase = phraseWithOf(tokens, at);
  const end = phrase ? phrase.end : at;
  if (phrase && isTimePhrase(tokens, at, end)) return { kind: 'time', end: endOfTime(tokens, end) };
  if (phrase) return isSafePhrase(tokens, phrase) ? { kind: 'noun', phrase, end } : null;
  if (token.tag === 'IN') return prepositionalAt(tokens, at);
  if (token.tag === 'TO') return infinitiveAt(tokens, at);
  if (token.tag === 'CD' || (token.tag === 'JJ' && !lexicon.typesOf(token.low).includes('v.x')))
    return { kind: 'other', end: at + 1 };
  if (token.tag === 'RB') return { kind: isTimePhrase(tokens, at, at + 1) ? 'time' : 'other', end: at + 1 };
  if (token.low === 'himself' || token.low === 'herself' || token.low === 'themselves')
    return { kind: 'other', end: at + 1 };
  return null;
}

/** Phrases that point out of the sentence cannot stand in a question. */
function isSafePhrase(tokens: readonly Token[], phrase: NounPhrase): boolean {
  const first = tokens[phrase.start]!;
  return !(first.tag === 'DT' && ['this', 'that', 'these', 'those', 'such'].includes(first.low));
}

/** Behind "26" of "on April 26", and "morning" of "on Friday morning". */
function endOfTime(tokens: readonly Token[], at: number): number {
  let end = at;
  while (
    end < tokens.length &&
    end - at < 3 &&
    (tokens[end]!.tag === 'CD' || isTimePhrase(tokens, end, end + 1))
  )
    end++;
  return end;
}

function prepositionalAt(tokens: readonly Token[], at: number): Segment | null {
  const next = phraseWithOf(tokens, at + 1);
  if (!next) return gerundPhraseAt(tokens, at);
  if (!isSafePhrase(tokens, next)) return null;
  if (isTimePhrase(tokens, at, next.end)) return { kind: 'time', end: endOfTime(tokens, next.end) };
  return { kind: 'other', end: next.end };
}

/** "for stealing a car", "by raising taxes". */
function gerundPhraseAt(tokens: readonly Token[], at: number): Segment | null {
  if (tokens[at + 1]?.tag !== 'VG') return null;
  const next = phraseWithOf(tokens, at + 2);
  return { kind: 'other', end: next ? next.end : at + 2 };
}

function infinitiveAt(tokens: readonly Token[], at: number): Segment | null {
  const next = phraseWithOf(tokens, at + 1);
  if (tokens[at + 1]?.tag === 'VB' || tokens[at + 1]?.tag === 'BE' || tokens[at + 1]?.tag === 'HV') {
    const after = tokens[at + 2]?.tag;
    if (tokens[at + 1]!.tag === 'BE' && after === 'VN') return { kind: 'other', end: at + 3 };
    return { kind: 'other', end: at + 2 };
  }
  return next ? { kind: 'other', end: next.end } : null;
}

const OUTSIDE_POINTERS =
  /\b(?:he|she|it|they|him|her|them|his|hers|its|their|we|our|us|i|my|me|you|your|this|these|those|here)\b/;
const LONGEST_CLAIM = 20;

/** The claim behind "said (that)": to the end of its clause, when nothing in it points outside. */
function claimAt(tokens: readonly Token[], start: number): string | null {
  const from = tokens[start]?.low === 'that' ? start + 1 : start;
  const phrase = nounPhraseAt(tokens, from);
  if (!phrase || !FINITE.has(tokens[subjectAt(tokens, from)?.end ?? -1]?.tag ?? 'OT')) return null;
  let end = from;
  while (end < tokens.length && !/^(?:[;:()"“”.,!?–—]|but)$/.test(tokens[end]!.low)) end++;
  const text = textOf(tokens, from, end);
  const low = tokens
    .slice(from, end)
    .map((token) => token.low)
    .join(' ');
  // What goes on behind a comma may be half of the claim.
  if ((tokens[end]?.tag ?? 'ST') !== 'ST') return null;
  return end - from <= LONGEST_CLAIM && end - from >= 4 && !OUTSIDE_POINTERS.test(low) ? text : null;
}
