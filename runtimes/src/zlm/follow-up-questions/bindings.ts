/** What of a text a question may be bound to: clauses, claims, things, and the text as a whole. */
import { type Clause, clausesOf, isPronoun } from './clauses.ts';
import { type Entity, entitiesOf, lastNames } from './entities.ts';
import { definedTopic, mayDefine } from './lead.ts';
import type { Lexicon } from './lexicon.ts';
import { marksOf } from './marks.ts';
import { formsOf } from './morphology.ts';
import { bare, definite, headLemma, isVague, type NounPhrase } from './phrases.ts';
import { clauseSlots, type Slots, type Subject, subjectSlots, toSecondPerson } from './slots.ts';
import { tagTokens } from './tagger.ts';
import { isTimePhrase } from './times.ts';
import { type Token, tokenizeSentences } from './tokens.ts';

export interface Binding {
  readonly scope: string;
  readonly facts: ReadonlySet<string>;
  readonly slots: Slots;
  /** How much it deserves a question. */
  readonly weight: number;
  /** Two questions on one thing are one too many. */
  readonly about: string;
  /** What of the thing: a question more on the same is one too many. */
  readonly key: string;
}

/** A text as it was understood. */
export interface Reading {
  readonly text: string;
  readonly kind: string;
  /** What its words speak of ("accident", "election"); empty where nothing stands out. */
  readonly subject: string;
  readonly sentences: readonly (readonly Token[])[];
  readonly entities: readonly Entity[];
  readonly clauses: readonly Clause[];
  /** What the first sentence says that it is something: the subject of an article. */
  readonly defined: Entity | null;
  /** What holds of it as a whole, see `marksOf`. */
  readonly marks: readonly string[];
}

const MOST_SENTENCES = 60;

export function readText(
  text: string,
  kind: string,
  lexicon: Lexicon,
  subject = '',
  isOwn: (tokens: readonly Token[]) => boolean = () => true,
): Reading {
  const sentences = tokenizeSentences(text)
    .slice(0, MOST_SENTENCES)
    .map(({ tokens }) => tagTokens(tokens, lexicon))
    .map((tokens) => (isOwn(tokens) ? tokens : []));
  const clauses: Clause[] = [];
  sentences.forEach((tokens, i) => {
    const asks = tokens[tokens.length - 1]?.text === '?';
    if (tokens.length > 3 && !asks) clauses.push(...clausesOf(tokens, i, lexicon));
  });
  const entities = entitiesOf(sentences, lexicon);
  const first = sentences.find((tokens) => tokens.length > 2) ?? [];
  const found = mayDefine(text, kind) ? definedTopic(text, kind, first, entities, lexicon) : null;
  const isLife =
    found?.name === true &&
    !found.types.some((type) => CONCRETE.has(type)) &&
    (kind === 'bio' || isSpokenOfAsPerson(text, found));
  const defined = isLife ? { ...found, types: ['person'] } : found;
  const own = kindWith(kind, defined);
  return { text, kind: own, subject, sentences, entities, clauses, defined, marks: marksOf(text, own) };
}

/** "Nehru was the first Prime Minister … He …": titles in capitals are no nouns that have types. */
function isSpokenOfAsPerson(text: string, { text: name }: Entity): boolean {
  return /^[A-Z]\S+(?: \S+)+$/.test(name) && /(?:^|[.;,] )(?:He|She|he|she) /.test(text.slice(0, 800));
}

/** What stands in the first sentence decides between a life, an article and other texts. */
function kindWith(kind: string, defined: Entity | null): string {
  if (!defined) return kind === 'definition' || kind === 'bio' ? 'general' : kind;
  return defined.name && defined.types.includes('person') ? 'bio' : 'definition';
}

/** Kinds of texts whose sentences are steps, terms or features: what is open is known by the kind, not by them. */
const UNTELLING = new Set(
  (
    'poem weather recipe howto lab medical invoice lease contract release bug code product event-notice cv job travel ' +
    'numbers empty emoji nonsense question'
  ).split(' '),
);
const MEDICAL = new Set(['illness', 'treat']);

export function bindingsOf(reading: Reading, lexicon: Lexicon): Binding[] {
  const topic = topicOf(reading);
  const common = commonSlots(reading, topic, lexicon);
  const bindings: Binding[] = [textBinding(reading, common)];
  const telling = !UNTELLING.has(reading.kind);
  if (telling)
    for (const clause of reading.clauses) bindings.push(...clauseBindings(clause, reading, common, lexicon));
  if (topic) bindings.push(...entityBindings(topic, true, reading, common));
  for (const entity of reading.entities.slice(0, 24))
    if (entity.key !== topic?.key) bindings.push(...entityBindings(entity, false, reading, common));
  return bindings;
}

// The text as a whole

function textBinding(reading: Reading, slots: Slots): Binding {
  const facts = new Set([`kind:${reading.kind}`, `on:${reading.subject}`, ...reading.marks]);
  for (const name of Object.keys(slots)) if (slots[name] !== '') facts.add(`has${name}`);
  if (/(?:api_?key|password|secret|token)["']?\s*[:=]/.test(reading.text)) facts.add('hassecret');
  if (reading.entities.some(({ types }) => types.includes('tech'))) facts.add('hastech');
  return { scope: 'text', facts, slots, weight: 2.4, about: '', key: '' };
}

function commonSlots(reading: Reading, topic: Entity | null, lexicon: Lexicon): Slots {
  const other = reading.entities.find(
    (entity) => topic && isOther(entity, topic) && !entity.types.includes('person'),
  );
  const person = reading.entities.find(({ name, types }) => name && types.includes('person'));
  const food = reading.entities.find(({ key, sentence }) => sentence > 0 && isFood(key, lexicon));
  return {
    ...(topic ? { ...subjectSlots('T', entitySubject(topic)), 'is-T': topic.plural ? 'are' : 'is' } : {}),
    ...(other ? { U: other.text } : {}),
    ...(person ? { P: person.text } : {}),
    ...(food ? { food: food.text, 'is-food': food.plural ? 'are' : 'is' } : {}),
    ...codeSlots(reading),
    ...questionSlots(reading),
  };
}

function isOther(a: Entity, b: Entity): boolean {
  return !a.key.includes(b.key) && !b.key.includes(a.key);
}

function isFood(key: string, lexicon: Lexicon): boolean {
  const words = key.split(' ');
  return lexicon.typesOf(words[words.length - 1]!).includes('food') || lexicon.typesOf(key).includes('food');
}

function entitySubject({ text, plural }: Entity): Subject {
  return { text, plural, second: false };
}

const NEWSY = new Set(
  'disaster natural plan project law problem fight action ballot gathering probe row'.split(' '),
);
const INCIDENTS = new Set(['disaster', 'natural', 'action', 'fight']);
/** Types of articles' subjects that have questions of their own. */
const CONCRETE = new Set(
  (
    'place water taxon animal plant company band language work build vehicle person dish award sport body group country ' +
    'tech theorem field method belief substance illness treat fight disaster happening era genre celestial economic ' +
    'state character deity project law name team quantity'
  ).split(' '),
);

/** What the text is about: the first subject of an article that defines it, else the weightiest thing. */
function topicOf({ entities, kind, defined }: Reading): Entity | null {
  if (defined) return defined;
  if (kind === 'product')
    return entities.find(({ sentence, at, text }) => sentence === 0 && at < 2 && text.includes(' ')) ?? null;
  const things = entities.filter(
    ({ types, name }) => !types.includes('person') && !(kind === 'news' && name),
  );
  const specific = things.filter(({ text }) => text.split(' ').length > 2);
  const newsy = specific.find(({ types }) => types.some((type) => NEWSY.has(type)));
  return (kind === 'news' ? newsy : undefined) ?? specific[0] ?? things[0] ?? entities[0] ?? null;
}

function codeSlots({ text, kind }: Reading): Slots {
  if (kind !== 'code') return {};
  const found =
    /\b(?:def|function|fn|func|class)\s+([A-Za-z_]\w{1,40})/.exec(text) ??
    /\bconst\s+([A-Za-z_]\w{1,40})\s*=\s*(?:async\s*)?\(/.exec(text);
  return found ? { F: found[1]! } : {};
}

/** "How do I reset my router?" → "reset my router". */
function questionSlots({ text, kind }: Reading): Slots {
  if (kind !== 'question') return {};
  const lower = toLow(text.slice(0, 1)) + text.slice(1).replaceAll(' I ', ' i ');
  const found =
    /\b(?:how (?:do|can|should|could|would) (?:i|you|we|one)|how to) ([a-z][^?.!,;\n]{2,70})\?/.exec(lower);
  const may = /^\W*(?:can|may|should|could) i ([a-z][^?.!,;\n]{2,70})\?/.exec(lower);
  return found ? { qV: found[1]!.trim() } : may ? { qC: may[1]!.trim() } : {};
}

// Clauses

/** "plans to close the school" is asked about as "will close the school". */
function withoutIntent(clause: Clause, lexicon: Lexicon): Clause {
  const words = clause.rest.split(' ');
  const base = words[1] ?? '';
  const decided =
    (clause.verb.base === 'decide' || clause.verb.base === 'choose') &&
    clause.tense === 'past' &&
    !clause.passive;
  const plans = lexicon.typesOf(clause.verb.base).includes('v.plan') && clause.tense === 'present';
  const intends = decided || plans;
  if (!intends || clause.negative || words[0] !== 'to' || !lexicon.canBe(base, 'VB') || base === 'be')
    return clause;
  return {
    ...{
      ...clause,
      verb: formsOf(base, lexicon),
      tense: decided ? 'past' : 'future',
      passive: false,
      progressive: false,
    },
    ...{ copula: false, rest: words.slice(2).join(' '), object: null },
  };
}

/** In the news and in articles the main matter is told early; further on stand details that bear no question. */
const LAST_TELLING = 4;

function clauseBindings(told: Clause, reading: Reading, common: Slots, lexicon: Lexicon): Binding[] {
  if (FACTUAL.has(reading.kind) && told.sentence > LAST_TELLING) return [];
  const clause = withoutIntent(told, lexicon);
  const vague = vagueBinding(clause, reading, lexicon);
  if (vague) return [vague];
  const subject = subjectOf(clause, reading, lexicon);
  if (!subject || !restIsSafe(clause, subject)) return [];
  const party = partyFor(clause, subject, reading);
  if (!isOfArticle(subject, reading)) return [];
  const slots = { ...common, ...clauseSlots(clause, subject), ...(party ? { Y: party.text } : {}) };
  const facts = clauseFacts(clause, subject, reading, lexicon);
  if (party) facts.add('hasY');
  const weight = clauseWeight(clause, subject, reading, lexicon);
  const bindings: Binding[] = [];
  const said = clause.said;
  if (said !== null) return [claimBinding(clause, said, subject, facts, weight)];
  if (clause.rest === '' && facts.has('v.say')) return [];
  const key = `${subject.text} ${clause.verb.base}`;
  bindings.push({ scope: 'clause', facts, slots, weight: 3 + weight, about: subject.text, key });
  if (facts.has('unnamed'))
    bindings.push({ scope: 'unnamed', facts, slots, weight: 2.4 + weight, about: subject.text, key });
  return bindings;
}

/** An article is asked about its own subject only. */
function isOfArticle({ text }: Subject, { defined, kind }: Reading): boolean {
  return !defined || (kind === 'bio' && defined.text.includes(text));
}

function claimBinding(
  clause: Clause,
  said: string,
  subject: Subject,
  facts: ReadonlySet<string>,
  weight: number,
): Binding {
  const many = subject.plural || subject.second;
  const { base, thirdPerson, gerund } = clause.verb;
  const slots = {
    ...subjectSlots('S', subject),
    C: subject.second ? toSecondPerson(said) : said,
    say: base,
    saying: gerund,
    says: many ? base : thirdPerson,
  };
  return { scope: 'claim', facts, slots, weight: 3 + weight, about: subject.text, key: said };
}

/** "Several countries refused to sign": which ones? */
function vagueBinding(clause: Clause, reading: Reading, lexicon: Lexicon): Binding | null {
  if (isPronoun(clause.subject) || clause.said !== null || (clause.copula && clause.rest === '')) return null;
  const { tokens, subject } = clause;
  const first = tokens[subject.start]!;
  if (!isVague(first) || !subject.plural || !restIsSafe(clause, null)) return null;
  const x = bare(tokens, subject);
  if (/^\d/.test(x)) return null;
  const types = lexicon.typesOf(headLemma(tokens, subject));
  const slots = { ...clauseSlots(clause, { text: x, plural: true, second: false }), x };
  return {
    scope: 'vague',
    facts: new Set([`kind:${reading.kind}`, ...types]),
    slots,
    weight: 3.4,
    about: x,
    key: x,
  };
}

const MASS = new Set(['substance', 'illness', 'treat', 'field', 'money', 'belief', 'food']);

/** "sexual offender watch lists": a single thing without "a" or "the" is a phrase that was not understood. */
function lacksDeterminer(tokens: readonly Token[], subject: NounPhrase, lexicon: Lexicon): boolean {
  const { tag } = tokens[subject.start]!;
  if (subject.plural || subject.name || tag === 'DT' || tag === 'PS' || tag === 'CD' || tag === 'NP')
    return false;
  const types = lexicon.typesOf(headLemma(tokens, subject));
  return (
    !types.some((type) => MASS.has(type)) &&
    !/(?:tion|ment|ness|ity|ing|ance|ence|ism|ship)$/.test(tokens[subject.head]!.low)
  );
}

function subjectOf(clause: Clause, reading: Reading, lexicon: Lexicon): Subject | null {
  const { subject, tokens } = clause;
  if (isPronoun(subject)) return pronounSubject(subject.pronoun, clause, reading);
  const text = definite(tokens, subject);
  if (text === null || text.length > 90 || /\b(?:it|they|he|she|his|her|their|this)\b/.test(text))
    return null;
  if (lacksDeterminer(tokens, subject, lexicon)) return null;
  // "The costs … was": verb and noun disagree, so the sentence was misread.
  if (!subject.name && clause.plural !== null && clause.plural !== subject.plural) return null;
  return { text, plural: clause.plural ?? subject.plural, second: false };
}

function pronounSubject(
  pronoun: string,
  clause: Clause,
  { entities, kind, defined }: Reading,
): Subject | null {
  if (FACTUAL.has(kind) || clause.tokens.some(({ text }) => /["“”«»]/.test(text)))
    if (pronoun !== 'he' && pronoun !== 'she') return null;
  if (pronoun === 'i') return { text: 'you', plural: false, second: true };
  if (pronoun === 'we')
    return kind === 'abstract'
      ? { text: 'the authors', plural: true, second: false }
      : { text: 'you', plural: false, second: true };
  if (pronoun !== 'he' && pronoun !== 'she') return null;
  if (kind === 'bio' && defined) return entitySubject(defined);
  const persons = [...lastNames(entities).values()];
  const one = persons.length === 1 ? persons[0]! : null;
  return one && one.sentence <= clause.sentence ? entitySubject(one) : null;
}

/** Texts in which "I" is somebody who is quoted. */
const FACTUAL = new Set(['news', 'general', 'definition', 'bio', 'ruling', 'finance', 'poem', 'story']);
const FIRST = /\b(?:I|i|me|my|we|us|our|myself)\b/;
const POINTERS =
  /\b(?:it|they|them|him|he|she|this|these|those|that|there|here|you|your|who|which|what|so|such|former|latter)\b/;

function restIsSafe({ rest }: Clause, subject: Subject | null): boolean {
  if (POINTERS.test(rest) || rest.split(' ').length > 15) return false;
  if (/\b(?:his|her|their|its)\b/.test(rest) && (!subject || subject.second)) return false;
  if (FIRST.test(rest) && !subject?.second) return false;
  return !/["“”«»:;()[\]{}<>|\\/*_#=]/.test(rest);
}

const CAUSES = new Set([
  'because',
  'due',
  'after',
  'following',
  'amid',
  'since',
  'as',
  'over',
  'so',
  'therefore',
  'hence',
]);

function clauseFacts(clause: Clause, subject: Subject, reading: Reading, lexicon: Lexicon): Set<string> {
  const facts = new Set([
    `kind:${reading.kind}`,
    `on:${reading.subject}`,
    ...reading.marks,
    clause.tense,
    clause.passive ? 'passive' : 'active',
  ]);
  const types = lexicon.typesOf(clause.verb.base).filter((type) => type.startsWith('v.'));
  for (const type of types) facts.add(type);
  if (types.includes('v.weak') || types.includes('v.stative')) facts.add('v.weak');
  if (clause.negative) facts.add('neg');
  if (clause.progressive) facts.add('progressive');
  if (/^(?:could|might|may)$/.test(clause.modal)) facts.add('hedge');
  if (clause.copula) facts.add('copula').add('v.stative');
  if (clause.object) facts.add('object');
  if (/(?:^| )by /.test(clause.rest)) facts.add('by');
  if (/^(?:the (?:first|only|main|last|\w+est|most)|one of the (?:\w+est|most|first)) /.test(clause.rest))
    facts.add('superlative');
  for (const type of subjectTypes(clause, subject, reading, lexicon)) facts.add(type);
  if (isCauseKnown(clause, reading, facts)) facts.add('why');
  if (clause.tokens.some((_, i) => isTimePhrase(clause.tokens, i, i + 1))) facts.add('when');
  return facts;
}

function subjectTypes(
  clause: Clause,
  subject: Subject,
  { entities, kind, defined }: Reading,
  lexicon: Lexicon,
): string[] {
  if (subject.second) return ['you'];
  const entity = entities.find(({ text }) => text === subject.text);
  const lemma = isPronoun(clause.subject) ? '' : headLemma(clause.tokens, clause.subject);
  const types = [
    ...(entity?.types ?? []),
    ...(isPronoun(clause.subject) ? ['person'] : lexicon.typesOf(lemma)),
  ];
  const name = entity?.name ?? (!isPronoun(clause.subject) && clause.subject.name);
  const agent = types.some((type) => ['person', 'group', 'country', 'place'].includes(type));
  if (agent)
    return [
      ...types,
      'agent',
      ...(types.includes('person') && !name && !subject.plural && !/[A-Z]/.test(subject.text)
        ? ['unnamed']
        : []),
    ];
  const isLife = kind === 'bio' && defined?.text.includes(subject.text);
  if (isLife) return ['person', 'agent', 'name'];
  return name && kind === 'news' ? [...types, 'agent', 'name'] : [...types, 'thing'];
}

/** Does the sentence, or the one behind it, say why already? */
function isCauseKnown(
  { tokens, end, rest, sentence }: Clause,
  { sentences }: Reading,
  facts: ReadonlySet<string>,
): boolean {
  for (let i = end; i < tokens.length; i++) if (CAUSES.has(tokens[i]!.low)) return true;
  if (/\b(?:because|due to|in order|after|following|for \w+ing|over|amid)\b/.test(rest)) return true;
  if (/(?:^| )to \w/.test(rest) && !facts.has('v.decide') && !facts.has('v.plan')) return true;
  const next = sentences[sentence + 1] ?? [];
  return next
    .slice(0, 8)
    .some(({ low }) => low === 'because' || low === 'reason' || low === 'cited' || low === 'citing');
}

/** A party named elsewhere in the text, whose view of the matter can be asked for. */
function partyFor(clause: Clause, subject: Subject, { entities }: Reading): Entity | null {
  const told = `${subject.text} ${clause.rest}`;
  const fits = ({ types, text, name, key, count }: Entity) =>
    (types.includes('group') || types.includes('person') || (types.includes('country') && name)) &&
    (name || (count > 1 && text.split(' ').length > 2)) &&
    !key.split(' ').some((word) => word.length > 3 && toLow(told).includes(word));
  return entities.find(fits) ?? null;
}

function toLow(text: string): string {
  let low = '';
  for (const char of text)
    low += char >= 'A' && char <= 'Z' ? String.fromCharCode(char.charCodeAt(0) + 32) : char;
  return low;
}

function clauseWeight(clause: Clause, subject: Subject, reading: Reading, lexicon: Lexicon): number {
  const words = clause.rest.split(' ');
  const rare = words.map((word) => lexicon.idf(toLow(word)));
  const telling = rare.filter((idf) => idf > 3.5).length;
  const short = clause.rest === '' ? -1 : 0;
  const long = words.length + subject.text.split(' ').length > 18 ? -0.8 : 0;
  return (
    Math.min(telling, 4) * 0.25 +
    short +
    long -
    Math.min(clause.sentence, 8) * 0.06 +
    (reading.kind === 'news' ? 0.2 : 0)
  );
}

// Things

/** Longer names of topics are clauses in disguise. */
const LONGEST_TOPIC = 5;

function entityBindings(entity: Entity, isTopic: boolean, reading: Reading, common: Slots): Binding[] {
  const facts = new Set([
    `kind:${reading.kind}`,
    `on:${reading.subject}`,
    ...reading.marks,
    ...(entity.name ? ['name'] : []),
    ...(entity.plural ? ['plural'] : []),
  ]);
  const specific = entity.name || entity.text.split(' ').length > 2;
  const goesOn = entity.types.some((type) => NEWSY.has(type)) && entity.text.includes(' ') && !entity.name;
  if (!specific && !goesOn && (entity.count < 2 || !entity.text.includes(' ')) && !isTopic) return [];
  if (!isWorthAsking(entity, isTopic, reading)) return [];
  // "satirical programme": a single thing without its determiner reads badly in most questions.
  if (/^(?:the|your) /.test(entity.text)) facts.add('det');
  if (entity.types.includes('concept') || entity.types.includes('method')) facts.add('concept');
  if (isTopic) facts.add('topic');
  if (reading.sentences.find((tokens) => tokens.length > 2)?.some(({ low }) => low === 'was'))
    facts.add('bygone');
  if (isTopic && !entity.types.some((type) => CONCRETE.has(type))) facts.add('untyped');
  if (entity.types.some((type) => NEWSY.has(type))) facts.add('newsy');
  if (reading.entities.some(({ types }) => types.some((type) => INCIDENTS.has(type)))) facts.add('incident');
  if (entity.count > 1) facts.add('prominent');
  if (reading.clauses.some(({ tense, sentence }) => tense === 'past' && sentence === entity.sentence))
    facts.add('past');
  if (/^an? /.test(entity.text)) facts.add('one');
  if (entity.sentence === 0 && entity.at <= 2) facts.add('opens');
  for (const mark of reading.marks) facts.add(mark);
  const slots = { ...common, ...subjectSlots('X', entitySubject(entity)) };
  const actor = entity.types.some((type) => type === 'person' || type === 'group' || type === 'country');
  const weight = (actor && reading.kind !== 'bio' ? 0.4 : 1.3) + entity.weight * 0.3;
  const things = { slots: { ...slots, X: entity.text }, weight, about: entity.text, key: entity.key };
  const scopes = UNTELLING.has(reading.kind)
    ? entity.types.filter((type) => MEDICAL.has(type))
    : entity.types;
  const bindings = [...new Set(scopes)].map((scope): Binding => ({ scope, facts, ...things }));
  if (isTopical(entity, isTopic, reading) && entity.text.split(' ').length <= LONGEST_TOPIC) {
    bindings.push({
      ...{
        scope: 'topic',
        facts,
        about: entity.text,
        key: entity.key,
        weight: (isTopic ? 1.6 : 0.4) + Math.min(entity.weight, 4) * 0.1,
      },
      slots: { ...slots, ...subjectSlots('T', entitySubject(entity)), U: common['T'] ?? '' },
    });
  }
  return bindings;
}

/** What an article is not about, and what the news names once in passing, bears no question of its own. */
function isWorthAsking({ sentence, count }: Entity, isTopic: boolean, { kind }: Reading): boolean {
  if (isTopic && kind !== 'news') return true;
  if (kind === 'definition' || kind === 'bio') return false;
  return sentence === 0 || (count > 2 && sentence < 4);
}

/** Things that bear a question as a whole: of an article its subject; in the news what goes on, not who or where. */
function isTopical(entity: Entity, isTopic: boolean, { kind }: Reading): boolean {
  if (kind === 'news' || kind === 'general' || kind === 'ruling')
    return (
      (entity.types.some((type) => NEWSY.has(type)) && entity.text.includes(' ')) ||
      (kind === 'general' && isTopic && entity.count > 1)
    );
  return isTopic;
}
