/**
 * What the slots of a question are filled with.
 *
 * Of a clause: {ask} inverted ("did the council vote to …"), {told} as told ("the council voted to …"), {done} ("the
 * council has voted to …"), {S} subject, {V} base form and what follows, {Ving}, {Vn} participle, {Vfin} finite, {Vs}
 * and {vs} present, {v} and {ving} the verb alone, {rest}. Of a claim: {S}, {C}, {say}, {saying}, {says}. Of a noun
 * phrase: {X}. Of the text: {T} topic, {U} another thing, {Y} a party, {P} person, {F} function, {food}, {qV}.
 * "{is X}", "{does X}" and the like agree with a slot.
 */
import { type Clause, isPronoun } from './clauses.ts';
import type { VerbForms } from './morphology.ts';
import { textOf } from './phrases.ts';

export type Slots = Readonly<Record<string, string>>;

export interface Subject {
  readonly text: string;
  readonly plural: boolean;
  /** "you": takes "are", "have" and "do". */
  readonly second: boolean;
}

export function subjectSlots(name: string, { text, plural, second }: Subject): Slots {
  const many = plural || second;
  return {
    [name]: text,
    [`is ${name}`]: many ? 'are' : 'is',
    [`was ${name}`]: many ? 'were' : 'was',
    [`has ${name}`]: many ? 'have' : 'has',
    [`does ${name}`]: many ? 'do' : 'does',
    [`doesnt ${name}`]: many ? 'do not' : 'does not',
  };
}

export function clauseSlots(clause: Clause, subject: Subject): Slots {
  const { verb, passive, progressive } = clause;
  const many = subject.plural || subject.second;
  const be = {
    base: 'be',
    third: many ? 'are' : 'is',
    past: many ? 'were' : 'was',
    participle: 'been',
    gerund: 'being',
  };
  const rest = restOf(clause, subject);
  const tail = passive ? join(verb.participle, rest) : progressive ? join(verb.gerund, rest) : rest;
  const withBe = passive || progressive || verb.base === 'be';
  const form = (own: string, ofBe: string) => join(withBe ? ofBe : own, tail);
  const present = many ? verb.base : verb.thirdPerson;
  const base = form(verb.base, be.base);
  const have = many ? 'have' : 'has';
  const participle = form(verb.participle, be.participle);
  const finite = finiteOf(clause, form(verb.past, be.past), form(present, be.third), base, have, participle);
  return {
    ...subjectSlots('S', subject),
    ...{ V: base, rest, v: verb.base, ving: verb.gerund, vs: present },
    Ving: progressive ? join(verb.gerund, rest) : form(verb.gerund, be.gerund),
    ...{ Vn: participle, Vs: form(present, be.third), Vnp: join(verb.participle, rest) },
    ...{ Vfin: finite, told: join(subject.text, finite), done: `${subject.text} ${have} ${participle}` },
    ask: askOf(clause, subject, verb, tail, withBe, base, participle),
  };
}

function join(first: string, second: string): string {
  return second === '' ? first : `${first} ${second}`;
}

/** What follows the verb; said by "I", it is turned to the one who is asked. */
function restOf(clause: Clause, subject: Subject): string {
  return subject.second ? toSecondPerson(clause.rest) : clause.rest;
}

const SECOND: ReadonlyMap<string, string> = new Map([
  ...(['i', 'me', 'we', 'us'] as const).map((word): [string, string] => [word, 'you']),
  ...(['my', 'our'] as const).map((word): [string, string] => [word, 'your']),
  ['I', 'you'],
  ['myself', 'yourself'],
  ['mine', 'yours'],
]);

export function toSecondPerson(text: string): string {
  return text
    .split(' ')
    .map((word) => SECOND.get(word) ?? word)
    .join(' ');
}

function finiteOf(
  { tense, negative, verb, passive, progressive, modal }: Clause,
  past: string,
  present: string,
  base: string,
  have: string,
  participle: string,
): string {
  const not = negative ? ' not' : '';
  const plain = !passive && !progressive && verb.base !== 'be';
  if (tense === 'future') return `will${not} ${base}`;
  if (tense === 'modal') return `${modal}${not} ${base}`;
  if (tense === 'perfect') return `${have}${not} ${participle}`;
  const form = tense === 'past' ? past : present;
  if (!negative) return form;
  if (plain) return `${tense === 'past' ? 'did' : have === 'have' ? 'do' : 'does'} not ${base}`;
  const cut = form.indexOf(' ');
  return cut === -1 ? `${form} not` : `${form.slice(0, cut)} not${form.slice(cut)}`;
}

function askOf(
  { tense, negative, modal }: Clause,
  { text, plural, second }: Subject,
  verb: VerbForms,
  tail: string,
  withBe: boolean,
  base: string,
  participle: string,
): string {
  const many = plural || second;
  const subject = negative ? `${text} not` : text;
  if (tense === 'future') return `will ${subject} ${base}`;
  if (tense === 'modal') return `${modal} ${subject} ${base}`;
  if (tense === 'perfect') return `${many ? 'have' : 'has'} ${subject} ${participle}`;
  if (withBe)
    return join(`${tense === 'past' ? (many ? 'were' : 'was') : many ? 'are' : 'is'} ${subject}`, tail);
  return `${tense === 'past' ? 'did' : many ? 'do' : 'does'} ${subject} ${join(verb.base, tail)}`;
}

/** The subject's text in a question, or null where it points out of its sentence. */
export function subjectText(clause: Clause): string | null {
  if (isPronoun(clause.subject)) return null;
  return textOf(clause.tokens, clause.subject.start, clause.subject.end);
}
